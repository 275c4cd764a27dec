import assert from 'node:assert/strict'
import test from 'node:test'
import { combinedArms, syntheticRun } from './analysis/testdata.ts'
import type { Run } from './results.ts'
import { takeUp } from './resume.ts'

const environment = { commit: 'a'.repeat(40), dirty: false, machineId: 'm' } as const
const whole = syntheticRun({ arms: combinedArms(), blocks: 4, environment })
const [first, second, third, failed] = whole.blocks.map((block) => block)
const interrupted: Run = {
  ...whole,
  runId: 'earlier',
  seed: 7,
  complete: false,
  incompleteReason: 'interrupted',
  blocks: [
    first,
    second,
    third,
    { ...failed, outcome: 'failed', reason: 'interrupted' },
  ] as Run['blocks'],
}
const now: Run = {
  ...whole,
  runId: 'now',
  seed: 99,
  startedAt: '2025-01-02T00:00:00.000Z',
  complete: false,
  incompleteReason: 'still measuring',
  blocks: [],
}

test('finished blocks are kept, the one that was interrupted is measured again', () => {
  const run = takeUp(interrupted, now)
  assert.deepEqual(
    run.blocks.map(({ index }) => index),
    [0, 1, 2],
  )
  assert.deepEqual([run.runId, run.seed, run.startedAt], ['earlier', 7, whole.startedAt])
  assert.deepEqual([run.complete, run.incompleteReason], [false, 'still measuring'])
  assert.ok(run.warnings.some(({ code }) => code === 'resumed'))
})

const other = (changes: Partial<Run['environment']>): Run => ({
  ...now,
  environment: { ...now.environment, ...changes },
})
for (const [name, earlier, current, message] of [
  ['a run that is complete', { ...interrupted, complete: true }, now, /it is complete/],
  ['another commit', interrupted, other({ commit: 'b'.repeat(40) }), /it is of commit a+, this/],
  ['another machine', interrupted, other({ machineId: 'x' }), /on another machine/],
  ['another runtime', interrupted, other({ node: 'v99' }), /ran on Node .*, this is v99/],
  ['uncommitted changes', interrupted, other({ dirty: true }), /uncommitted changes/],
  [
    'another measuring version',
    { ...interrupted, measuringVersion: 0 },
    now,
    /measured by version 0, this is 1/,
  ],
  ['other cases', interrupted, { ...now, arms: now.arms.slice(1) }, /its cases are others/],
] as const) {
  test(`is refused: ${name}`, () => {
    assert.throws(() => takeUp(earlier, current), { code: 'not-comparable', message })
  })
}
