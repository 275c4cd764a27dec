import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, it } from 'node:test'
import {
  answerJson,
  goodClaims,
  issuerConfig,
  quietTelemetry,
  startIssuer,
} from '../issuer-testbed.ts'
import type { FakeIssuer } from '../issuer-testbed.ts'
import { createTestbed } from '../server-testbed.ts'
import type { Testbed } from '../server-testbed.ts'
import { exchange } from './exchange-testbed.ts'
import { basicAuthorization, createIntrospectionGuard, readAnswer } from './introspection.ts'

describe('readAnswer', () => {
  const expected = { issuer: 'https://localhost:1', audience: 'https://payments.trustbench.test' }
  const good = {
    active: true,
    client_id: 'acme-billing',
    exp: Math.floor(Date.now() / 1_000) + 60,
    iss: expected.issuer,
    aud: expected.audience,
    scope: 'payments:read payments:write',
    org_id: 'acme',
  }
  const read = (value: unknown, status = 200, mediaType = 'application/json') => {
    const body = typeof value === 'string' ? value : JSON.stringify(value)
    return readAnswer({ status, mediaType, body }, expected)
  }

  it('reads an active token', () => {
    const cnf = { 'x5t#S256': 'abc' }
    assert.deepEqual(read({ ...good, cnf }), {
      token: {
        clientId: 'acme-billing',
        scopes: ['payments:read', 'payments:write'],
        orgId: 'acme',
        confirmation: cnf,
      },
      expiresAtMs: good.exp * 1_000,
    })
  })

  it('takes a list of audiences with ours, and a token without scope or tenant', () => {
    const answer = read({ ...good, aud: ['x', good.aud], scope: undefined, org_id: undefined })
    assert.ok('token' in answer)
    assert.deepEqual([answer.token.scopes, answer.token.orgId], [[], null])
  })

  for (const [id, value, status, reason] of [
    ['I1 inactive', { active: false }, 401, 'token_inactive'],
    ['inactive beside good claims', { ...good, active: false }, 401, 'token_inactive'],
    ['I7 active as text', { ...good, active: 'true' }, 503, 'introspection_malformed'],
    ['I7 active as a number', { ...good, active: 1 }, 503, 'introspection_malformed'],
    ['I7 no active', { ...good, active: undefined }, 503, 'introspection_malformed'],
    ['I2 expired', { ...good, exp: good.exp - 61 }, 401, 'token_expired'],
    ['no exp', { ...good, exp: undefined }, 401, 'missing_claim'],
    ['exp as text', { ...good, exp: String(good.exp) }, 401, 'missing_claim'],
    ['another issuer', { ...good, iss: 'https://localhost:2' }, 401, 'wrong_issuer'],
    ['no issuer', { ...good, iss: undefined }, 401, 'wrong_issuer'],
    ['I9 another audience', { ...good, aud: 'https://other.test' }, 401, 'wrong_audience'],
    ['I9 audience as a prefix', { ...good, aud: `${good.aud}.evil` }, 401, 'wrong_audience'],
    ['I9 no audience', { ...good, aud: undefined }, 401, 'wrong_audience'],
    ['no client', { ...good, client_id: undefined }, 401, 'missing_claim'],
    ['I8 not JSON', '<html>', 503, 'introspection_not_json'],
    ['I8 JSON, but no object', 'true', 503, 'introspection_not_json'],
    ['I8 null', 'null', 503, 'introspection_not_json'],
    ['I8 empty', '', 503, 'introspection_not_json'],
  ] as const) {
    it(`refuses: ${id}`, () => {
      const refusal = read(value)
      assert.ok('reason' in refusal)
      assert.deepEqual([refusal.status, refusal.reason], [status, reason])
    })
  }

  for (const [id, httpStatus, mediaType, status, reason] of [
    [
      'I5 our own credentials are wrong',
      401,
      'application/json',
      503,
      'introspection_unauthorized',
    ],
    ['I8 redirect', 302, 'application/json', 503, 'introspection_refused'],
    ['server error', 500, 'application/json', 503, 'introspection_refused'],
    ['another success', 201, 'application/json', 503, 'introspection_refused'],
    [
      'a form of token the issuer does not know',
      400,
      'application/json',
      401,
      'token_not_introspectable',
    ],
    ['I8 another media type', 200, 'text/html', 503, 'introspection_not_json'],
    ['signed answer', 200, 'application/token-introspection+jwt', 503, 'introspection_not_json'],
  ] as const) {
    it(`refuses a good body: ${id}`, () => {
      const refusal = read(good, httpStatus, mediaType)
      assert.ok('reason' in refusal)
      assert.deepEqual([refusal.status, refusal.reason], [status, reason])
    })
  }
})

describe('basicAuthorization', () => {
  it('form-encodes both parts before base64', () => {
    const [scheme, credentials = ''] = basicAuthorization('a:b c', 's%+é/').split(' ')
    assert.equal(scheme, 'Basic')
    assert.equal(Buffer.from(credentials, 'base64').toString(), 'a%3Ab+c:s%25%2B%C3%A9%2F')
  })
})

