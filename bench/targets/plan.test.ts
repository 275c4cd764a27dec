import assert from 'node:assert/strict'
import test from 'node:test'
import { modes } from '../modes.ts'
import type { Plan } from '../measure.ts'
import { defaultCap } from './caps.ts'
import { targetPlan } from './plan.ts'

const plan: Plan = { ...modes.default, seed: 1 }
const near = { targets: 1, connections: 8, latencyMs: 1, cap: null }

/** Seconds of one block of all targets, of the slices alone. */
function blockSeconds(
  { slices, minSliceRequests }: Plan,
  { targets, connections, latencyMs, cap }: Parameters<typeof targetPlan>[1],
): number {
  const requestMs = Math.max(latencyMs / connections, 1_000 / (cap?.ratePerSecond ?? Infinity))
  return (targets * slices * minSliceRequests * requestMs) / 1_000
}

test('a quick target on this machine is measured as a scenario is', () => {
  assert.equal(targetPlan(plan, near), plan)
})

const held: [string, Parameters<typeof targetPlan>[1]][] = [
  ['another host', { ...near, cap: defaultCap }],
  ['two on other hosts', { ...near, targets: 2, cap: defaultCap }],
  ['far away', { ...near, latencyMs: 80, cap: defaultCap }],
  ['slow, on this machine', { ...near, latencyMs: 300 }],
  ['held back', { ...near, cap: { ...defaultCap, ratePerSecond: 200 } }],
]
for (const [name, pacing] of held) {
  test(`12 blocks fit into the time there is: ${name}`, () => {
    const own = targetPlan(plan, pacing)
    const seconds = blockSeconds(own, pacing)
    assert.ok(12 * seconds <= (own.budgetMs ?? 0) / 1_000, `${seconds} s a block`)
    assert.equal(own.slices % 4, 0)
    assert.ok(own.slices >= 4 && own.warmupRequests <= 64)
    // The last block may take longer than those before it.
    if (pacing.cap !== null) assert.ok((own.budgetMs ?? 0) < pacing.cap.durationMs)
    assert.equal(own.saturationRequests > 0, pacing.cap === null)
  })
}

test('one that takes seconds for an answer still gets a block, of as few slices as there may be', () => {
  const own = targetPlan(plan, { ...near, latencyMs: 5_000 })
  assert.deepEqual([own.slices, own.singleConnectionSlices], [4, 0])
})
