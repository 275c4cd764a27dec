import assert from 'node:assert/strict'
import test from 'node:test'
import { noiseOf } from './block-noise.ts'
import { narrowings } from './narrowing.ts'
import { margin } from './stats.ts'
import { summarise } from './summary.ts'
import { combinedArms, syntheticRun } from './testdata.ts'

const run = syntheticRun({ arms: combinedArms(), blocks: 12, blockSd: 0.02, sliceSd: 0.02 })

test('the last of the estimates is the one of the run’s own table, and so is the difference', () => {
  const { arms, comparisons } = summarise(run)
  for (const row of narrowings(run)) {
    const figures = arms.find(({ record }) => record.id === row.arm)?.figures
    assert.deepEqual(row.after.at(-1), figures?.metrics.cpuUsPerRequest)
    const told = comparisons.find(
      ({ case: id, metric }) => id === row.arm && metric === 'cpuUsPerRequest',
    )
    assert.deepEqual(row.overBaseline, told?.difference ?? null)
  }
})

test('one estimate a block: one has no interval, from 8 on it holds 99 % and narrows', () => {
  const [combined] = narrowings(run)
  const after = combined?.after ?? []
  assert.deepEqual(
    after.map(({ blocks }) => blocks),
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12],
  )
  assert.equal(after[0]?.low, null)
  // 1 − 2/2⁸ = 99.2 %.
  assert.ok((after[7]?.level ?? 0) > 0.992)
  const [eighth, last] = [after[7], after[11]].map((one) =>
    one === undefined ? null : margin(one),
  )
  assert.ok(eighth != null && last != null && last < eighth)
})

test('at one level: from the third block on, at 75 % or just above, and it narrows', () => {
  const [combined] = narrowings(run)
  const steady = combined?.steady ?? []
  assert.deepEqual(
    steady.map(({ blocks }) => blocks),
    [3, 4, 5, 6, 7, 8, 9, 10, 11, 12],
  )
  assert.ok(steady.every(({ level }) => level !== null && level >= 0.75 && level < 0.85))
  const [third, last] = [steady[0], steady[9]].map((one) =>
    one === undefined ? null : margin(one),
  )
  assert.ok(third != null && last != null && last < third)
})

test('a run that goes on: its arms are not measured yet by name, its blocks count', () => {
  const arms = run.arms.map((arm) => ({ ...arm, outcome: 'skipped' as const }))
  assert.deepEqual(narrowings({ ...run, arms }), narrowings(run))
  const none = narrowings({ arms, blocks: [] })
  assert.deepEqual(
    none.map(({ arm, after, overBaseline }) => [arm, after, overBaseline]),
    arms.map(({ id }) => [id, [], null]),
  )
})

test('a failed block is in no estimate, but in the noise', () => {
  const [first, ...others] = run.blocks
  assert.ok(first)
  const blocks = [{ ...first, outcome: 'failed' as const, reason: 'x' }, ...others]
  assert.equal(narrowings({ arms: run.arms, blocks })[0]?.after.length, 11)
  assert.equal(noiseOf(blocks).length, 12)
})

test('noise is a share of the time in which requests ran; what is not told stays unknown', () => {
  const [block] = run.blocks
  const [slice] = block?.slices ?? []
  assert.ok(block && slice)
  const of = (wallUs: number, changes: Partial<typeof slice>) => ({
    ...slice,
    stealUs: null,
    runQueueUs: null,
    foreignCpuUs: 0,
    clientEventLoopUtilization: 0,
    ...changes,
    wallUs,
  })
  const slices = [
    of(1_000, { runQueueUs: 100, foreignCpuUs: -50, clientEventLoopUtilization: 0.5 }),
    of(3_000, { foreignCpuUs: 250, clientEventLoopUtilization: 0.9 }),
  ]
  // Run queue: 100 of the 1,000 µs in which it is known; foreign: 200 of 4,000; loop: (500 + 2,700) of 4,000.
  assert.deepEqual(noiseOf([{ ...block, slices }]), [
    { block: 0, steal: null, runQueue: 0.1, foreignCpu: 0.05, clientEventLoop: 0.8 },
  ])
  assert.deepEqual(noiseOf([{ ...block, slices: [] }]), [])
})
