import assert from 'node:assert/strict'
import test from 'node:test'
import { resourceMetrics } from './metric-data.ts'
import { createOtlpSender } from './otlp.ts'
import { serve } from './testbed.ts'

const metrics = resourceMetrics(
  new Map([['requests', [{ attributes: { arm: 'tls' }, value: 1 }]]]),
  { resource: {}, interval: { startMs: 0, endMs: 1 } },
)
const patient = { timeoutMs: 30_000, isLast: false }

const failing: [name: string, status: number, body: string, failure: RegExp][] = [
  ['a receiver that refuses', 401, 'no key', /^it answers 401/],
  ['a page where a receiver should be', 404, `<p>${'x'.repeat(500)}</p>`, /^.{1,200}$/],
  [
    'a receiver that takes a part',
    200,
    JSON.stringify({ partialSuccess: { rejectedDataPoints: 3, errorMessage: 'too many' } }),
    /^it took a part only: .*too many/,
  ],
]
for (const [name, status, body, failure] of failing) {
  test(`${name} is a failure of one line`, async (t) => {
    const url = await serve(t, (_request, response) => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(body)
    })
    const sender = createOtlpSender(`${url}/v1/metrics`)
    await sender.send(metrics, patient)
    const state = sender.state()
    assert.deepEqual([state.exports, state.failures], [1, 1])
    assert.match(state.failure ?? '', failure)
    assert.ok(!(state.failure ?? '').includes('\n'))
  })
}

test('nobody there: told with what the system says', async () => {
  const sender = createOtlpSender('http://localhost:9/v1/metrics')
  await sender.send(metrics, patient)
  assert.match(sender.state().failure ?? '', /ECONNREFUSED/)
})

test('a receiver that never answers is given up', async (t) => {
  const url = await serve(t, () => undefined)
  const sender = createOtlpSender(`${url}/v1/metrics`)
  await sender.send(metrics, { timeoutMs: 20, isLast: false })
  assert.equal(sender.state().failure, 'no answer after 20 ms')
})

test('after failures exports are left out, more each time, but never the last one', async (t) => {
  let isGood = false
  const url = await serve(t, (_request, response) => {
    response.writeHead(isGood ? 200 : 400, { 'content-type': 'application/json' }).end('{}')
  })
  const sender = createOtlpSender(`${url}/v1/metrics`)
  const tries: boolean[] = []
  const send = async (isLast: boolean) => {
    const before = sender.state().exports
    await sender.send(metrics, { timeoutMs: 30_000, isLast })
    tries.push(sender.state().exports > before)
  }
  for (let gap = 0; gap < 7; gap++) await send(false)
  // Tried, 1 left out, tried, 2 left out, tried, the first of 4 left out.
  assert.deepEqual(tries, [true, false, true, false, false, true, false])
  isGood = true
  await send(true)
  await send(false)
  assert.deepEqual(tries.slice(-2), [true, true])
  assert.deepEqual(sender.state(), { exports: 5, failures: 3, failure: null })
})
