import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { describe, it } from 'node:test'
import type { Guard, Refusal } from './guards/guard.ts'
import { quietTelemetry } from './issuer-testbed.ts'
import { createPayments } from './payments.ts'
import { measuredPath, send } from './server-testbed.ts'

const paymentsPath = '/v1/orgs/acme/payments'
const json = { 'content-type': 'application/json' }
const order = '{"amount":"12.50","currency":"EUR"}'

/** The API behind the given guards, over plain HTTP. */
async function listen(guards: readonly Guard[] = []) {
  const { telemetry, lines } = quietTelemetry()
  const { server, close } = await createPayments({ telemetry, tls: null, guards })
  telemetry.attach(server)
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const address = server.address()
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0
  return {
    port,
    lines,
    snapshot: telemetry.snapshot,
    ask: (
      method: string,
      path: string,
      options: { body?: string; headers?: Record<string, string> } = {},
    ) => send({ scheme: 'http', port, host: '127.0.0.1', method, path, ...options }),
    [Symbol.asyncDispose]: async () => {
      server.close()
      server.closeAllConnections()
      await close?.()
    },
  }
}

describe('payments API', () => {
  it('reads the measured payment, in fixed bytes', async () => {
    await using api = await listen()
    const { status, body, headers } = await api.ask('GET', measuredPath)
    assert.equal(status, 200)
    assert.equal(headers['content-type'], 'application/json; charset=utf-8')
    assert.equal(
      body,
      '{"id":"pay_1001","org_id":"acme","amount":"129.95","currency":"EUR","state":"settled"}',
    )
  })

  it('creates, reads, refuses', async () => {
    await using api = await listen()
    const created = await api.ask('POST', paymentsPath, { body: order, headers: json })
    assert.equal(created.status, 201)
    const payment = { id: 'pay_2001', org_id: 'acme', amount: '12.50', currency: 'EUR' }
    assert.deepEqual(JSON.parse(created.body), { ...payment, state: 'pending' })
    const refused = await api.ask('POST', `${paymentsPath}/pay_2001/refusal`)
    assert.equal(refused.status, 200)
    const read = await api.ask('GET', `${paymentsPath}/pay_2001`)
    assert.deepEqual(JSON.parse(read.body), { ...payment, state: 'refused' })
    assert.equal(api.snapshot().handlerCalls, 3)
  })

  it('keeps tenants apart', async () => {
    await using api = await listen()
    const globex = measuredPath.replace('acme', 'globex')
    assert.equal((await api.ask('GET', globex)).status, 404)
    assert.equal((await api.ask('POST', `${globex}/refusal`)).status, 404)
    assert.equal((await api.ask('GET', measuredPath)).status, 200)
  })

  for (const [name, body] of [
    ['a number as amount', '{"amount":12.5,"currency":"EUR"}'],
    ['three decimals', '{"amount":"12.500","currency":"EUR"}'],
    ['a negative amount', '{"amount":"-1.00","currency":"EUR"}'],
    ['a currency in lower case', '{"amount":"1.00","currency":"eur"}'],
    ['no currency', '{"amount":"1.00"}'],
    ['no object', '"1.00"'],
    ['null', 'null'],
    ['no JSON', '{'],
  ] as const) {
    it(`refuses a payment: ${name}`, async () => {
      await using api = await listen()
      assert.equal((await api.ask('POST', paymentsPath, { body, headers: json })).status, 400)
    })
  }

  for (const [method, path] of [
    ['GET', '/'],
    ['GET', `${paymentsPath}/pay_1001/`],
    ['GET', paymentsPath],
    ['DELETE', measuredPath],
    ['HEAD', measuredPath],
  ] as const) {
    it(`knows no ${method} ${path}: 404, and no handler`, async () => {
      await using api = await listen()
      assert.equal((await api.ask(method, path)).status, 404)
      assert.equal(api.snapshot().handlerCalls, 0)
    })
  }
})

