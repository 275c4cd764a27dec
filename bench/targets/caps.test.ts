import assert from 'node:assert/strict'
import test from 'node:test'
import { assertWithin, createDeadline, defaultCap, type Wanted } from './caps.ts'

const most: Wanted = { ratePerSecond: 1_000, durationMs: 60_000, connections: 64 }
const beyond: [Partial<Wanted>, RegExp][] = [
  [{ ratePerSecond: 1_001 }, /^1,001 requests\/s to gw: at most 1,000 are sent .*--max-rate 1001/],
  [{ durationMs: 60_001 }, /^61 s of load to gw: at most 60 s .*--max-duration 61s/],
  [{ connections: 65 }, /^65 connections to gw: at most 64 .*--max-connections 65/],
]

test('what is within the cap is sent, and what has no rate or end of its own is held back later', () => {
  assertWithin(defaultCap, most, 'gw')
  assertWithin(defaultCap, { ratePerSecond: null, durationMs: null, connections: 1 }, 'gw')
})

for (const [more, message] of beyond) {
  test(`beyond the cap: ${Object.keys(more).join()}`, () => {
    assert.throws(
      () => {
        assertWithin(defaultCap, { ...most, ...more }, 'gw')
      },
      { code: 'usage', message },
    )
  })
}

test('a deadline begins with the load, once, and says what raises it', async () => {
  using deadline = createDeadline({ ...defaultCap, durationMs: 20 })
  const passed = new Promise((resolve) => {
    deadline.signal.addEventListener('abort', resolve)
  })
  assert.equal(deadline.signal.aborted, false)
  deadline.start()
  deadline.start()
  await passed
  assert.match(
    (deadline.signal.reason as Error).message,
    /0\.02 s of load are over.*--max-duration/,
  )
  using none = createDeadline(null)
  none.start()
  assert.equal(none.signal.aborted, false)
})
