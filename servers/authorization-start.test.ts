import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { after, describe, test } from 'node:test'
import { basic, createAuthorizationBed, secrets, signingKeys } from './authorization-testbed.ts'
import type { AuthorizationConfig, RegisteredClient } from './config.ts'
import { resources } from './config.ts'
import { exitOf, runToEnd } from './server-testbed.ts'

const wrong = 'wrong-secret-0123456789'
const bed = await createAuthorizationBed()
const server = await bed.start()
after(async () => {
  await server[Symbol.asyncDispose]()
  await bed[Symbol.asyncDispose]()
})

describe('what is published', () => {
  test('is what RFC 8414 asks for, under the issuer whatever Host says', async () => {
    const headers = { host: 'evil.test' }
    const { issuer } = server
    for (const name of ['oauth-authorization-server', 'openid-configuration']) {
      const { members } = await server.ask(`/.well-known/${name}`, { headers })
      assert.deepEqual(
        Object.entries(members).filter(([, value]) => JSON.stringify(value).includes('evil')),
        [],
      )
      assert.deepEqual(
        [members['issuer'], members['token_endpoint'], members['jwks_uri']],
        [issuer, `${issuer}/token`, `${issuer}/jwks`],
      )
      assert.equal(members['introspection_endpoint'], `${issuer}/token/introspection`)
      assert.equal(members['revocation_endpoint'], `${issuer}/token/revocation`)
      assert.equal(members['tls_client_certificate_bound_access_tokens'], true)
      assert.deepEqual(members['grant_types_supported'], ['client_credentials'])
      assert.deepEqual(members['token_endpoint_auth_methods_supported'], [
        'client_secret_basic',
        'private_key_jwt',
        'tls_client_auth',
      ])
    }
  })

  test('has every signing key, and of each only the public part', async () => {
    const before = await server.snapshot()
    const { body } = await server.ask('/jwks')
    const { counters } = await server.snapshot()
    const kids = [...body.matchAll(/"kid":"(\w+)"/g)].map(([, kid]) => kid)
    assert.deepEqual(kids, ['RS256', 'ES256', 'EdDSA'])
    assert.doesNotMatch(body, /"(d|p|q|dp|dq|qi|oth|k)":/)
    assert.equal(counters['jwksFetches'], (before.counters['jwksFetches'] ?? 0) + 1)
  })

  test('is nothing else: 404', async () => {
    const paths = [
      '/',
      '/auth',
      '/me',
      '/reg',
      '/session/end',
      '/interaction/x',
      '/token/',
      '/jwks/',
    ]
    for (const path of [...paths, `${server.issuer}/jwks`]) {
      assert.deepEqual([path, (await server.ask(path)).status], [path, 404])
    }
  })

  for (const algorithm of ['ES384', 'RS256', 'PS256', 'EdDSA'] as const) {
    test(`can be of ${algorithm} alone`, async () => {
      const signing = await bed.write('signing.json', JSON.stringify(await signingKeys(algorithm)))
      const databaseFile = `${bed.authorization.databaseFile}-${algorithm}`
      await using own = await bed.start({ signingJwksFile: signing, algorithm, databaseFile })
      const headers = basic('secret', secrets.secret)
      const { members } = await own.token({ headers, form: { resource: resources.jwt } })
      const header = Buffer.from(String(members['access_token']).split('.')[0] ?? '', 'base64url')
      assert.deepEqual(JSON.parse(header.toString()), {
        alg: algorithm,
        typ: 'at+jwt',
        kid: algorithm,
      })
    })
  }
})