describe('payments API with guards', () => {
  for (const [name, refusal, body] of [
    [
      '401 with its challenge',
      { status: 401, reason: 'token_expired', challenge: 'Bearer error="invalid_token"' },
      '{"error":"unauthorized"}',
    ],
    ['403 without one', { status: 403, reason: 'wrong_tenant' }, '{"error":"forbidden"}'],
    [
      '400',
      {
        status: 400,
        reason: 'two_authorization_headers',
        challenge: 'Bearer error="invalid_request"',
      },
      '{"error":"invalid_request"}',
    ],
    [
      '503 with a time to come back',
      { status: 503, reason: 'issuer_unavailable', retryAfterSeconds: 1 },
      '{"error":"unavailable"}',
    ],
  ] satisfies readonly (readonly [string, Refusal, string])[]) {
    for (const [kind, guard] of [
      ['synchronous', (): Refusal => refusal],
      ['asynchronous', () => Promise.resolve(refusal)],
    ] as const) {
      it(`refuses ${name}, ${kind}: no handler runs, the reason stays in the log`, async () => {
        await using api = await listen([guard])
        const answer = await api.ask('GET', measuredPath)
        assert.equal(answer.status, refusal.status)
        assert.equal(answer.headers['www-authenticate'], refusal.challenge)
        const { retryAfterSeconds } = refusal
        assert.equal(answer.headers['retry-after'], retryAfterSeconds?.toString())
        assert.equal(answer.body, body)
        const { status, reason } = refusal
        assert.deepEqual(api.lines, [JSON.stringify({ event: 'refused', reason, status })])
        const { handlerCalls, refusals, responses } = api.snapshot()
        assert.deepEqual(
          { handlerCalls, refusals, responses },
          { handlerCalls: 0, refusals: { [reason]: 1 }, responses: { [status]: 1 } },
        )
      })
    }
  }

  it('refuses closed when a guard fails', async () => {
    await using api = await listen([
      () => {
        throw new Error('bug')
      },
    ])
    assert.equal((await api.ask('GET', measuredPath)).status, 503)
    const { handlerCalls, refusals } = api.snapshot()
    assert.deepEqual({ handlerCalls, refusals }, { handlerCalls: 0, refusals: { guard_failed: 1 } })
  })

  it('tells guards the scope and the tenant of each route', async () => {
    const asked: unknown[] = []
    await using api = await listen([
      ({ requires, caller }) => {
        asked.push({ ...requires, ...caller })
        return null
      },
    ])
    await api.ask('GET', measuredPath)
    await api.ask('POST', '/v1/orgs/globex/payments', { body: order, headers: json })
    await api.ask('POST', `${measuredPath}/refusal`)
    await api.ask('GET', '/v1/orgs/%61cme/payments/pay_1001')
    const nobody = { certificate: null, token: null }
    assert.deepEqual(asked, [
      { scope: 'payments:read', orgId: 'acme', ...nobody },
      { scope: 'payments:write', orgId: 'globex', ...nobody },
      { scope: 'admin:manage', orgId: 'acme', ...nobody },
      { scope: 'payments:read', orgId: 'acme', ...nobody },
    ])
  })

  it('refuses before it reads a body: a bad one is still 401', async () => {
    await using api = await listen([() => ({ status: 401, reason: 'no_token' })])
    assert.equal((await api.ask('POST', paymentsPath, { body: '{', headers: json })).status, 401)
  })
})

describe('payments API below HTTP', () => {
  /** Sends bytes, reads to the end of the connection. */
  const exchange = async (port: number, text: string): Promise<string> => {
    const socket = connect(port, '127.0.0.1')
    let answer = ''
    socket.setEncoding('latin1').on('data', (chunk: string) => (answer += chunk))
    socket.write(text)
    await once(socket, 'end')
    return answer
  }
  const head = `GET ${measuredPath} HTTP/1.1\r\nhost: a\r\n`

  it('takes a head of 15 KiB, refuses one of 17: J21', async () => {
    await using api = await listen()
    const header = (kib: number): string => `x: ${'y'.repeat(kib * 1_024)}\r\n\r\n`
    assert.match(
      await exchange(api.port, `${head}connection: close\r\n${header(15)}`),
      /^HTTP\/1.1 200 /,
    )
    assert.match(
      await exchange(api.port, head + header(17)),
      /^HTTP\/1.1 431 Request Header Fields Too Large\r\n/,
    )
    const { handlerCalls, refusals, responses } = api.snapshot()
    assert.deepEqual(
      { handlerCalls, refusals, responses },
      { handlerCalls: 1, refusals: { header_overflow: 1 }, responses: { 200: 1, 431: 1 } },
    )
  })

  it('refuses what is no HTTP, and requests that could be read in two ways', async () => {
    await using api = await listen()
    const smuggled = 'content-length: 1\r\ntransfer-encoding: chunked\r\n\r\n'
    for (const text of ['nonsense\r\n\r\n', `${head}${smuggled}`]) {
      assert.match(await exchange(api.port, text), /^HTTP\/1.1 400 Bad Request\r\n/)
    }
    const { handlerCalls, refusals } = api.snapshot()
    assert.deepEqual(
      { handlerCalls, refusals },
      { handlerCalls: 0, refusals: { malformed_request: 2 } },
    )
  })
})
