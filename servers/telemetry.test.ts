import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, request } from 'node:http'
import { describe, it } from 'node:test'
import { createTelemetry } from './telemetry.ts'

describe('createTelemetry', () => {
  it('starts at zero, with plain integers', () => {
    const { cpuUs, eventLoopActiveUs, eventLoopIdleUs, gcUs, rssBytes, heapUsedBytes, ...counts } =
      createTelemetry(() => undefined).snapshot()
    assert.deepEqual(counts, {
      handlerCalls: 0,
      requests: 0,
      responses: {},
      handshakesFull: 0,
      handshakesResumed: 0,
      handshakesFailed: 0,
      connectionsOpen: 0,
      refusals: {},
      counters: {},
    })
    for (const value of [
      cpuUs,
      eventLoopActiveUs,
      eventLoopIdleUs,
      gcUs,
      rssBytes,
      heapUsedBytes,
    ]) {
      assert.ok(Number.isSafeInteger(value) && value >= 0, String(value))
    }
    assert.ok(cpuUs > 0 && rssBytes > 0 && heapUsedBytes > 0)
  })

  it('counts what it is told, and logs one line a refusal', () => {
    const lines: string[] = []
    const telemetry = createTelemetry((line) => lines.push(line))
    telemetry.handlerCalled()
    telemetry.responded(431)
    telemetry.count('keySetFetches')
    telemetry.refused('token_expired', 401)
    telemetry.refused('token_expired', 401)
    telemetry.refused('tls:CERT_REVOKED', null)
    const { handlerCalls, responses, counters, refusals } = telemetry.snapshot()
    assert.deepEqual(
      { handlerCalls, responses, counters, refusals },
      {
        handlerCalls: 1,
        responses: { 431: 1 },
        counters: { keySetFetches: 1 },
        refusals: { token_expired: 2, 'tls:CERT_REVOKED': 1 },
      },
    )
    assert.deepEqual(lines, [
      '{"event":"refused","reason":"token_expired","status":401}',
      '{"event":"refused","reason":"token_expired","status":401}',
      '{"event":"refused","reason":"tls:CERT_REVOKED","status":null}',
    ])
  })

  it('counts requests, responses by status, and open connections', async () => {
    const telemetry = createTelemetry(() => assert.fail('nothing to log'))
    const server = createServer((incoming, response) => {
      response.writeHead(incoming.url === '/' ? 200 : 404).end()
    })
    telemetry.attach(server)
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const address = server.address()
    const port = typeof address === 'object' ? address?.port : undefined
    for (const path of ['/', '/x', '/']) {
      const asked = request({ host: '127.0.0.1', port, path, agent: false }).end()
      asked.on('response', (response) => response.resume())
      await once(asked, 'close')
    }
    await once(server.close(), 'close')
    const { requests, responses, connectionsOpen } = telemetry.snapshot()
    assert.deepEqual(
      { requests, responses, connectionsOpen },
      { requests: 3, responses: { 200: 2, 404: 1 }, connectionsOpen: 0 },
    )
  })
})