test('a program of its own logs neither secrets nor tokens, nor lines of the library', async (t) => {
  const databaseFile = `${bed.authorization.databaseFile}-alone`
  const config = await bed.write('config', JSON.stringify({ ...bed.authorization, databaseFile }))
  const child = spawn(process.execPath, [join(import.meta.dirname, 'authorization.ts'), config])
  t.after(() => child.kill('SIGKILL'))
  const [stdout, stderr] = [collect(child.stdout), collect(child.stderr)]
  await once(child.stderr, 'data')
  const { ask, token } = bed.reach(Number(/"url":"https:..127.0.0.1:(\d+)"/.exec(stderr())?.[1]))
  const owner = basic('secret', secrets.secret)
  const { members } = await token({ headers: owner })
  const opaque = String(members['access_token'])
  const jwt = `${opaque}.${opaque}.${opaque}`
  await token({
    headers: { ...basic('secret', wrong), accept: 'text/html', origin: 'https://a.test' },
  })
  await token({ headers: { authorization: `Basic ${secrets.secret}` } })
  await token({ form: { client_assertion: jwt, client_assertion_type: jwt } })
  await token({ form: { client_id: 'certificate', scope: opaque, resource: opaque } })
  await ask('/token/introspection', { headers: basic('payments-api', wrong), form: { token: jwt } })
  await ask('/token/revocation', { headers: owner, form: { token: jwt } })
  await ask('/token/revocation', { headers: owner, form: { token: opaque } })
  child.kill('SIGTERM')
  const code = await exitOf(child)

  const [ready, ...refused] = stderr().trimEnd().split('\n')
  assert.equal(code, 0)
  assert.equal(stdout(), '')
  assert.match(ready ?? '', /^{"event":"ready","url":"https:/)
  assert.equal(refused.length, 5)
  for (const line of refused) assert.match(line, /^{"event":"refused","reason":"[^"]+","status":40/)
  for (const text of [...Object.values(secrets), wrong, opaque, 'Basic ', 'PRIVATE']) {
    assert.ok(!stderr().includes(text), `the log has ${text}`)
  }
})

test('a client that goes away in the middle leaves no stack trace', async () => {
  const logged = server.stderr().length
  const { requests } = await server.snapshot()
  const request = server.begin(bed.client).on('error', () => undefined)
  while ((await server.snapshot()).requests === requests) continue
  request.destroy()
  while ((await server.snapshot()).connectionsOpen > 0) continue
  assert.equal((await server.ask('/jwks')).status, 200)
  assert.deepEqual(server.stderr().slice(logged).trimEnd().split('\n'), [
    '{"event":"failed","error":"Error","message":"Parse Error"}',
    '{"event":"refused","reason":"invalid_request: aborted","status":400}',
  ])
})

describe('the program does not start, exits 3 and says in one line', () => {
  const good = bed.authorization
  const none = '/nonexistent/file'
  const client = (
    id: string,
    changes: Partial<RegisteredClient>,
  ): Partial<AuthorizationConfig> => ({
    clients: good.clients.map((one) => (one.clientId === id ? { ...one, ...changes } : one)),
  })
  const rows: Record<
    string,
    () => Partial<AuthorizationConfig> | Promise<Partial<AuthorizationConfig>>
  > = {
    [`signingJwksFile ${none} cannot be read`]: () => ({ signingJwksFile: none }),
    [`tls.keyFile ${none} cannot be read`]: () => ({ tls: { ...good.tls, keyFile: none } }),
    [`clients.caFile ${none} cannot be read`]: () => ({ clientCaFile: none }),
    [`secretFile of secret ${none} cannot be read`]: () => client('secret', { secretFile: none }),
    [`jwksFile of assertion ${none} cannot be read`]: () => client('assertion', { jwksFile: none }),
    'client secret has no secretFile': () => client('secret', { secretFile: null }),
    'client assertion has no jwksFile': () => client('assertion', { jwksFile: null }),
    'client globex has no sanUri': () => client('globex', { sanUri: null }),
    'client secret is registered twice': () => client('globex', { clientId: 'secret' }),
    'client payments-api is registered twice': () => client('globex', { clientId: 'payments-api' }),
    'client globex: scope must only contain': () => client('globex', { scope: 'all' }),
    'is empty': async () => client('secret', { secretFile: await bed.write('empty', '\n') }),
    'client assertion: client JSON Web Key Set is invalid': () =>
      client('assertion', { jwksFile: good.signingJwksFile }),
    'has no key for ES384': () => ({ algorithm: 'ES384' }),
    'is no JWK set': async () => ({ signingJwksFile: await bed.write('x', '{"keys":[]}') }),
    'is no JWK set:': async () => ({ signingJwksFile: await bed.write('x', secrets.secret) }),
    'key 0 is no private key': () => ({
      signingJwksFile: good.clients.find(({ jwksFile }) => jwksFile !== null)?.jwksFile ?? none,
    }),
    [`databaseFile ${bed.folder} cannot be opened`]: () => ({ databaseFile: bed.folder }),
    [`port 127.0.0.1:${server.port} is taken (EADDRINUSE)`]: () => ({ port: server.port }),
  }
  for (const [message, make] of Object.entries(rows)) {
    test(
      message.replaceAll(bed.folder, 'FOLDER').replace(String(server.port), 'PORT'),
      async () => {
        const config = JSON.stringify({ ...good, ...(await make()) })
        const { code, stderr } = await runToEnd('authorization', await bed.write('config', config))
        assert.ok(stderr.includes(message), stderr)
        assert.equal(stderr.indexOf('\n'), stderr.length - 1, stderr)
        assert.equal(code, 3)
        for (const secret of Object.values(secrets)) assert.ok(!stderr.includes(secret))
      },
    )
  }
})

function collect(stream: Readable): () => string {
  let text = ''
  stream.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
  return () => text
}
