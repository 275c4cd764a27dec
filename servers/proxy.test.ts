import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { describe, it } from 'node:test'
import type { Guard } from './guards/guard.ts'
import { quietTelemetry } from './issuer-testbed.ts'
import { createProxy, type ProxyOptions } from './proxy.ts'
import { measuredPath, send } from './server-testbed.ts'

/** What reached the service. */
interface Seen {
  readonly method: string | undefined
  readonly url: string | undefined
  readonly headers: Readonly<Record<string, unknown>>
  readonly body: string
}

/** A hop over plain HTTP in front of a service that a test answers for. */
async function listen({
  guards = [],
  brings = 'nothing',
  answer = (response) => response.setHeader('content-type', 'application/json').end('{"ok":true}'),
}: Partial<Pick<ProxyOptions, 'guards' | 'brings'>> & {
  answer?: (response: ServerResponse) => unknown
} = {}) {
  const seen: Seen[] = []
  const service = createServer((request: IncomingMessage, response: ServerResponse) => {
    let body = ''
    request.setEncoding('utf8').on('data', (chunk: string) => (body += chunk))
    request.on('end', () => {
      const { method, url, headers } = request
      seen.push({ method, url, headers, body })
      answer(response)
    })
  })
  const servicePort = await portOf(service)
  const { telemetry, lines } = quietTelemetry()
  const { server, close } = await createProxy({
    telemetry,
    tls: null,
    guards,
    brings,
    spans: false,
    upstream: {
      url: `http://127.0.0.1:${servicePort}`,
      caFile: null,
      identity: null,
      ownTokens: null,
    },
  })
  telemetry.attach(server)
  const port = await portOf(server)
  return {
    seen,
    lines,
    service,
    snapshot: telemetry.snapshot,
    ask: (options: { method?: string; path?: string; headers?: object; body?: string } = {}) =>
      send({
        scheme: 'http',
        host: '127.0.0.1',
        port,
        ...options,
        headers: { ...options.headers },
      }),
    [Symbol.asyncDispose]: async () => {
      server.close()
      server.closeAllConnections()
      await close?.()
      service.close()
      service.closeAllConnections()
    },
  }
}

async function portOf(server: ReturnType<typeof createServer>): Promise<number> {
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const address = server.address()
  return typeof address === 'object' ? (address?.port ?? 0) : 0
}

const refused: Guard = () => ({ status: 403, reason: 'no' })

describe('a hop', () => {
  it('passes on the request and the answer, once', async () => {
    await using hop = await listen()
    const { status, body, headers } = await hop.ask({ headers: { accept: 'application/json' } })
    assert.deepEqual([status, body], [200, '{"ok":true}'])
    assert.equal(headers['content-type'], 'application/json')
    assert.deepEqual(
      hop.seen.map(({ method, url }) => [method, url]),
      [['GET', measuredPath]],
    )
    assert.equal(hop.snapshot().handlerCalls, 1)
  })

  it('passes on a body, as JSON', async () => {
    await using hop = await listen()
    const body = '{ "amount": "12.50", "currency": "EUR" }'
    const headers = { 'content-type': 'application/json' }
    await hop.ask({ method: 'POST', path: '/v1/orgs/acme/payments', body, headers })
    assert.equal(hop.seen[0]?.body, '{"amount":"12.50","currency":"EUR"}')
  })

  it('passes on nothing that a client says about itself', async () => {
    await using hop = await listen()
    await hop.ask({
      headers: {
        authorization: 'Bearer of the client',
        'x-forwarded-client-cert': 'URI=spiffe://trustbench.test/acme/billing',
        'x-forwarded-for': '10.0.0.1',
        'client-cert': ':MII=:',
        'x-ssl-client-cert': 'PEM',
        'x-tenant': 'globex',
        cookie: 'session=1',
        forwarded: 'for=10.0.0.1',
      },
    })
    const [{ headers } = { headers: {} }] = hop.seen
    const kept = Object.keys(headers).filter((name) => !['host', 'connection'].includes(name))
    assert.deepEqual(kept, [])
  })

  it('brings what it is to bring: the client’s token, or one of its own for the tenant', async () => {
    const clients = { headers: { authorization: 'Bearer of-the-client' } }
    await using forwarding = await listen({ brings: 'forwarded' })
    await forwarding.ask(clients)
    assert.equal(forwarding.seen[0]?.headers['authorization'], 'Bearer of-the-client')
    await using own = await listen({ brings: (orgId) => `own-of-${orgId}` })
    await own.ask(clients)
    assert.equal(own.seen[0]?.headers['authorization'], 'Bearer own-of-acme')
  })

  it('asks for the path that was authorised, without a query', async () => {
    await using hop = await listen()
    const cases: [asked: string, passed: string][] = [
      [`${measuredPath}?org=globex`, measuredPath],
      ['/v1/orgs/a%20b/payments/x%3Fy', '/v1/orgs/a%20b/payments/x%3Fy'],
    ]
    for (const [path] of cases) await hop.ask({ path })
    assert.deepEqual(
      hop.seen.map(({ url }) => url),
      cases.map(([, passed]) => passed),
    )
  })

  it('passes on no path that leaves its place', async () => {
    await using hop = await listen()
    for (const id of ['..%2f..%2fglobex%2fpayments%2fpay_1', '%2e%2e', '..%2f'])
      assert.equal((await hop.ask({ path: `/v1/orgs/acme/payments/${id}` })).status, 400, id)
    assert.deepEqual([hop.seen.length, hop.snapshot().handlerCalls], [0, 0])
  })

  it('refuses before anything is passed on', async () => {
    await using hop = await listen({ guards: [refused] })
    const { status } = await hop.ask()
    assert.equal(status, 403)
    assert.equal((await hop.ask({ path: '/v1' })).status, 404)
    assert.deepEqual([hop.seen.length, hop.snapshot().handlerCalls], [0, 0])
  })

  it('passes on a refusal of the next hop with its challenge, and no other header', async () => {
    await using hop = await listen({
      brings: 'forwarded',
      answer: (response) =>
        response
          .writeHead(401, { 'www-authenticate': 'Bearer error="invalid_token"', 'x-secret': '1' })
          .end('{}'),
    })
    const { status, headers } = await hop.ask()
    assert.equal(status, 401)
    assert.equal(headers['www-authenticate'], 'Bearer error="invalid_token"')
    assert.equal(headers['x-secret'], undefined)
  })

  it('does not blame the client where its own token is refused', async () => {
    await using hop = await listen({
      brings: () => 'own',
      answer: (response) => response.writeHead(401, { 'www-authenticate': 'Bearer' }).end('{}'),
    })
    const { status, headers } = await hop.ask()
    assert.deepEqual([status, headers['www-authenticate']], [502, undefined])
    assert.deepEqual(hop.snapshot().refusals, { own_token_refused: 1 })
  })

  it('fails closed without a token of its own', async () => {
    await using hop = await listen({ brings: () => Promise.reject(new Error('issuer away')) })
    const { status, headers } = await hop.ask()
    assert.deepEqual([status, headers['retry-after']], [503, '1'])
    assert.equal(hop.seen.length, 0)
  })

  it('answers 502 where the next hop is gone, and asks a busy one once', async () => {
    await using busy = await listen({
      answer: (response) => response.writeHead(503, { 'retry-after': '1' }).end('{}'),
    })
    assert.equal((await busy.ask()).status, 503)
    assert.equal(busy.seen.length, 1)
    await using hop = await listen()
    hop.service.close()
    assert.equal((await hop.ask()).status, 502)
    assert.deepEqual(hop.snapshot().refusals, { upstream_unavailable: 1 })
  })
})
