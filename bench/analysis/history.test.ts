import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Ajv } from 'ajv'
import { createRandom, shuffle } from '../random.ts'
import type { Run } from '../results.ts'
import { historyOf, type History } from './history.ts'
import { historyEnvelope, HistoryEnvelopeSchema } from './history-schema.ts'
import { syntheticRun, tlsSettings, type SyntheticArm } from './testdata.ts'

const options = { defaults: () => null }
const validate = new Ajv({ allErrors: true }).compile(HistoryEnvelopeSchema)

test('a point is the ratio to the reference of its own run, with its interval', () => {
  // 36 / 30 and 39 / 30, with noise of 0.1 % a block.
  const history = historyOf([runAt(0, { tls: 36 }), runAt(1, { tls: 39 })], options)
  const [series] = history.series
  assert.deepEqual(
    [history.series.length, series?.case, series?.machines.length],
    [1, 'tls/connections=8/key=p256/tls=1.3', 1],
  )
  const ratios = series?.machines[0]?.points.map(({ ratio }) => ratio) ?? []
  assert.deepEqual(
    ratios.map(({ estimate }) => Math.round(estimate * 1e3) / 1e3),
    [1.2, 1.3],
  )
  for (const { low, high, level, blocks } of ratios) {
    assert.ok(low !== null && high !== null)
    // Whole range of 4 blocks: 1 − 2/2⁴.
    assert.deepEqual([level, blocks], [0.875, 4])
  }
})

test('a step between commits is found, named by its runs, sized and judged', () => {
  const history = historyOf(stepRuns(), options)
  const [machine] = history.series[0]?.machines ?? []
  assert.equal(machine?.changes.length, 1)
  const [change] = machine.changes
  assert.deepEqual([change?.before, change?.after], [9, 10])
  assert.deepEqual([change?.verdict, change?.sameCommit, change?.alsoChanged], ['worse', false, []])
  assert.deepEqual([change?.size.runsBefore, change?.size.runsAfter], [10, 10])
  // Noise of 0.1 % a block is left.
  assert.ok(Math.abs((change?.size.estimate ?? 0) - 1.05) < 0.001)
  assert.deepEqual(
    machine.segments.map(({ first, last }) => [first, last]),
    [
      [0, 9],
      [10, 19],
    ],
  )
  assert.ok(Math.abs((machine.segments[1]?.ratio ?? 0) - 1.26) < 0.01)
})

test('the size of a change has Welch’s interval', () => {
  const [machine] = historyOf(stepRuns(), options).series[0]?.machines ?? []
  assert.ok(machine)
  const logs = machine.points.map(({ ratio }) => Math.log(ratio.estimate))
  const [a, b] = [logs.slice(0, 10), logs.slice(10)]
  const mean = (values: number[]) => values.reduce((sum, one) => sum + one, 0) / values.length
  const error = (values: number[]) =>
    values.reduce((sum, one) => sum + (one - mean(values)) ** 2, 0) / 9 / 10
  const { low, high, estimate, level } = machine.changes[0]?.size ?? {}
  assert.ok(low !== undefined && high !== undefined && estimate !== undefined)
  assert.equal(level, 0.99)
  assert.ok(Math.abs(Math.log(estimate) - (mean(b) - mean(a))) < 1e-12)
  // 10 and 10 runs: between 9 and 18 degrees, t of 99 % from 3.250 to 2.878 (tables).
  const t = (Math.log(high) - Math.log(low)) / 2 / Math.sqrt(error(a) + error(b))
  assert.ok(t > 2.878 && t < 3.251, `${t}`)
})

test('a step within one clean commit is marked, and so is a runtime that changed with it', () => {
  const runs = stepRuns().map((run, index) =>
    withEnvironment(run, { commit: COMMIT, node: index < 10 ? '26.9.0' : '26.10.0' }),
  )
  const [change] = historyOf(runs, options).series[0]?.machines[0]?.changes ?? []
  assert.equal(change?.sameCommit, true)
  assert.deepEqual(change.alsoChanged, ['node 26.9.0 to 26.10.0'])
  const dirty = runs.map((run) => withEnvironment(run, { dirty: true }))
  const [other] = historyOf(dirty, options).series[0]?.machines[0]?.changes ?? []
  assert.equal(other?.sameCommit, false)
})

