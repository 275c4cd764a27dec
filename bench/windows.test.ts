import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import test, { type TestContext } from 'node:test'
import type { Snapshot } from '../servers/telemetry.ts'
import { measureServerWindow } from './windows.ts'

const body = Buffer.from('{"ok":true}')
const request = {
  ratePerSecond: 200,
  arrivals: 'constant',
  durationMs: 100,
  seed: 1,
  connections: 2,
  maxConnections: 4,
  timeoutMs: 1_000,
} as const

/** A server that answers, and counts its answers and handler calls as `miscount` has it. */
async function measure(t: TestContext, miscount: (honest: Snapshot) => Partial<Snapshot>) {
  let answers = 0
  const server: Server = createServer((_, response) => {
    answers += 1
    response.writeHead(200, { 'content-length': body.length }).end(body)
  }).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  const snapshot = (): Promise<Snapshot> => {
    const honest = {
      responses: { 200: answers },
      handlerCalls: answers,
      handshakesFull: 0,
      handshakesResumed: 0,
    } as unknown as Snapshot
    return Promise.resolve(answers === 0 ? honest : { ...honest, ...miscount(honest) })
  }
  return measureServerWindow(
    {
      targets: [
        {
          host: '127.0.0.1',
          port: (server.address() as AddressInfo).port,
          tls: null,
          path: '/',
          headers: {},
          expect: { status: 200, body },
        },
      ],
      server: { snapshot } as never,
      sensors: {
        start: () => Promise.resolve({}),
        end: () => Promise.resolve({}),
        between: () => ({}),
      } as never,
    },
    request,
    new AbortController().signal,
  )
}

test('a window whose counts agree with the server’s is one', async (t) => {
  // 200/s for 100 ms.
  const window = await measure(t, () => ({}))
  assert.deepEqual([window.requests, window.answered], [20, 20])
})

const wrong: [string, (honest: Snapshot) => Partial<Snapshot>, RegExp][] = [
  [
    'an answer that the server has not given',
    ({ handlerCalls }) => ({
      responses: { 200: handlerCalls - 1 },
      handlerCalls: handlerCalls - 1,
    }),
    /counted 19 answers with 200 where the client had 20 of 20/,
  ],
  [
    'more answers than requests',
    ({ handlerCalls }) => ({
      responses: { 200: handlerCalls + 1 },
      handlerCalls: handlerCalls + 1,
    }),
    /counted 21 answers with 200 where the client had 20 of 20/,
  ],
  [
    'answers without the handler',
    ({ handlerCalls }) => ({ handlerCalls: handlerCalls - 5 }),
    /counted 15 handler calls and 20 answers/,
  ],
  [
    'handshakes of connections that nobody opened',
    () => ({ handshakesFull: 30 }),
    /counted 30 handshakes where the client opened \d connections/,
  ],
]
for (const [name, miscount, message] of wrong) {
  test(`is no window: ${name}`, async (t) => {
    await assert.rejects(measure(t, miscount), { code: 'measurement-failed', message })
  })
}
