import assert from 'node:assert/strict'
import test from 'node:test'
import type { EventRecord, Outcome } from '../events.ts'
import { windowOf } from './event-windows.ts'

/** Ten probes a second, each with a latency of 20 ms, and an event from 250 to 450 ms. */
const record = (outcomes: readonly Outcome[], slow: readonly number[] = []): EventRecord => ({
  name: 'n',
  scenario: 's',
  what: 'w',
  ratePerSecond: 10,
  eventStartMs: 250,
  eventEndMs: 450,
  probes: outcomes.map((outcome, index) => ({
    dueMs: index * 100,
    latencyMs: slow.includes(index) ? 90 : 20,
    outcome,
    status: null,
  })),
})
const [ok, no] = ['served', 'refused'] as const

test('failures in the middle of an event count from its start, and not as refusals after it', () => {
  // Due at 0, 100, 200: before. At 300, 400: during. At 500, 600: after.
  const window = windowOf(record([ok, ok, ok, no, 'closed', ok, ok]))
  assert.deepEqual([window.servedBefore, window.failedBefore], [3, 0])
  assert.deepEqual([window.servedAfter, window.refusedAfter], [2, 0])
  // From 300 to 400, and the gap of 100 behind it.
  assert.deepEqual([window.failedFromStart, window.failedForMs], [2, 200])
})

test('a probe under way when the event begins belongs to it, not to what was before', () => {
  const window = windowOf(record([ok, ok, no, ok, ok, no, no], [2]))
  assert.deepEqual([window.servedBefore, window.failedBefore], [2, 0])
  // At 200, still open at 250; then at 500 and 600.
  assert.deepEqual([window.failedFromStart, window.failedForMs], [3, 500])
  assert.deepEqual([window.firstRefusedMs, window.lastServedMs], [50, null])
})

test('without failures there is no window, and latencies are those of what was served', () => {
  const window = windowOf(record([ok, ok, ok, ok, ok, ok, no], [5]))
  assert.deepEqual([window.failedFromStart, window.failedForMs], [1, 100])
  assert.deepEqual([window.latencyBeforeMs, window.latencyAfterMs], [20, 90])
  const none = windowOf(record([ok, ok, ok, ok, ok, ok]))
  assert.deepEqual([none.failedFromStart, none.failedForMs], [0, 0])
  assert.equal(windowOf(record([no, no, no, no, no, no])).latencyAfterMs, null)
})
