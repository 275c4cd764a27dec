import assert from 'node:assert/strict'
import test from 'node:test'
import {
  armTable,
  claim,
  claimTable,
  clientCpu,
  latencyP50,
  level,
  ratio,
  serverCpu,
  type ArmName,
  type SliceBlock,
} from './driver-benchmark/report.ts'

/** One ABBA round of two slices each: ours at `ours` µs of client CPU a request, the other at `other`. */
function block(ours: number, other: number, name: ArmName = 'autocannon'): SliceBlock {
  return [name, 'ours' as const, 'ours' as const, name].map((arm, position) => ({
    arm,
    position,
    requests: 1_000,
    clientCpuUs: (arm === 'ours' ? ours : other) * 1_000,
    serverCpuUs: 20_000,
    latencyP50Us: arm === 'wrk' ? null : 100,
  }))
}

const eight = Array.from({ length: 8 }, (_, index) => block(8 + index / 100, 10 + index / 80))

test('a ratio is that of paired slices, whatever drifts from block to block', () => {
  // 8.00/10.00, 8.01/10.0125, …: 0.8 in each block.
  const estimate = ratio(eight, { of: 'ours', over: 'autocannon' }, clientCpu)
  assert.ok(Math.abs((estimate?.estimate ?? 0) - 0.8) < 1e-9)
  assert.equal(estimate?.blocks, 8)
  assert.ok((estimate.level ?? 0) >= 0.99)
  const same = ratio(eight, { of: 'ours', over: 'autocannon' }, serverCpu)
  assert.equal(same?.estimate, 1)
})

test('the level of an arm is per request, and null where its client tells nothing', () => {
  assert.equal(level([block(8, 10)], 'ours', clientCpu)?.estimate, 8)
  assert.equal(level([block(8, 10, 'wrk')], 'wrk', latencyP50), null)
  assert.equal(ratio([block(8, 10, 'wrk')], { of: 'ours', over: 'wrk' }, latencyP50), null)
})

const bounds: [
  string,
  Parameters<typeof claim>[1],
  { atLeast?: number; atMost: number },
  boolean | null,
][] = [
  ['wholly below', interval(0.79, 0.84), { atMost: 0.85 }, true],
  ['estimate below, interval not', interval(0.79, 0.86), { atMost: 0.85 }, false],
  ['within', interval(0.98, 1.02), { atLeast: 0.97, atMost: 1.03 }, true],
  ['too low', interval(0.96, 1.02), { atLeast: 0.97, atMost: 1.03 }, false],
  ['not measured', null, { atMost: 1.5 }, null],
  [
    'one block has no interval',
    { ...interval(0, 0), low: null, high: null },
    { atMost: 1.5 },
    null,
  ],
]
for (const [name, estimate, limits, holds] of bounds) {
  test(`a claim needs its whole interval: ${name}`, () => {
    assert.equal(claim(name, estimate, limits).holds, holds)
  })
}

test('the tables show intervals, ratios and what is missing', () => {
  const text = armTable(eight, ['ours', 'autocannon', 'wrk'], { wrk: 'wrk is not installed' })
  assert.equal(text.length, 4)
  assert.match(text[1] ?? '', /^ours +8\.0\d \[8\.00, 8\.07\] +20\.00 \[20\.00, 20\.00\] +100\.0/)
  assert.match(text[2] ?? '', /^autocannon +10\.0\d \[.*\] +0\.800 \[0\.800, 0\.800\]/)
  assert.match(text[3] ?? '', /^wrk +not measured: wrk is not installed$/)
  const claims = claimTable([
    claim('a', interval(0.7, 0.8), { atMost: 0.85 }),
    claim('b', interval(0.7, 0.9), { atMost: 0.85 }),
    claim('c', null, { atLeast: 0.97, atMost: 1.03 }),
  ])
  assert.match(claims[1] ?? '', /^a +0\.750 \[0\.700, 0\.800\] +at most 0\.85 +holds$/)
  assert.match(claims[2] ?? '', /NOT SHOWN$/)
  assert.match(claims[3] ?? '', /^c +not measured +0\.97 to 1\.03 +–$/)
})

function interval(low: number, high: number) {
  return { estimate: (low + high) / 2, low, high, level: 0.99, blocks: 12 }
}
