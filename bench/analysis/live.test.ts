import assert from 'node:assert/strict'
import { test } from 'node:test'
import { liveComparison } from './live.ts'
import { summarise } from './summary.ts'
import { combinedArms, syntheticRun, type SyntheticArm } from './testdata.ts'

const now = { label: 'working tree', commit: 'a'.repeat(40), dirty: true }
const main = { label: 'main', commit: 'b'.repeat(40), dirty: false }

test('the same case from two trees becomes a change, told in its own unit', () => {
  const run = syntheticRun({
    blockSd: 0,
    sliceSd: 0,
    arms: [...pair('jwt', 150, 165), ...pair('tls', 40, 40), reference],
  })
  const { kind, before, after, changes, missing, forced } = liveComparison(run, summarise(run))
  assert.equal(kind, 'live')
  assert.deepEqual([before.label, before.commit], ['main', main.commit])
  assert.deepEqual([after.label, after.dirty], ['working tree, uncommitted changes', true])
  assert.deepEqual(
    changes.map((change) => [change.case, change.metric, change.verdict]),
    [
      ['jwt/connections=8', 'cpuUsPerRequest', 'worse'],
      ['jwt/connections=8', 'latencyP50Us', 'worse'],
      ['tls/connections=8', 'cpuUsPerRequest', 'same'],
      ['tls/connections=8', 'latencyP50Us', 'same'],
    ],
  )
  assert.equal(Math.round(changes[0]?.before?.estimate ?? 0), 150)
  assert.equal(Math.round(changes[0]?.after?.estimate ?? 0), 165)
  assert.deepEqual([missing, forced], [[], []])
})

test('what failed or exists in one tree only is named', () => {
  const [jwt, old] = pair('jwt', 150, 165)
  assert.ok(jwt !== undefined && old !== undefined)
  const run = syntheticRun({
    blocks: 8,
    arms: [
      jwt,
      { ...old, outcome: 'failed', reason: 'J3 was accepted' },
      { scenario: 'dpop', cpuUs: 99, source: now },
      reference,
    ],
  })
  const { changes, missing } = liveComparison(run, summarise(run))
  assert.deepEqual(changes, [])
  assert.deepEqual(missing, [
    { case: 'jwt/connections=8', reason: 'only in working tree' },
    { case: 'jwt/connections=8', reason: 'failed in main: J3 was accepted' },
    { case: 'dpop/connections=8', reason: 'only in working tree' },
  ])
})

test('a scenario against its baseline is no change between trees', () => {
  const run = syntheticRun({ arms: combinedArms(), blocks: 2 })
  assert.deepEqual(liveComparison(run, summarise(run)).changes, [])
})

const reference: SyntheticArm = { scenario: 'reference', role: 'reference', cpuUs: 30 }

function pair(scenario: string, cpuUs: number, nowUs: number): SyntheticArm[] {
  return [
    {
      scenario,
      id: `${scenario}@now`,
      role: 'case',
      against: `${scenario}@main`,
      cpuUs: nowUs,
      source: now,
    },
    { scenario, id: `${scenario}@main`, role: 'baseline', cpuUs, source: main },
  ]
}
