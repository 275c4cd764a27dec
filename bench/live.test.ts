import assert from 'node:assert/strict'
import test from 'node:test'
import type { Change, RunComparison } from './analysis/sides.ts'
import { defaultThresholds, type Verdict } from './analysis/verdict.ts'
import { confirmed } from './live.ts'

function comparison(verdicts: Readonly<Record<string, Verdict>>): RunComparison {
  const side = {
    runId: 'r',
    label: 'main',
    commit: null,
    dirty: null,
    startedAt: '',
    complete: true,
  }
  return {
    kind: 'live',
    before: side,
    after: side,
    changes: Object.entries(verdicts).map(([id, verdict]): Change => ({
      case: id,
      metric: 'cpuUsPerRequest',
      before: null,
      after: null,
      ratio: null,
      verdict,
      rulesOutMoreThan: null,
      clientLimited: false,
    })),
    missing: [],
    forced: [],
    thresholds: defaultThresholds,
    warnings: [],
  }
}

const verdictsOf = ({ changes }: RunComparison) => changes.map(({ verdict }) => verdict)

test('a worse that comes again stands, one that does not becomes undecided and is told', () => {
  const first = comparison({ tls: 'worse', jwt: 'worse', mtls: 'better', http: 'same' })
  const second = comparison({ tls: 'worse', jwt: 'undecided' })
  const told = confirmed(first, second, true)
  assert.deepEqual(verdictsOf(told), ['worse', 'undecided', 'better', 'same'])
  assert.match(
    told.warnings[0]?.message ?? '',
    /not in a second one with new processes: jwt cpuUsPerRequest$/,
  )
})

test('a better or same second time does not confirm, nor does a run that was cut short', () => {
  for (const again of ['better', 'same', 'undecided'] as const) {
    const told = confirmed(comparison({ tls: 'worse' }), comparison({ tls: again }), true)
    assert.deepEqual(verdictsOf(told), ['undecided'])
  }
  const told = confirmed(comparison({ tls: 'worse' }), comparison({}), false)
  assert.deepEqual(verdictsOf(told), ['undecided'])
  assert.match(told.warnings[0]?.message ?? '', /which was cut short/)
})

test('what is confirmed adds no warning', () => {
  const told = confirmed(comparison({ tls: 'worse' }), comparison({ tls: 'worse' }), true)
  assert.deepEqual([verdictsOf(told), told.warnings], [['worse'], []])
})
