import assert from 'node:assert/strict'
import test from 'node:test'
import { idOf, syntheticRun, tlsSettings } from '../analysis/testdata.ts'
import type { Run } from '../results.ts'
import { storedTrials } from './stored.ts'

let minute = 0

/** A run of a self-test whose tree after costs so much more than the one before. */
function trialRun(share: number, measuredShare: number, overrides: Partial<Run> = {}): Run {
  minute += 10
  const at = (offset: number) => new Date(Date.UTC(2026, 0, 1, 0, minute + offset)).toISOString()
  const tls = { scenario: 'tls', parameters: tlsSettings } as const
  const id = idOf(tls)
  const source = (label: string) => ({ label, commit: 'c', dirty: false })
  return syntheticRun({
    arms: [
      {
        ...tls,
        id,
        role: 'case',
        against: `${id}@before`,
        source: source('after'),
        cpuUs: 20 * (1 + measuredShare),
      },
      { ...tls, id: `${id}@before`, role: 'baseline', source: source('before'), cpuUs: 20 },
      { scenario: 'reference', role: 'reference', cpuUs: 15 },
    ],
    seed: minute,
    sliceSd: 0.01,
    overrides: {
      command: ['selftest', `--inject=${share}`, 'tls'],
      startedAt: at(0),
      finishedAt: at(1),
      ...overrides,
    },
  })
}

const verdicts = (runs: readonly Run[], shares = [0.05]) =>
  storedTrials(runs, shares).map(({ injectedShare, changes }) => [
    injectedShare,
    changes.find(({ metric }) => metric === 'cpuUsPerRequest')?.verdict,
  ])

test('an A/A is one run, a share found is two: the second confirms', () => {
  const runs = [trialRun(0, 0), trialRun(0.05, 0.05), trialRun(0.05, 0.05)]
  assert.deepEqual(verdicts(runs), [
    [0, 'same'],
    [0.05, 'worse'],
  ])
  const [unchanged, changed] = storedTrials(runs, [0.05])
  // One minute each; the second run began ten minutes after the first.
  assert.deepEqual([unchanged?.firstSecondsPerMechanism, unchanged?.secondsPerMechanism], [60, 60])
  assert.deepEqual([changed?.firstSecondsPerMechanism, changed?.secondsPerMechanism], [60, 660])
})

test('what the second run does not confirm is undecided', () => {
  assert.deepEqual(verdicts([trialRun(0.05, 0.05), trialRun(0.05, 0)]), [[0.05, 'undecided']])
})

test('cut off before it was confirmed, incomplete, of other shares, of other commands: left out', () => {
  assert.deepEqual(verdicts([trialRun(0.05, 0.05)]), [])
  assert.deepEqual(verdicts([trialRun(0, 0, { complete: false })]), [])
  assert.deepEqual(verdicts([trialRun(0.1, 0.1), trialRun(0.1, 0.1)]), [])
  assert.deepEqual(verdicts([trialRun(0, 0, { command: ['bench', 'tls'] })]), [])
})

test('runs of another commit or machine than the newest are not mixed in', () => {
  const old = trialRun(0, 0)
  const environment = { ...old.environment, commit: 'another' }
  assert.deepEqual(verdicts([{ ...old, environment }, trialRun(0, 0)]), [[0, 'same']])
})
