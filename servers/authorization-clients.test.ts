import { exportJWK, exportSPKI, generateKeyPair, SignJWT, UnsecuredJWT } from 'jose'
import type { CryptoKey } from 'jose'
import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import * as oauth from 'openid-client'
import { basic, createAuthorizationBed, presenting, secrets } from './authorization-testbed.ts'
import type { Ask } from './authorization-testbed.ts'
import { resources } from './config.ts'

const inOneMinute = Math.floor(Date.now() / 1_000) + 60
const bed = await createAuthorizationBed()
const server = await bed.start()
after(async () => {
  await server[Symbol.asyncDispose]()
  await bed[Symbol.asyncDispose]()
})

describe('a client is refused', () => {
  const authorized = { headers: basic('secret', secrets.secret) }
  const rows: readonly [name: string, status: number, error: string, ask: Ask][] = [
    ['with a wrong secret', 401, 'invalid_client', { headers: basic('secret', 'wrong') }],
    [
      'with the secret of another',
      ...([401, 'invalid_client'] as const),
      { headers: basic('secret', secrets['secret-bound']) },
    ],
    [
      'that is unknown',
      ...([401, 'invalid_client'] as const),
      { headers: basic('nobody', secrets.secret) },
    ],
    [
      'with its secret in the body',
      ...([401, 'invalid_client'] as const),
      { form: { client_id: 'secret', client_secret: secrets.secret } },
    ],
    ['by its name alone', 401, 'invalid_client', { form: { client_id: 'secret' } }],
    [
      'with a certificate instead of its secret',
      ...([401, 'invalid_client'] as const),
      { form: { client_id: 'secret' }, ...presenting(bed.client) },
    ],
    [
      'with a secret instead of its certificate',
      ...([401, 'invalid_client'] as const),
      { headers: basic('certificate', secrets.secret), ...presenting(bed.client) },
    ],
    ['by nothing', 400, 'invalid_request', {}],
    [
      'for another grant',
      ...([400, 'unsupported_grant_type'] as const),
      { ...authorized, form: { grant_type: 'password', username: 'a', password: 'b' } },
    ],
    [
      'that may only introspect',
      ...([400, 'invalid_request'] as const),
      { headers: basic('payments-api', secrets['payments-api']) },
    ],
  ]
  for (const [name, status, error, ask] of rows) {
    test(`${name}: ${status} ${error}`, async () => {
      const before = await server.snapshot()
      const answer = await server.token(ask)
      const { counters, refusals } = await server.snapshot()
      assert.deepEqual([answer.status, answer.members['error']], [status, error])
      assert.equal(counters['tokensIssued'], before.counters['tokensIssued'])
      assert.equal(total(refusals), total(before.refusals) + 1)
    })
  }

  test('with the header that RFC 6749 section 5.2 wants', async () => {
    const { headers } = await server.token({ headers: basic('secret', 'wrong') })
    assert.match(String(headers['www-authenticate']), /^Basic .*error="invalid_client"/)
  })
})

describe('a client assertion', () => {
  const { privateKey, publicKey } = bed.assertionKeys
  const good = { iss: 'assertion', sub: 'assertion', aud: server.issuer }
  const sign = (claims: object = {}, key: CryptoKey | Uint8Array = privateKey) =>
    new SignJWT({ ...good, jti: crypto.randomUUID(), exp: inOneMinute, ...claims })
      .setProtectedHeader({ alg: key instanceof Uint8Array ? 'HS256' : 'ES256' })
      .sign(key)

  test('authenticates once', async () => {
    const assertion = await sign()
    const answers = [await present(assertion), await present(assertion)]
    assert.deepEqual(answers, [
      [200, undefined],
      [401, 'invalid_client'],
    ])
  })

  for (const algorithm of ['ES384', 'RS256', 'Ed25519']) {
    test(`of ${algorithm} authenticates, made by the public library`, async () => {
      const keys = await generateKeyPair(algorithm, { extractable: true })
      const jwks = JSON.stringify({ keys: [await exportJWK(keys.publicKey)] })
      const jwksFile = await bed.write('client.json', jwks)
      const clients = bed.authorization.clients
        .filter(({ clientId }) => clientId === 'assertion')
        .map((client) => ({ ...client, jwksFile }))
      const databaseFile = `${bed.authorization.databaseFile}-${algorithm}`
      await using own = await bed.start({ clients, databaseFile })
      const by = oauth.PrivateKeyJwt(keys.privateKey)
      const client = await own.connect('assertion', { by })
      const { token_type } = await oauth.clientCredentialsGrant(client, { resource: resources.jwt })
      assert.equal(token_type, 'bearer')
    })
  }

  const rows: Record<string, () => string | Promise<string>> = {
    'for the token endpoint': () => sign({ aud: `${server.issuer}/token` }),
    'for this and another server': () => sign({ aud: [server.issuer, 'https://other.test'] }),
    'that has expired': () => sign({ exp: 1 }),
    'without expiry': () => sign({ exp: undefined }),
    'without id': () => sign({ jti: undefined }),
    'by another client': () => sign({ iss: 'secret' }),
    'by another key': async () => sign({}, (await generateKeyPair('ES256')).privateKey),
    'with the public key as HMAC key': async () =>
      sign({}, new TextEncoder().encode(await exportSPKI(publicKey))),
    'without signature': () =>
      new UnsecuredJWT({ ...good, jti: crypto.randomUUID(), exp: inOneMinute }).encode(),
  }
  for (const [name, make] of Object.entries(rows)) {
    test(`${name}: 401 invalid_client`, async () => {
      assert.deepEqual(await present(await make()), [401, 'invalid_client'])
    })
  }

  test('for another server, whose name the Host header repeats: 401 invalid_client', async () => {
    const assertion = await sign({ aud: 'https://other.test/token' })
    assert.deepEqual(await present(assertion, { host: 'other.test' }), [401, 'invalid_client'])
  })

  async function present(assertion: string, headers = {}) {
    const type = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
    const form = { client_assertion: assertion, client_assertion_type: type }
    const { status, members } = await server.token({ form, headers })
    return [status, members['error']]
  }
})

function total(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0)
}
