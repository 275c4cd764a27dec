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

const cpuOf = (id: string) => ({ case: id, metric: 'cpuUsPerRequest' }) as const
const verdictsOf = ({ changes }: RunComparison) => changes.map(({ verdict }) => verdict)

test('a worse that comes again stands, one that does not becomes undecided and is told', () => {
  const first = comparison({ tls: 'worse', jwt: 'worse', mtls: 'better', http: 'same' })
  const told = confirmed(first, [cpuOf('tls')], true)
  assert.deepEqual(verdictsOf(told), ['worse', 'undecided', 'better', 'same'])
  assert.match(
    told.warnings[0]?.message ?? '',
    /not in a second one with new processes: jwt cpuUsPerRequest$/,
  )
})

test('another metric that is worse does not confirm, nor does a run that was cut short', () => {
  const first = comparison({ tls: 'worse' })
  const told = confirmed(first, [{ case: 'tls', metric: 'latencyP50Us' }], true)
  assert.deepEqual(verdictsOf(told), ['undecided'])
  const cut = confirmed(first, [], false)
  assert.deepEqual(verdictsOf(cut), ['undecided'])
  assert.match(cut.warnings[0]?.message ?? '', /which was cut short/)
})

test('what is confirmed adds no warning', () => {
  const told = confirmed(comparison({ tls: 'worse' }), [cpuOf('tls')], true)
  assert.deepEqual([verdictsOf(told), told.warnings], [['worse'], []])
})
