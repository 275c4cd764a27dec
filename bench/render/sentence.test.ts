import assert from 'node:assert/strict'
import { test } from 'node:test'
import { summarise } from '../analysis/summary.ts'
import {
  combinedArms,
  syntheticRun,
  type SyntheticArm,
  type SyntheticRun,
} from '../analysis/testdata.ts'
import { sentences } from './sentence.ts'

const steady = { blockSd: 0, sliceSd: 0, blocks: 8 } as const

test('a case with parts says what it costs, and what of it each part is', () => {
  assert.deepEqual(say({ ...steady, arms: combinedArms() }), [
    // 197 - 35; 155 / 162, 2 / 162 and 5 of 162 left over.
    'combined costs 162.0 ± 0.0 µs more CPU per request than tls: JWT verification is 95.7 ± 0.0 % of it, the client certificate 1.2 ± 0.0 %; 5.0 ± 0.0 µs more than the parts add up to.',
  ])
})

test('the largest part comes first, and others go by their name', () => {
  const arms = changed({ mtls: { cpuUs: 180 }, jwt: { cpuUs: 52, scenario: 'dpop' } })
  const [sentence = ''] = say({ ...steady, arms, parts: ['mtls', 'dpop'] })
  // 145 / 162 and 17 / 162: nothing is left over.
  assert.match(sentence, /: the client certificate is 89\.5 ± 0\.0 % of it, dpop 10\.5 ± 0\.0 %\.$/)
})

test('parts that cost more alone than together say so', () => {
  const [sentence = ''] = say({ ...steady, arms: changed({ jwt: { cpuUs: 200 } }) })
  assert.match(sentence, /; 5\.0 ± 0\.0 µs less than the parts add up to\.$/)
})

test('a cheaper case costs less', () => {
  const [sentence] = say({ ...steady, arms: changed({ combined: { cpuUs: 30, parts: [] } }) })
  assert.equal(sentence, 'combined costs 5.0 ± 0.0 µs less CPU per request than tls.')
})

test('an interval that contains 0 never says that it costs more', () => {
  const arms = changed({ combined: { cpuUs: 35 } })
  const [sentence = ''] = say({ blocks: 8, blockSd: 0.02, arms, seed: 3 })
  assert.match(
    sentence,
    /^Between combined and tls no difference in CPU per request was found; more than [\d.]+ µs either way is ruled out\.$/,
  )
})

test('shares are left out where a part was not measured', () => {
  const arms = changed({ jwt: { outcome: 'failed', reason: 'J1 was accepted' } })
  assert.deepEqual(say({ ...steady, arms }), [
    'combined costs 162.0 ± 0.0 µs more CPU per request than tls.',
  ])
})

test('nothing is said without a baseline, or from fewer than 6 blocks', () => {
  const arms = changed({ tls: { outcome: 'failed', reason: 'T1 was accepted' } })
  assert.deepEqual(say({ ...steady, arms }), [])
  assert.deepEqual(say({ ...steady, blocks: 5, arms: combinedArms() }), [])
  assert.equal(say({ ...steady, blocks: 6, arms: combinedArms() }).length, 1)
})

test('the authorization server’s part is told, unless it only idles', () => {
  const clause = / than tls, and 225\.0 ± 0\.0 µs on the authorization server/
  const with225 = say({ ...steady, arms: changed({ combined: { issuerCpuUs: 225 } }) })
  assert.match(with225[0] ?? '', clause)
  const idle = say({ ...steady, arms: changed({ combined: { issuerCpuUs: 1 } }) })
  assert.doesNotMatch(idle[0] ?? '', /authorization server/)
  const both = changed({ combined: { issuerCpuUs: 225 }, tls: { issuerCpuUs: 225 } })
  assert.doesNotMatch(say({ ...steady, arms: both })[0] ?? '', /authorization server/)
})

function changed(changes: Readonly<Record<string, Partial<SyntheticArm>>>): SyntheticArm[] {
  return combinedArms().map((arm) => ({ ...arm, ...changes[arm.scenario] }))
}

/** Sentences of a run in which every arm is named by its scenario; parts by scenario, too. */
function say(options: SyntheticRun & { readonly parts?: readonly string[] }): string[] {
  const run = syntheticRun(options)
  const { parts } = options
  const idOfScenario = (name: string) =>
    run.arms.find(({ scenario }) => scenario === name)?.id ?? name
  const renamed =
    parts === undefined
      ? run
      : {
          ...run,
          arms: run.arms.map((arm) =>
            arm.parts.length > 0 ? { ...arm, parts: parts.map(idOfScenario) } : arm,
          ),
        }
  return sentences(summarise(renamed), (id) => id.split('/')[0] ?? id)
}