test('a step from one machine to another is no change point, whatever its size', () => {
  const runs = stepRuns(1.3).map((run, index) =>
    withEnvironment(run, { machineId: index < 10 ? 'a'.repeat(16) : 'b'.repeat(16) }),
  )
  const [series] = historyOf(runs, options).series
  assert.deepEqual(
    series?.machines.map(({ machineId, points, changes }) => [
      machineId[0],
      points.length,
      changes.length,
    ]),
    [
      ['a', 10, 0],
      ['b', 10, 0],
    ],
  )
})

test('a change on one machine is found between runs of another', () => {
  // The other machine, at another level, runs in between.
  const others = Array.from({ length: 20 }, (_, index) =>
    withEnvironment(runAt(index + 0.5, { tls: 60 }, 100 + index), { machineId: 'b'.repeat(16) }),
  )
  const [series] = historyOf([...stepRuns(), ...others], options).series
  assert.deepEqual(
    series?.machines.map(({ changes }) => changes.map(({ after }) => after)),
    [[10], []],
  )
})

test('what is not shown is counted, by reason and name', () => {
  const kept = runAt(9, { tls: 36 })
  const stored: Run[] = [
    { ...runAt(0, { tls: 36 }), mode: 'smoke' },
    { ...runAt(1, { tls: 36 }), blocks: [] },
    { ...runAt(2, { tls: 36 }), measuringVersion: 0 },
    { ...runAt(3, { tls: 36 }), referenceDigest: 'another' },
    withoutReference(runAt(4, { tls: 36 })),
    withFailed(runAt(5, { tls: 36, mtls: 37 }), 'mtls'),
    withDigest(runAt(6, { tls: 36 }), 'another'),
    kept,
    kept,
  ]
  const history = historyOf(stored, options)
  assert.deepEqual(
    history.excluded.map(({ reason, unit, count }) => [reason, unit, count]),
    [
      ['smoke', 'run', 1],
      ['nothing-measured', 'run', 1],
      ['other-version', 'run', 1],
      ['other-reference', 'run', 1],
      ['no-reference', 'run', 1],
      ['duplicate', 'run', 1],
      ['case-not-measured', 'case', 1],
      ['other-request', 'case', 1],
    ],
  )
  // Left: run 5 with tls alone, and run 9.
  assert.deepEqual(
    history.series.map((one) => [one.scenario, one.machines[0]?.points.length]),
    [['tls', 2]],
  )
  assert.deepEqual(history.excluded[0]?.names, [stored[0]?.runId])
})

test('a smoke run of another procedure does not say which runs count', () => {
  const odd: Run = { ...runAt(9, { tls: 36 }), mode: 'smoke', measuringVersion: 9 }
  const history = historyOf([runAt(0, { tls: 36 }), odd], options)
  assert.equal(history.runs.length, 1)
})

test('runs stand in the order of measuring, in whatever order they come', () => {
  const runs = stepRuns()
  const history = historyOf(runs, options)
  assert.deepEqual(
    history.runs.map(({ startedAt }) => startedAt),
    runs.map(({ startedAt }) => startedAt),
  )
  for (const seed of [1, 2]) {
    assert.deepEqual(historyOf(shuffle(runs, createRandom(seed)), options), history)
  }
})

test('a series is a case with all its parameters; one that an old run lacks had its default', () => {
  const old = runAt(0, { tls: 36 })
  const [arm] = old.arms
  assert.ok(arm)
  const { tls: _, ...fewer } = arm.parameters
  arm.parameters = fewer
  const defaults = (scenario: string) => (scenario === 'tls' ? { tls: '1.3' } : null)
  const runs = [old, runAt(1, { tls: 36 })]
  assert.equal(historyOf(runs, { defaults }).series.length, 1)
  assert.equal(historyOf(runs, { defaults: () => ({ tls: '1.2' }) }).series.length, 2)
})

test('several runs of one commit are points of their own; scenarios can be chosen', () => {
  const runs = [0, 1, 2].map((day) =>
    withEnvironment(runAt(day, { tls: 36, mtls: 37 }), { commit: COMMIT }),
  )
  assert.deepEqual(pointCounts(historyOf(runs, options)), { mtls: 3, tls: 3 })
  assert.deepEqual(pointCounts(historyOf(runs, { ...options, scenarios: ['mtls'] })), { mtls: 3 })
})

