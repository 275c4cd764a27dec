import assert from 'node:assert/strict'
import { it } from 'node:test'
import { createReplayStore } from './replay-store.ts'

it('knows a key until its time is over, and no longer', (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: 1_000_000 })
  const use = createReplayStore({ ttlMs: 5_000 })
  assert.deepEqual([use('a'), use('b'), use('a')], ['first', 'first', 'replayed'])
  t.mock.timers.setTime(1_004_999)
  assert.equal(use('a'), 'replayed')
  t.mock.timers.setTime(1_005_000)
  assert.equal(use('a'), 'first')
})

it('a replay does not prolong what is remembered', (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: 1_000_000 })
  const use = createReplayStore({ ttlMs: 5_000 })
  use('a')
  t.mock.timers.setTime(1_004_000)
  assert.equal(use('a'), 'replayed')
  t.mock.timers.setTime(1_005_000)
  assert.equal(use('a'), 'first')
})

it('full: takes no more rather than forget, until something has expired', (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: 1_000_000 })
  const use = createReplayStore({ ttlMs: 5_000, maxEntries: 2 })
  assert.deepEqual([use('a'), use('b'), use('c')], ['first', 'first', 'full'])
  // What is known is still told.
  assert.equal(use('a'), 'replayed')
  t.mock.timers.setTime(1_005_000)
  assert.equal(use('c'), 'first')
})

it('tells long keys apart by all of them', () => {
  const use = createReplayStore({ ttlMs: 5_000 })
  const long = 'x'.repeat(10_000)
  assert.deepEqual([use(`${long}a`), use(`${long}b`)], ['first', 'first'])
})
