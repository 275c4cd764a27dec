import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Ajv } from 'ajv'
import {
  authorizationConfigSchema,
  parseAuthorizationConfig,
  parseServerConfig,
  withoutDefaults,
  serverConfigSchema,
} from './config-schema.ts'
import type { AuthorizationConfig, ServerConfig } from './config.ts'

const tls = {
  version: '1.3',
  certificateFile: 'c',
  keyFile: 'k',
  pinnedTicketKeys: false,
  ticketSecretFile: 't',
} as const
const server: ServerConfig = {
  host: '127.0.0.1',
  port: 0,
  tls,
  clients: {
    caFile: 'a',
    crlFile: 'r',
    allowed: { 'spiffe://x/y': { orgId: 'acme' } },
    bySan: null,
  },
  issuer: {
    issuer: 'https://localhost:1',
    jwksUri: 'https://localhost:1/jwks',
    introspectionEndpoint: 'https://localhost:1/i',
    caFile: 'a',
    audience: 'x',
    algorithms: ['ES256'],
    sharedSecretFile: null,
    verifier: 'jose',
    tokenCacheMs: 0,
    keySetMaxAgeMs: 600_000,
    keySetCooldownMs: 30_000,
    staleIfErrorMs: 0,
    clockToleranceSeconds: 0,
    cacheEntries: 1,
    clientId: 'c',
    clientSecretFile: 's',
    introspectionCacheMs: 0,
    introspectionTimeoutMs: 1,
  },
  token: 'jwt',
  bodyBytes: 0,
  workers: 1,
  tenants: 0,
  drainMs: null,
  upstream: {
    url: 'https://127.0.0.1:1',
    caFile: 'a',
    identity: { certificateFile: 'c', keyFile: 'k' },
    ownTokens: {
      issuer: 'https://localhost:1',
      caFile: 'a',
      clientIds: { acme: 'acme-edge' },
      resource: 'urn:x',
      scope: 's',
    },
  },
  spans: true,
  partners: {
    partners: { acme: { scopes: ['payments:read'], quotaPerMinute: 1 } },
    auditFile: 'l',
  },
  gateway: null,
}
const { upstream } = server
const none = { upstream: null, spans: false, partners: null } as const
const authorization: AuthorizationConfig = {
  host: '127.0.0.1',
  port: 65_535,
  tls,
  clientCaFile: 'a',
  clientCrlFile: 'r',
  signingJwksFile: 'j',
  algorithm: 'EdDSA',
  audience: 'x',
  clients: [
    {
      clientId: 'c',
      orgId: 'acme',
      scope: 's',
      authentication: 'client_secret_basic',
      secretFile: 's',
      previousSecretFile: null,
      jwksFile: null,
      sanUri: null,
      boundTokens: false,
      proofBoundTokens: false,
    },
  ],
  introspectors: [{ clientId: 'c', secretFile: 's' }],
  sharedSecretFile: null,
  store: 'sqlite',
  storePasswordFile: null,
  databaseFile: 'd',
  accessTokenTtlSeconds: 1,
  tokenBytes: 0,
  latencyMs: 0,
}

describe('schemas', () => {
  for (const [name, schema] of [
    ['server', serverConfigSchema()],
    ['authorization', authorizationConfigSchema()],
  ] as const) {
    it(`${name}: is itself valid, by the meta-schema that the programs leave out`, () => {
      const ajv = new Ajv({ strict: true })
      assert.equal(ajv.validateSchema(schema), true, JSON.stringify(ajv.errors))
    })
  }
})