describe('createIntrospectionGuard', () => {
  let bed: Testbed
  let issuer: FakeIssuer
  const good: FakeIssuer['answer'] = (token, response) => {
    const active = issuer.introspection.get(token)
    answerJson(response, active ?? { active: false })
  }
  before(async () => {
    bed = await createTestbed()
    issuer = await startIssuer(bed)
  })
  beforeEach(() => {
    issuer.answer = good
    issuer.seen.length = 0
    issuer.introspection.clear()
    const { config } = issuer
    for (const [token, client_id] of [
      ['token-a', 'a'],
      ['token-ab', 'b'],
    ] as const) {
      issuer.introspection.set(token, { ...goodClaims(config), active: true, client_id })
    }
  })
  after(async () => {
    await issuer[Symbol.asyncDispose]()
    await bed[Symbol.asyncDispose]()
  })

  const create = (changes: object = {}) => {
    const { telemetry } = quietTelemetry()
    const guard = createIntrospectionGuard({ ...issuer.config, ...changes }, telemetry)
    const ask = async (token: string) => {
      const request = exchange({ rawHeaders: ['authorization', `Bearer ${token}`] })
      const refusal = await guard(request)
      return { refusal, client: request.caller.token?.clientId ?? null }
    }
    return { ask, counters: () => telemetry.snapshot().counters }
  }

  it('asks as RFC 7662 says, with its own credentials, at each request', async () => {
    const { ask, counters } = create()
    assert.deepEqual(await ask('token-a'), { refusal: null, client: 'a' })
    assert.deepEqual(await ask('token-a'), { refusal: null, client: 'a' })
    assert.deepEqual(counters(), { introspectionCalls: 2 })
    const [{ path, headers, body } = assert.fail()] = issuer.seen
    assert.equal(path, '/introspection')
    assert.equal(body, 'token=token-a&token_type_hint=access_token')
    assert.equal(headers['content-type'], 'application/x-www-form-urlencoded')
    const secret = 'a secret+with/reserved:characters'
    assert.equal(headers.authorization, basicAuthorization('payments-api', secret))
  })

  it('asks apart for requests that come together when it has no cache', async () => {
    const { ask, counters } = create()
    await Promise.all([ask('token-a'), ask('token-a')])
    assert.deepEqual(counters(), { introspectionCalls: 2 })
  })

  it('remembers by the whole token: I12, I13', async () => {
    const { ask, counters } = create({ introspectionCacheMs: 60_000 })
    const answers = [await ask('token-a'), await ask('token-ab'), await ask('token-a')]
    assert.deepEqual(
      answers.map(({ client }) => client),
      ['a', 'b', 'a'],
    )
    assert.deepEqual(counters(), { introspectionCalls: 2, introspectionCacheHits: 1 })
    assert.equal((await ask('token')).refusal?.reason, 'token_inactive')
    assert.equal((await ask('token-abc')).refusal?.reason, 'token_inactive')
  })

  it('sends a token that needs encoding whole', async () => {
    const { ask } = create()
    await ask('a+b/c==')
    assert.equal(issuer.seen[0]?.body, 'token=a%2Bb%2Fc%3D%3D&token_type_hint=access_token')
  })

  const unavailable = (reason: string) => ({
    refusal: { status: 503, reason, retryAfterSeconds: 1 },
    client: null,
  })

  it('refuses closed when the issuer is down: I6', async () => {
    const { introspectionEndpoint } = await issuerConfig(bed, 'https://localhost:1')
    const { ask } = create({ introspectionEndpoint })
    assert.deepEqual(await ask('token-a'), unavailable('issuer_unavailable'))
  })

  it('refuses closed when the issuer is silent, or drips: I6', async () => {
    issuer.answer = () => undefined
    const { ask } = create({ introspectionTimeoutMs: 50 })
    assert.deepEqual(await ask('token-a'), unavailable('issuer_unavailable'))
    issuer.answer = (_token, response) => {
      // Each byte is an event on the socket: only a deadline for the whole exchange ends this.
      const dripping = setInterval(() => response.write(' '), 10)
      response.on('close', () => {
        clearInterval(dripping)
      })
    }
    assert.deepEqual(await ask('token-a'), unavailable('issuer_unavailable'))
  })

  it('refuses closed when the issuer breaks off, or never ends: I6', async () => {
    const { ask } = create()
    issuer.answer = (_token, response) => {
      response.setHeader('content-type', 'application/json').write('{"active":')
      response.flushHeaders()
      setImmediate(() => response.destroy())
    }
    assert.deepEqual(await ask('token-a'), unavailable('issuer_unavailable'))
    issuer.answer = (_token, response) => {
      response.setHeader('content-type', 'application/json').end(`"${'x'.repeat(2_000_000)}"`)
    }
    assert.deepEqual(await ask('token-a'), unavailable('issuer_unavailable'))
  })

  it('never follows a redirect, so its credentials stay here: I8', async () => {
    issuer.answer = (_token, response) => {
      response.writeHead(307, { location: `${issuer.config.issuer}/elsewhere` }).end()
    }
    const { ask } = create()
    assert.deepEqual(await ask('token-a'), unavailable('introspection_refused'))
    assert.deepEqual(
      issuer.seen.map(({ path }) => path),
      ['/introspection'],
    )
  })

  it('sends its credentials to no server that the anchor does not vouch for', async () => {
    const { ask } = create({ caFile: await bed.write('rogue.pem', bed.rogue.certificatePem) })
    assert.deepEqual(await ask('token-a'), unavailable('issuer_unavailable'))
    assert.equal(issuer.seen.length, 0)
  })

  it('works again as soon as the issuer does', async () => {
    const { ask } = create({ introspectionCacheMs: 60_000 })
    issuer.answer = (_token, response) => response.writeHead(500).end()
    assert.deepEqual(await ask('token-a'), unavailable('introspection_refused'))
    issuer.answer = good
    assert.deepEqual(await ask('token-a'), { refusal: null, client: 'a' })
  })
})
