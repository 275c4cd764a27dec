import assert from 'node:assert/strict'
import test from 'node:test'
import { targetRun } from '../analysis/target-testdata.ts'
import { combinedArms, syntheticRun } from '../analysis/testdata.ts'
import type { Run } from '../results.ts'
import { newestOf } from './report-input.ts'

const named = (runId: string, run: Run): Run => ({ ...run, runId })
const whole = named('whole', syntheticRun({ arms: combinedArms(), blocks: 2 }))
const lone = named('lone', syntheticRun({ arms: [{ scenario: 'tls', cpuUs: 20 }], blocks: 2 }))

test('a report is of the run with the most mechanisms, the newest of those; of a smoke run last of all', () => {
  const idOf = (...runs: Run[]) => newestOf(runs, 'closed')?.runId
  assert.equal(idOf(lone, whole), 'whole')
  assert.equal(idOf(named('newer', whole), whole), 'newer')
  assert.equal(idOf({ ...whole, mode: 'smoke' }, lone), 'lone')
  assert.equal(idOf({ ...whole, mode: 'smoke' }), 'whole')
  assert.equal(idOf({ ...whole, complete: false }, lone), 'lone')
  assert.equal(idOf({ ...whole, complete: false }), undefined)
  assert.equal(newestOf([whole], 'churn'), null)
  // Of targets no CPU is known, and nothing of theirs is a mechanism of ours.
  assert.equal(idOf(targetRun({ gateway: 20 }), lone), 'lone')
})