test('another case in the runs changes nothing in a series', () => {
  const alone = historyOf(stepRuns(), options).series
  const both = stepRuns().map((run) => {
    const [arm] = run.arms
    return arm === undefined
      ? run
      : { ...run, arms: [...run.arms, { ...arm, id: 'copy', scenario: 'aaa' }] }
  })
  const [tls] = historyOf(both, options).series.filter(({ scenario }) => scenario === 'tls')
  assert.deepEqual(tls, alone[0])
})

test('what --json prints fits its schema: nothing, one run, a change', () => {
  for (const runs of [[], [runAt(0, { tls: 36 })], stepRuns()]) {
    const printed: unknown = JSON.parse(
      JSON.stringify(
        historyEnvelope(historyOf(runs, options), {
          charts: ['history.png'],
          warnings: [{ code: 'unreadable-file', message: 'm', advice: 'a' }],
        }),
      ),
    )
    assert.ok(validate(printed), JSON.stringify(validate.errors))
  }
})

test('--json names the commits and runs of a change', () => {
  const runs = stepRuns()
  const printed = historyEnvelope(historyOf(runs, options), { charts: [], warnings: [] })
  const [change] = printed.history[0]?.machines[0]?.changePoints ?? []
  assert.deepEqual(
    [change?.beforeRunId, change?.afterRunId, change?.beforeCommit, change?.afterCommit],
    [runs[9]?.runId, runs[10]?.runId, commitOf(9), commitOf(10)],
  )
})

/** 20 runs of commits of their own, from the eleventh on more expensive. */
function stepRuns(factor = 1.05): Run[] {
  return Array.from({ length: 20 }, (_, day) => runAt(day, { tls: 36 * (day < 10 ? 1 : factor) }))
}

function runAt(day: number, costs: Readonly<Record<string, number>>, seed = day + 1): Run {
  const arms = Object.entries(costs).map(([scenario, cpuUs]): SyntheticArm => ({
    scenario,
    parameters: tlsSettings,
    cpuUs,
    source: { label: 'working tree', commit: commitOf(day), dirty: false },
  }))
  return syntheticRun({
    arms: [...arms, { scenario: 'reference', role: 'reference', cpuUs: 30 }],
    blocks: 4,
    rounds: 4,
    requests: 10,
    saturationRequests: 0,
    blockSd: 0.001 * Math.SQRT1_2,
    sliceSd: 0,
    seed,
    environment: { commit: commitOf(day) },
    overrides: {
      runId: `run-of-day-${day}-${seed}`,
      startedAt: new Date(Date.UTC(2025, 0, 1) + day * 86_400_000).toISOString(),
    },
  })
}

function withEnvironment(run: Run, environment: Partial<Run['environment']>): Run {
  const { commit = run.environment.commit, dirty = run.environment.dirty } = environment
  return {
    ...run,
    environment: { ...run.environment, ...environment },
    arms: run.arms.map((arm) => ({ ...arm, source: { ...arm.source, commit, dirty } })),
  }
}

function withoutReference(run: Run): Run {
  return { ...run, arms: run.arms.filter(({ scenario }) => scenario !== 'reference') }
}

function withFailed(run: Run, scenario: string): Run {
  return {
    ...run,
    arms: run.arms.map((arm) =>
      arm.scenario === scenario ? { ...arm, outcome: 'failed', reason: 'died' } : arm,
    ),
  }
}

function withDigest(run: Run, responseDigest: string): Run {
  return { ...run, arms: run.arms.map((arm) => ({ ...arm, responseDigest })) }
}

function commitOf(day: number): string {
  return Math.round(day * 2)
    .toString(16)
    .padStart(8, '0')
    .repeat(5)
}

function pointCounts({ series }: History): Record<string, number> {
  return Object.fromEntries(
    series.map(({ scenario, machines }) => [
      scenario,
      machines.reduce((sum, { points }) => sum + points.length, 0),
    ]),
  )
}

const COMMIT = 'c'.repeat(40)
