import assert from 'node:assert/strict'
import test from 'node:test'
import { curveChart } from './charts-curve.ts'
import { renderPng } from './png.ts'

const at = (estimate: number) => ({ estimate, low: null, high: null, level: null, blocks: 1 })
const chart = curveChart({
  title: 'Latency against offered rate',
  subtitle: 'open loop',
  footer: 'a machine',
  sloP99Us: 10_000,
  sentences: ['tls: the knee is at 500 requests/s.'],
  series: [
    {
      label: 'tls/key=p256',
      points: [
        { ratePerSecond: 1_000, p50: at(300), p99: null },
        { ratePerSecond: 10, p50: at(100), p99: at(200) },
        { ratePerSecond: 100, p50: null, p99: at(900) },
      ],
    },
    {
      label: 'combined/key=p256',
      points: [{ ratePerSecond: 10, p50: at(500), p99: at(20_000) }],
    },
  ],
})

test('two panels share one axis of latency; what is not known is a gap, never a line across', () => {
  assert.deepEqual(
    chart.facts.lines?.panels.map(({ title }) => title),
    ['p50', 'p99'],
  )
  assert.deepEqual(
    chart.data.datasets.map(({ xAxisID, data }) => [xAxisID, data.map(({ x, y }) => [x, y])]),
    [
      // log10 of 10, 100 and 1,000
      [
        'x0',
        [
          [1, 100],
          [2, Number.NaN],
          [3, 300],
        ],
      ],
      ['x0', [[1, 500]]],
      [
        'x1',
        [
          [1, 200],
          [2, 900],
        ],
      ],
      ['x1', [[1, 20_000]]],
    ],
  )
  assert.deepEqual(
    chart.facts.lines.names.map(({ name, dataset }) => [name, dataset]),
    [
      ['tls', 2],
      ['combined', 3],
    ],
  )
  // From the last step below 100 to the first above 20,000, the objective among them.
  const { min, max } = chart.options?.scales?.['y'] as { min: number; max: number }
  assert.deepEqual([min, max], [100, 20_000])
})

test('the same chart gives the same bytes', () => {
  assert.deepEqual(renderPng(chart), renderPng(chart))
})
