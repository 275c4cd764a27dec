import assert from 'node:assert/strict'
import test from 'node:test'
import { churnBlocks } from '../analysis/churn-testdata.ts'
import type { Use } from '../analysis/churn.ts'
import { summarise } from '../analysis/summary.ts'
import { idOf, syntheticRun, tlsSettings, type SyntheticArm } from '../analysis/testdata.ts'
import { breakEvenSentences, renderChurn } from './churn-text.ts'
import { churnRunChart } from './run-charts.ts'

const uses: Use[] = [
  { policy: 'full', requestsPerConnection: 1 },
  { policy: 'full', requestsPerConnection: 10 },
  { policy: 'keep-alive', requestsPerConnection: null },
]
const arms: SyntheticArm[] = [
  { scenario: 'mtls', parameters: tlsSettings, role: 'case', cpuUs: 1 },
  { scenario: 'jwt', parameters: { ...tlsSettings, alg: 'ES256' }, role: 'case', cpuUs: 1 },
]
const costs = [
  { requestUs: 36, connectionUs: 1_583 },
  { requestUs: 207, connectionUs: 818 },
]
const run = syntheticRun({
  arms,
  overrides: {
    blocks: churnBlocks(
      arms.map((arm, index) => ({
        arm: idOf(arm),
        ...(costs[index] ?? { requestUs: 0, connectionUs: 0 }),
      })),
      uses,
      { sd: 0.02 },
    ),
  },
})

test('a table: each case once, each use below, connections that stay without a handshake', () => {
  const text = renderChurn(run, summarise(run), { color: false })
  const rows = text.split('\n').slice(0, 7)
  assert.match(
    rows[0] ?? '',
    /requests\/conn +CPU µs\/req +CPU µs\/conn +TCP µs +TLS µs +1st byte µs +resumed +refused$/,
  )
  const firstCells = rows.slice(1).map((row) => row.slice(0, 22).trimEnd())
  assert.deepEqual(
    firstCells.map((cells) => cells.trim().split(/\s{2,}/)),
    [
      ['mtls', 'full, 1'],
      ['full, 10'],
      ['connections stay'],
      ['jwt', 'full, 1'],
      ['full, 10'],
      ['connections stay'],
    ],
  )
  assert.ok(
    text.split('\n').every((line) => line.length <= 100),
    text,
  )
  assert.match(text, /mtls costs less server CPU than jwt above 4\.\d requests per connection/)
  assert.match(text, /resumed {2}refused\n.* 0 % +0\/0\n/)
})

test('a break-even is told with its interval', () => {
  const found = {
    cheaperAbove: 'mtls',
    cheaperBelow: 'jwt',
    policy: 'full',
    requestsPerConnection: 4.474,
    low: 4.1,
    high: 11.6,
    level: 0.992,
    blocks: 8,
  } as const
  const sentence = (policy: 'full' | 'resumed') =>
    breakEvenSentences([{ ...found, policy }], (id) => id)[0]
  for (const policy of ['full', 'resumed'] as const) {
    assert.equal(
      sentence(policy),
      `mtls costs less server CPU than jwt above 4.5 requests per connection, and more below (${policy} handshakes; 99.2 % interval over 8 blocks: 4.1 to 12).`,
    )
  }
})

test('a chart: a line for each case and kind of handshake, connections that stay right of all numbers', () => {
  const chart = churnRunChart(run, summarise(run))
  assert.ok(chart !== null)
  assert.deepEqual(
    chart.data.datasets.map(({ label, data }) => [label, data.map(({ x }) => x)]),
    [
      // log10(1), log10(10), half a decade beyond
      ['mtls full handshakes', [0, 1, 1.5]],
      ['jwt full handshakes', [0, 1, 1.5]],
    ],
  )
  assert.match(chart.facts.frame.notes.join(' '), /mtls costs less server CPU than jwt above/)
  assert.match(chart.facts.frame.legend.flat()[0]?.label ?? '', /intervals over blocks/)
})

test('connections that stay alone make no chart', () => {
  const only = {
    ...run,
    blocks: churnBlocks(
      [{ arm: idOf(arms[0] ?? { scenario: '' }), requestUs: 30, connectionUs: 0 }],
      uses.slice(2),
    ),
  }
  assert.equal(churnRunChart(only, summarise(only)), null)
})
