import assert from 'node:assert/strict'
import { join } from 'node:path'
import test from 'node:test'
import { windowOf, type EventWindow } from '../analysis/event-windows.ts'
import { loadScenarios } from '../scenarios.ts'
import { events } from './catalogue.ts'
import { shortestLifetimeMs } from './experiment.ts'
import { durationMs, measureEvents } from './measure-events.ts'

// The real servers, watched for a moment: who is still served after an event, and who is not.

const scenarios = await loadScenarios(join(import.meta.dirname, '..', '..'))
const short = { ratePerSecond: 50, beforeMs: 410, afterMs: 600 }

/** What becomes of the requests that are due when the event is done. */
type After = 'served' | 'refused' | 'some served'

const expected: Readonly<Record<string, After>> = {
  'revoke-jwt': 'served',
  'revoke-jwt-listed': 'refused',
  'revoke-opaque': 'refused',
  'revoke-opaque-cached': 'served',
  'revoke-opaque-told': 'refused',
  'revoke-certificate-new': 'refused',
  'revoke-certificate-resumed': 'refused',
  'revoke-certificate-resumed-pinned': 'refused',
  'revoke-certificate-live': 'served',
  'revoke-certificate-draining': 'refused',
  'drain-other-client': 'served',
  'revoke-combined': 'refused',
  'expire-token': 'refused',
  'expire-certificate-new': 'refused',
  'expire-certificate-resumed': 'refused',
  'expire-certificate-live': 'served',
  'expire-ca-mtls': 'refused',
  'expire-ca-combined': 'refused',
  'expire-crl-mtls': 'refused',
  'rotate-client-secret': 'served',
  'rotate-client-secret-at-once': 'served',
  'rotate-signing-key': 'served',
  'rotate-signing-key-unpublished': 'refused',
  'rotate-client-certificate': 'served',
  'rotate-client-certificate-bound': 'served',
  'rotate-client-certificate-first': 'served',
  'rotate-server-certificate-new': 'served',
  'rotate-server-certificate-live': 'served',
  'rotate-ca': 'served',
  'issuer-stops-jwt': 'served',
  'issuer-stops-opaque': 'refused',
  'issuer-stops-opaque-cached': 'served',
  'issuer-stops-combined': 'served',
  'issuer-stops-combined-opaque': 'refused',
  'issuer-slow-jwt': 'served',
  'issuer-slow-opaque': 'served',
  'issuer-limited-opaque': 'some served',
  'key-set-down-cold': 'served',
  'key-set-down-warm': 'refused',
  'key-set-down-stale': 'served',
  'key-set-down-combined': 'refused',
  'clock-ahead': 'refused',
  'clock-ahead-tolerated': 'served',
  'clock-ahead-combined': 'refused',
  'clock-behind': 'served',
  'steal-token-bearer': 'served',
  'steal-token-bound': 'refused',
  'steal-token-without-key': 'refused',
  'steal-token-dpop': 'refused',
  'steal-key-mtls': 'served',
  'steal-key-combined': 'refused',
  'interceptor-bearer': 'served',
  'interceptor-bound': 'refused',
  'attack-by-certificates': 'served',
  'attack-by-tokens': 'served',
}
/** Served after the event, and not while it went on. */
const failing = [
  'rotate-client-secret-at-once',
  'rotate-client-certificate-first',
  'key-set-down-cold',
]

const records = await measureEvents(
  events.map((event) => ({ ...event, plan: short })),
  {
    scenarios,
    lifetimeMs: shortestLifetimeMs,
    signal: new AbortController().signal,
    onEvent: () => undefined,
  },
)
for (const [index, { name }] of events.entries()) {
  const after = expected[name]
  test(`${name}: ${after ?? 'nothing is expected'} after it`, () => {
    const record = records[index]
    assert.equal(record?.name, name)
    const window = windowOf(record)
    const { servedBefore, failedBefore } = window
    assert.ok(servedBefore > 0 && failedBefore === 0, `${servedBefore} and ${failedBefore} before`)
    assertAfter(window, after)
  })
}

function assertAfter(window: EventWindow, after: After | undefined): void {
  const { name, servedAfter, refusedAfter, failedFromStart } = window
  switch (after) {
    case 'served':
      assert.deepEqual([servedAfter > 10, refusedAfter], [true, 0])
      assert.equal(failedFromStart > 0, failing.includes(name), `${failedFromStart} failed`)
      return
    case 'refused':
      // Some may be under way when it happens.
      assert.ok(refusedAfter > 10 && servedAfter <= 5, `${servedAfter} served, ${refusedAfter} not`)
      return
    case 'some served':
      assert.ok(servedAfter > 0 && refusedAfter > servedAfter)
      return
    case undefined:
      assert.fail('say what is expected of it')
  }
}

test('every event has a name of its own, and a scenario that exists', () => {
  const names = events.map(({ name }) => name)
  assert.equal(new Set(names).size, names.length)
  assert.deepEqual(Object.keys(expected).toSorted(), names.toSorted())
  for (const { scenario } of events) assert.ok(scenarios.some(({ name }) => name === scenario))
})

test('all events together are told to take about two minutes, three where lives are of 30 s', () => {
  const seconds = [10_000, 30_000].map((lifetimeMs) => durationMs(events, lifetimeMs) / 1_000)
  assert.ok((seconds[0] ?? NaN) < 135 && (seconds[1] ?? NaN) < 180, seconds.join())
})

test('a record says how long lived what ended', () => {
  const lives = records.filter(({ lifetimeMs }) => lifetimeMs !== undefined)
  assert.deepEqual(
    lives.map(({ name, lifetimeMs }) => [name, lifetimeMs]),
    events.filter(({ expires }) => expires).map(({ name }) => [name, shortestLifetimeMs]),
  )
  assert.ok(lives.every(({ name }) => name.startsWith('expire-')) && lives.length > 5)
})
