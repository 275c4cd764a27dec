import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, get } from 'node:http'
import { it } from 'node:test'
import { attachSpans } from './spans.ts'

/** A server with spans on a clock of its own: every reading is 1 ms later. */
async function listen(passesOn: boolean) {
  const clock = { ms: 0 }
  const server = createServer()
  const spans = attachSpans(server, () => clock.ms)
  server.on('request', (request, response) => {
    clock.ms += 2
    if (passesOn) {
      spans.sent(request)
      clock.ms += 5
      spans.answered(request)
    }
    clock.ms += 1
    response.end('ok')
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const address = server.address()
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0
  const ask = async () => {
    const finished = Promise.withResolvers<undefined>()
    server.once('request', (_, response) => {
      // Behind the listener of the spans, which has then seen it.
      response.once('finish', () => {
        finished.resolve(undefined)
      })
    })
    const request = get({ host: '127.0.0.1', port, agent: false }, (response) => response.resume())
    await once(request, 'close')
    await finished.promise
  }
  return {
    ask,
    spans,
    [Symbol.dispose]: () => {
      server.close()
      server.closeAllConnections()
    },
  }
}

it('tells the whole time of a request, and what of it the next hop took', async () => {
  using hop = await listen(true)
  await hop.ask()
  await hop.ask()
  // 2 ms before, 5 ms in the next hop, 1 ms after.
  assert.deepEqual(hop.spans.take(), {
    wholeNs: [8_000_000, 8_000_000],
    upstreamNs: [5_000_000, 5_000_000],
    forgotten: 0,
  })
})

it('of the last hop: nothing upstream; and what was told is forgotten', async () => {
  using hop = await listen(false)
  await hop.ask()
  assert.deepEqual(hop.spans.take(), { wholeNs: [3_000_000], upstreamNs: [0], forgotten: 0 })
  assert.deepEqual(hop.spans.take(), { wholeNs: [], upstreamNs: [], forgotten: 0 })
})
