import assert from 'node:assert/strict'
import { join } from 'node:path'
import test from 'node:test'
import { planArms } from './arms.ts'
import { assertFits, describeEstimate, estimateRun } from './estimate.ts'
import { findScenario, loadScenarios } from './scenarios.ts'

const all = await loadScenarios(join(import.meta.dirname, '..'))
const tree = { root: '.', label: 'working tree', commit: null, dirty: null }
const armsOf = (settings: Record<string, string[]>) =>
  planArms({ scenarios: [findScenario('jwt', all)], settings, against: null, tree }, all)
const plan = { maxBlocks: 12, budgetMs: null, slices: 20 }

/** A hundred cells: five algorithms, five keys, two versions, two lengths. */
const hundred = armsOf({
  alg: ['ES256', 'ES384', 'RS256', 'PS256', 'EdDSA'],
  key: ['p256', 'p384', 'rsa2048', 'rsa4096', 'ed25519'],
  tls: ['1.2', '1.3'],
  chain: ['1', '2'],
})

test('a matrix of 100 cells costs what its arms and blocks cost, and that is said', () => {
  assert.equal(hundred.filter(({ role }) => role === 'case').length, 100)
  const estimate = estimateRun(hundred, plan)
  assert.equal(estimate.totalMs, estimate.preflightMs + 12 * estimate.blockMs)
  assert.ok(estimate.totalMs > 20 * estimateRun(armsOf({}), plan).totalMs)
  assert.match(
    describeEstimate(estimate),
    /^121 arms, up to 12 blocks of \d+:\d\d min, preflight \d:\d\d min: about \d\d:\d\d min in all; Ctrl-C keeps/,
  )
})

test('a budget holds as many blocks as it holds, and never none', () => {
  const one = estimateRun(hundred, { ...plan, budgetMs: 75_000 })
  assert.deepEqual([one.blocks, one.totalMs], [1, one.preflightMs + one.blockMs])
  const some = estimateRun(armsOf({}), { ...plan, budgetMs: 75_000 })
  assert.ok(some.blocks > 5 && some.blocks * some.blockMs <= 75_000)
})

test('arms that cannot all be alive at once are refused beforehand', () => {
  const estimate = estimateRun(hundred, plan)
  assert.throws(
    () => {
      assertFits(estimate, 8 * 2 ** 30)
    },
    {
      code: 'usage',
      message:
        /^121 arms are alive at once in each block and need about \d+\.\d GiB, this machine has 8\.0/,
    },
  )
  assert.doesNotThrow(() => {
    assertFits(estimate, 64 * 2 ** 30)
  })
})
