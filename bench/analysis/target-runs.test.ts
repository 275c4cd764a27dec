import assert from 'node:assert/strict'
import test from 'node:test'
import { renderTargets } from '../render/target-text.ts'
import { compareRuns } from './compare.ts'
import { relativePrecision, summarise } from './summary.ts'
import { targetRun } from './target-testdata.ts'

const options = { defaults: () => null }

test('what is not known of a target is null, and compared is what is', () => {
  const { arms, comparisons } = summarise(targetRun({ old: 100, new: 130 }))
  for (const { figures } of arms) {
    const { metrics } = figures ?? {}
    assert.equal(metrics?.cpuUsPerRequest, null)
    assert.equal(metrics.requestsPerCoreSecond, null)
    assert.equal(metrics.rssBytes, null)
    assert.ok((metrics.latencyP50Us?.estimate ?? 0) > 0)
  }
  assert.deepEqual(
    comparisons.map(({ case: id, against, metric, verdict }) => [id, against, metric, verdict]),
    [['new', 'old', 'latencyP50Us', 'worse']],
  )
})

test('precision is of latency where no CPU is known', () => {
  const precision = relativePrecision(targetRun({ old: 100, new: 100 }))
  assert.ok(precision !== null && precision > 0 && precision < 0.05)
})

test('CPU counted over whole blocks is a figure, and is compared block by block', () => {
  const run = targetRun({ old: 100, new: 100 })
  for (const [index, block] of run.blocks.entries()) {
    const requests = 1_000
    const counted = (arm: string, usEach: number) => ({
      arm,
      cpuUs: usEach * requests * (1 + (index % 3) / 1_000),
      requests,
      wallUs: 1e6,
      resolutionMs: null,
    })
    block.counted = [counted('old', 50), counted('new', 60)]
  }
  const { arms, comparisons } = summarise(run)
  assert.equal(Math.round(arms[0]?.figures?.metrics.cpuUsPerRequest?.estimate ?? 0), 50)
  const cpu = comparisons.find(({ metric }) => metric === 'cpuUsPerRequest')
  // 60 over 50 in every block.
  assert.ok(Math.abs((cpu?.ratio?.estimate ?? 0) - 1.2) < 1e-9)
  assert.equal(cpu?.verdict, 'worse')
})

test('two runs are compared by the labels of their targets, on no scale, and only large changes show', () => {
  const before = targetRun({ gateway: 100 }, { seed: 1 })
  const verdictOf = (us: number) => {
    const { kind, changes, warnings } = compareRuns(
      before,
      targetRun({ gateway: us }, { seed: 2 }),
      options,
    )
    assert.equal(kind, 'targets')
    assert.match(warnings[0]?.message ?? '', /by 15\.0 % sd/)
    assert.match(warnings[0]?.advice ?? '', /--target A --target B/)
    return changes.map(({ metric, verdict }) => [metric, verdict])
  }
  // 2.58 · √2 · 15 % is a factor of 1.7.
  assert.deepEqual(verdictOf(130), [['latencyP50Us', 'undecided']])
  assert.deepEqual(verdictOf(250), [['latencyP50Us', 'worse']])
})

test('runs of other targets, of another request or of scenarios are refused', () => {
  const before = targetRun({ gateway: 100 })
  assert.throws(() => compareRuns(before, targetRun({ other: 100 }), options), {
    code: 'not-comparable',
    message: /no case was measured in both/,
  })
  const other = targetRun({ gateway: 100 }, { seed: 2 })
  const arms = other.arms.map((arm) => ({ ...arm, requestDigest: 'f'.repeat(64) }))
  assert.throws(() => compareRuns(before, { ...other, arms }, options), /request differs/)
})

test('the table tells times, the comparison in words, and what the figures are of', () => {
  const run = targetRun({ old: 100, new: 130 })
  const text = renderTargets(run, summarise(run), { color: false })
  assert.match(text, /p50 µs +p90 µs +p99 µs +req\/s +TLS\n/)
  assert.match(text, /\nold +[\d.]+ ± [\d.]+ .*TLSv1\.3\n/)
  assert.match(text, /p50 of new against old: worse, \+\d+\.\d % \(\+\d/)
  assert.match(text, /Wall-clock times, the network included/)
  assert.doesNotMatch(text, /CPU µs|core-s|NaN|null/)
  const held = { ratePerSecond: 1_000, durationMs: 60_000, connections: 64 }
  for (const arm of run.arms) {
    if (arm.target === undefined) continue
    arm.target.cap = held
    arm.target.cpu = 'processes'
    arm.target.tokens = { fetched: 9, lifetimeMs: 1_000, failures: {} }
  }
  const told = renderTargets(run, summarise(run), { color: false })
  assert.match(told, /At most 1,000 requests\/s were sent/)
  assert.match(told, /new: 9 tokens, each fetched while the one before was still good\./)
})
