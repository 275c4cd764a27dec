import { createRemoteJWKSet, customFetch, jwtVerify } from 'jose'
import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import * as oauth from 'openid-client'
import { basic, createAuthorizationBed, globexUri, secrets } from './authorization-testbed.ts'
import type { Caller } from './authorization-testbed.ts'
import { resources } from './config.ts'

const audience = 'https://payments.trustbench.test'
const scope = 'payments:read payments:write'
const bed = await createAuthorizationBed()
const server = await bed.start()
after(async () => {
  await server[Symbol.asyncDispose]()
  await bed[Symbol.asyncDispose]()
})

const jwks = createRemoteJWKSet(new URL(`${server.issuer}/jwks`), {
  [customFetch]: async () => new Response((await server.ask('/jwks')).body),
})
const bySecret: Caller = { by: oauth.ClientSecretBasic(secrets.secret) }
const client = await server.connect('secret', bySecret)
const introspector = await server.connect('payments-api', {
  by: oauth.ClientSecretBasic(secrets['payments-api']),
})

describe('a token', () => {
  const { client: identity } = bed
  const bound = { cnf: { 'x5t#S256': identity.thumbprintS256 } }
  const callers: readonly (Caller & { clientId: string; extra?: object })[] = [
    { clientId: 'secret', ...bySecret },
    { clientId: 'assertion', by: oauth.PrivateKeyJwt(bed.assertionKeys.privateKey) },
    { clientId: 'certificate', by: oauth.TlsClientAuth(), identity },
    { clientId: 'certificate-bound', by: oauth.TlsClientAuth(), identity, extra: bound },
    {
      clientId: 'secret-bound',
      by: oauth.ClientSecretBasic(secrets['secret-bound']),
      identity,
      extra: bound,
    },
  ]
  const claims = (clientId: string) => ({
    iss: server.issuer,
    aud: audience,
    client_id: clientId,
    org_id: 'acme',
    scope,
  })

  for (const { clientId, extra, ...caller } of callers) {
    test(`of ${clientId} as JWT is RFC 9068`, async () => {
      const owner = await server.connect(clientId, caller)
      const token = await oauth.clientCredentialsGrant(owner, { resource: resources.jwt, scope })
      const { payload, protectedHeader } = await jwtVerify(token.access_token, jwks)
      const { iat = NaN, jti = '' } = payload
      const times = { iat, exp: iat + 600 }
      assert.equal(token.expires_in, 600)
      assert.deepEqual(protectedHeader, { alg: 'ES256', typ: 'at+jwt', kid: 'ES256' })
      assert.match(jti, /^[\w-]{43}$/)
      assert.deepEqual(payload, { ...claims(clientId), ...extra, ...times, sub: clientId, jti })
    })

    test(`of ${clientId} as opaque token introspects to the same`, async () => {
      const owner = await server.connect(clientId, caller)
      const resource = resources.opaque
      const token = await oauth.clientCredentialsGrant(owner, { resource, scope })
      assert.match(token.access_token, /^[\w-]{43}$/)
      const answer = await oauth.tokenIntrospection(introspector, token.access_token)
      const { iat = NaN } = answer
      assert.deepEqual(answer, {
        ...claims(clientId),
        ...extra,
        active: true,
        token_type: 'Bearer',
        iat,
        exp: iat + 600,
      })
    })
  }

  test('names the tenant of its client', async () => {
    const globex = await bed.issueClient([globexUri])
    const owner = await server.connect('globex', { by: oauth.TlsClientAuth(), identity: globex })
    const token = await oauth.clientCredentialsGrant(owner, { resource: resources.jwt })
    const { payload } = await jwtVerify(token.access_token, jwks)
    assert.deepEqual([payload['org_id'], payload.sub], ['globex', 'globex'])
  })

  test('has an id of its own: 50 JWT, 50 ids', async () => {
    const ids = new Set<unknown>()
    for (let n = 0; n < 50; n += 1) {
      const token = await oauth.clientCredentialsGrant(client, { resource: resources.jwt })
      ids.add((await jwtVerify(token.access_token, jwks)).payload.jti)
    }
    assert.equal(ids.size, 50)
  })
})

describe('the resource', () => {
  const other = 'https://other.trustbench.test'
  const rows = [
    { resource: resources.jwt, parts: 3, aud: audience, expiresIn: 600 },
    { resource: resources.opaque, parts: 1, aud: audience, expiresIn: 600 },
    { resource: resources.shortJwt, parts: 3, aud: audience, expiresIn: 2 },
    { resource: resources.shortOpaque, parts: 1, aud: audience, expiresIn: 2 },
    { resource: resources.otherJwt, parts: 3, aud: other, expiresIn: 600 },
    { resource: resources.otherOpaque, parts: 1, aud: other, expiresIn: 600 },
  ]
  for (const { resource, parts, aud, expiresIn } of rows) {
    test(`${resource} decides form, life and audience`, async () => {
      const token = await oauth.clientCredentialsGrant(client, { resource, scope })
      const { access_token: value } = token
      assert.equal(token.expires_in, expiresIn)
      assert.equal(value.split('.').length, parts)
      const read =
        parts === 3
          ? (await jwtVerify(value, jwks)).payload
          : await oauth.tokenIntrospection(introspector, value)
      assert.equal(read.aud, aud)
      assert.equal(Number(read.exp) - Number(read.iat), expiresIn)
    })
  }

  const refused: Record<string, readonly string[]> = {
    'that is missing': [],
    'that is empty': [''],
    'that is unknown': ['urn:trustbench:unknown'],
    'that is no absolute URI': ['constructor'],
    'asked for beside another': [resources.jwt, resources.opaque],
  }
  for (const [name, resource] of Object.entries(refused)) {
    test(`${name}: 400 invalid_target`, async () => {
      const headers = basic('secret', secrets.secret)
      const answer = await server.token({ headers, form: { resource, scope } })
      assert.deepEqual([answer.status, answer.members['error']], [400, 'invalid_target'])
    })
  }
})

describe('the scope', () => {
  const rows = [
    { asked: 'payments:write', granted: 'payments:write' },
    { asked: 'payments:read unheard:of', granted: 'payments:read' },
    { asked: '', granted: undefined },
  ]
  for (const { asked, granted } of rows) {
    test(`"${asked}" gives ${granted ?? 'none'}`, async () => {
      const form = { resource: resources.jwt, ...(asked && { scope: asked }) }
      const token = await oauth.clientCredentialsGrant(client, form)
      const { payload } = await jwtVerify(token.access_token, jwks)
      assert.deepEqual([token.scope, payload['scope']], [granted, granted])
    })
  }

  test('is at most the registered one: admin:manage is 400 invalid_scope', async () => {
    const headers = basic('secret', secrets.secret)
    const answer = await server.token({ headers, form: { scope: 'payments:read admin:manage' } })
    assert.deepEqual([answer.status, answer.members['error']], [400, 'invalid_scope'])
  })
})