describe('parseServerConfig', () => {
  for (const [name, changes] of [
    ['everything', {}],
    ['the least', { tls: null, clients: null, issuer: null, token: 'none', ...none }],
  ] as const) {
    it(`takes ${name}`, () => {
      assert.deepEqual(parseServerConfig({ ...server, ...changes }), { ...server, ...changes })
    })
  }

  for (const [name, value, message] of [
    ['nothing', {}, /it must have required property 'host'; .*'token'/],
    ['no object', [], /it must be object/],
    ['null', null, /it must be object/],
    ['a name that is misspelt', { ...server, ports: 1 }, /additional properties \(ports\)/],
    ['a port out of range', { ...server, port: 65_536 }, /port must be <= 65535/],
    ['a port as text', { ...server, port: '0' }, /port must be integer/],
    ['a TLS version', { ...server, tls: { ...tls, version: '1.1' } }, /tls.version .*\(1.2, 1.3\)/],
    ['no key file', { ...server, tls: { ...tls, keyFile: '' } }, /tls.keyFile must NOT have fewer/],
    [
      'plain HTTP to another machine',
      { ...server, upstream: { ...upstream, url: 'http://10.0.0.1:80' } },
      /upstream.url must match pattern/,
    ],
    [
      'a quota of nothing',
      {
        ...server,
        partners: { partners: { a: { scopes: [], quotaPerMinute: 0 } }, auditFile: 'l' },
      },
      /partners.a.quotaPerMinute must be >= 1/,
    ],
    ['a token form', { ...server, token: 'saml' }, /token .*\(none, jwt, opaque\)/],
    [
      'an issuer without TLS',
      { ...server, issuer: { ...server.issuer, jwksUri: 'http://localhost/jwks' } },
      /issuer.jwksUri must match pattern "\^https:/,
    ],
    [
      'an algorithm that no server here checks',
      { ...server, issuer: { ...server.issuer, algorithms: ['HS512'] } },
      /issuer.algorithms.0 .*\(ES256, ES384, RS256, PS256, EdDSA, HS256\)/,
    ],
    [
      'a clock tolerance of more than a minute',
      { ...server, issuer: { ...server.issuer, clockToleranceSeconds: 61 } },
      /issuer.clockToleranceSeconds must be <= 60/,
    ],
    ['a drain without an end', { ...server, drainMs: 0 }, /drainMs must be >= 1/],
    [
      'no algorithm',
      { ...server, issuer: { ...server.issuer, algorithms: [] } },
      /issuer.algorithms must NOT have fewer than 1 items/,
    ],
    [
      'a client without a tenant',
      { ...server, clients: { ...server.clients, allowed: { a: {} } } },
      /clients.allowed.a must have required property 'orgId'/,
    ],
  ] as const) {
    it(`refuses ${name}`, () => {
      assert.throws(() => parseServerConfig(value), { name: 'StartError', message })
    })
  }
})

describe('parseAuthorizationConfig', () => {
  it('takes everything', () => {
    assert.deepEqual(parseAuthorizationConfig(authorization), authorization)
  })

  for (const [name, changes, message] of [
    [
      'a time to live of nothing',
      { accessTokenTtlSeconds: 0 },
      /accessTokenTtlSeconds must be >= 1/,
    ],
    ['no TLS', { tls: null }, /tls must be object/],
    ['an unknown algorithm', { algorithm: 'none' }, /algorithm .*\(ES256,/],
  ] as const) {
    it(`refuses ${name}`, () => {
      const value = { ...authorization, ...changes }
      assert.throws(() => parseAuthorizationConfig(value), { name: 'StartError', message })
    })
  }
})

describe('withoutDefaults', () => {
  it('leaves out what a server of an older commit would not know, and loses nothing', () => {
    const { clients } = server
    const plain = { ...server, clients: clients && { ...clients, bySan: null } }
    const kept = withoutDefaults(plain) as Record<string, unknown>
    for (const name of ['bodyBytes', 'workers', 'tenants']) assert.ok(!(name in kept), name)
    assert.ok(!JSON.stringify(kept).includes('bySan'))
    assert.deepEqual(parseServerConfig(structuredClone(kept)), plain)
    const stripped = withoutDefaults(authorization)
    assert.ok(!JSON.stringify(stripped).includes('proofBoundTokens'))
    assert.deepEqual(parseAuthorizationConfig(structuredClone(stripped)), authorization)
  })

  it('keeps every setting that is not at its default', () => {
    const { issuer } = server
    const changed = {
      ...server,
      workers: 2,
      issuer: issuer && { ...issuer, verifier: 'node' as const, tokenCacheMs: 5 },
    }
    const kept = JSON.stringify(withoutDefaults(changed))
    for (const part of ['"workers":2', '"verifier":"node"', '"tokenCacheMs":5'])
      assert.ok(kept.includes(part), part)
  })
})
