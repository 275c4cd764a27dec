import assert from 'node:assert/strict'
import { join } from 'node:path'
import test from 'node:test'
import { windowOf } from '../analysis/event-windows.ts'
import { loadScenarios } from '../scenarios.ts'
import { events } from './catalogue.ts'
import { measureEvents } from './measure-events.ts'

// The real servers, watched for a moment: who is still served after an event, and who is not.

const scenarios = await loadScenarios(join(import.meta.dirname, '..', '..'))
const short = { ratePerSecond: 50, beforeMs: 400, afterMs: 600 }

const expected: readonly [name: string, isServedAfter: boolean][] = [
  ['revoke-jwt', true],
  ['revoke-opaque', false],
  ['revoke-opaque-cached', true],
  ['revoke-certificate-new', false],
  ['revoke-certificate-live', true],
  ['issuer-stops-jwt', true],
  ['issuer-stops-opaque', false],
  ['expire-certificate-new', false],
  ['expire-certificate-live', true],
]
for (const [name, isServedAfter] of expected) {
  test(`${name}: ${isServedAfter ? 'still served' : 'refused'} after it`, async () => {
    const chosen = events.filter((event) => event.name === name)
    assert.equal(chosen.length, 1)
    const [record] = await measureEvents(
      chosen.map((event) => ({ ...event, plan: short })),
      { scenarios, signal: new AbortController().signal, onEvent: () => undefined },
    )
    assert.ok(record)
    const { servedBefore, failedBefore, servedAfter, refusedAfter } = windowOf(record)
    assert.ok(servedBefore > 0 && failedBefore === 0, `${servedBefore} and ${failedBefore} before`)
    if (isServedAfter) assert.deepEqual([servedAfter > 10, refusedAfter], [true, 0])
    // Some may be under way when it happens.
    else
      assert.ok(refusedAfter > 10 && servedAfter <= 5, `${servedAfter} served, ${refusedAfter} not`)
  })
}

test('every event has a name of its own, and a scenario that exists', () => {
  const names = events.map(({ name }) => name)
  assert.equal(new Set(names).size, names.length)
  for (const { scenario } of events) assert.ok(scenarios.some(({ name }) => name === scenario))
})
