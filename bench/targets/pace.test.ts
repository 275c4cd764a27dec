import assert from 'node:assert/strict'
import test from 'node:test'
import { createPace, type PaceClock } from './pace.ts'

/** A clock that stands still until it is moved. */
function createClock(): PaceClock & { advance(ms: number): Promise<void> } {
  let nowMs = 0
  const waiting: { atMs: number; then: () => void }[] = []
  return {
    nowMs: () => nowMs,
    after: (delayMs, then) => waiting.push({ atMs: nowMs + delayMs, then }),
    async advance(ms) {
      nowMs += ms
      for (const { atMs, then } of waiting) if (atMs <= nowMs) then()
      await Promise.resolve()
    },
  }
}

test('so many requests a second and no more, but for the slack of late timers', () => {
  const clock = createClock()
  const pace = createPace(100, clock)
  // At 100 a second one each 10 ms; the 5 ms of slack are less than one more.
  const turns = Array.from({ length: 20 }, () => pace.turn())
  assert.equal(turns.filter((turn) => turn === null).length, 1)
})

test('turns come in order, each at its own time', async () => {
  const clock = createClock()
  const pace = createPace(100, clock)
  const seen: number[] = []
  for (let turn = 0; turn < 4; turn++) {
    const wait = pace.turn()
    if (wait === null) seen.push(turn)
    else void wait.then(() => seen.push(turn))
  }
  assert.deepEqual(seen, [0])
  // The first used 5 ms of slack: the others are due at 5, 15 and 25 ms.
  for (const [ms, wanted] of [
    [5, [0, 1]],
    [9, [0, 1]],
    [1, [0, 1, 2]],
    [10, [0, 1, 2, 3]],
  ] as const) {
    await clock.advance(ms)
    assert.deepEqual(seen, wanted)
  }
})

test('time in which nobody came is not made up for', async () => {
  const clock = createClock()
  const pace = createPace(1_000, clock)
  void pace.turn()
  await clock.advance(60_000)
  // 5 ms of slack at 1,000 a second, and the one that is due.
  const turns = Array.from({ length: 100 }, () => pace.turn())
  assert.equal(turns.filter((turn) => turn === null).length, 6)
})
