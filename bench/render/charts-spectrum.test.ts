import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { LineChart, SpectrumLoad, SpectrumSeries } from './charts-spectrum.ts'
import { markedPercentiles, percentileAxis, spectrumChart } from './charts-spectrum.ts'

test('percentiles stand where HdrHistogram puts them: each nine as wide as the last', () => {
  const table = [
    [0, 0],
    [50, 0.301],
    [90, 1],
    [99, 2],
    [99.9, 3],
    [99.99, 4],
  ] as const
  for (const [percentile, x] of table) {
    assert.equal(Math.round(percentileAxis(percentile) * 1000) / 1000, x)
  }
})

test('a line ends where fewer than 10 requests lie beyond it', () => {
  const table = [
    // (1 - 0.9) * 99 = 9.9 and (1 - 0.9) * 100 = 10
    [99, [0, 50]],
    [100, [0, 50, 90]],
    [999, [0, 50, 90]],
    [1000, [0, 50, 90, 99]],
    [10_000, [0, 50, 90, 99, 99.9]],
    [99_999, [0, 50, 90, 99, 99.9]],
    [100_000, [0, 50, 90, 99, 99.9, 99.99]],
    [10_000_000, [0, 50, 90, 99, 99.9, 99.99]],
  ] as const
  for (const [samples, percentiles] of table) {
    const chart = spectrumChart({ ...text, series: [{ ...series('tls', 8), samples }] })
    assert.deepEqual(
      chart.data.datasets[0]?.data.map(({ x }) => x),
      percentiles.map(percentileAxis),
      `${samples} samples`,
    )
  }
})

test('every number of connections has a panel of its own, lowest first', () => {
  const chart = spectrumChart({
    ...text,
    series: [series('tls/connections=8', 8), series('tls/connections=8', 1), series('jwt', 8)],
  })
  assert.deepEqual(linesOf(chart).panels, [
    { axis: 'x0', title: 'connections=1' },
    { axis: 'x1', title: 'connections=8, saturated' },
  ])
  assert.deepEqual(
    chart.data.datasets.map(({ label, xAxisID }) => [label, xAxisID]),
    [
      ['tls connections=8', 'x1'],
      ['tls connections=1', 'x0'],
      ['jwt connections=8', 'x1'],
    ],
  )
  assert.deepEqual(Object.keys(chart.options?.scales ?? {}), ['x0', 'x1', 'y'])
})

test('every offered rate has a panel of its own, and nothing of it is said to be saturated', () => {
  const chart = spectrumChart({
    ...text,
    series: [12_000, 300].map((ratePerSecond) => seriesAt('gw', { ratePerSecond })),
  })
  assert.deepEqual(linesOf(chart).panels, [
    { axis: 'x0', title: '300/s offered' },
    { axis: 'x1', title: '12,000/s offered' },
  ])
  assert.doesNotMatch(chart.facts.frame.notes.join(' '), /aturated/)
})

test('a case looks the same in all panels and unlike every other: colour, dash and marker', () => {
  const ids = Array.from({ length: 28 }, (_, index) => `tls/alg=${index}`)
  const chart = spectrumChart({
    ...text,
    series: [...ids.map((id) => series(id, 1)), ...ids.map((id) => series(id, 8))],
  })
  const looks = chart.data.datasets.map(lookOf)
  assert.deepEqual(looks.slice(0, 28), looks.slice(28))
  assert.equal(new Set(looks).size, 28)
})

test('names stand in the margin, joined to the line of the last panel', () => {
  const chart = spectrumChart({
    ...text,
    series: [series('jwt/alg=ES256', 1), series('jwt/alg=RS256', 1), series('jwt/alg=RS256', 8)],
  })
  assert.deepEqual(
    linesOf(chart).names.map(({ name, detail, dataset }) => ({ name, detail, dataset })),
    [
      { name: '', detail: ['alg=ES256'], dataset: null },
      { name: '', detail: ['alg=RS256'], dataset: 2 },
    ],
  )
})

test('what was not measured is named below the plot with its reason, and not drawn', () => {
  const chart = spectrumChart({
    ...text,
    series: [
      series('tls', 8),
      { ...series('mtls', 8), points: [], samples: 0, reason: 'server died' },
      { ...series('jwt', 8), samples: 3 },
    ],
  })
  assert.equal(chart.data.datasets.length, 1)
  assert.deepEqual(chart.facts.frame.notes.slice(0, 2), [
    'mtls connections=8: not measured: server died',
    'jwt connections=8: not measured: 3 requests are too few',
  ])
})

test('a latency of 0, for which a log axis has no place, is left out', () => {
  const points = [
    { percentile: 0, latencyUs: 0 },
    { percentile: 50, latencyUs: 120 },
  ]
  const chart = spectrumChart({ ...text, series: [{ ...series('tls', 1), points }] })
  assert.deepEqual(chart.data.datasets[0]?.data, [{ x: percentileAxis(50), y: 120 }])
})

test('the latency axis starts and ends on a step of 1, 2 or 5', () => {
  const points = [
    { percentile: 0, latencyUs: 130 },
    { percentile: 50, latencyUs: 2100 },
  ]
  const chart = spectrumChart({ ...text, series: [{ ...series('tls', 1), points }] })
  assert.equal(chart.options?.scales?.['y']?.min, 100)
  assert.equal(chart.options.scales['y'].max, 5000)
})

test('markers stand at the marked percentiles, the first excepted', () => {
  const points = [0, 50, 75, 90, 95, 99].map((percentile) => ({ percentile, latencyUs: 100 }))
  const chart = spectrumChart({ ...text, series: [{ ...series('tls', 1), points }] })
  assert.deepEqual(chart.data.datasets[0]?.pointRadius, [0, 4.5, 0, 4.5, 0, 4.5])
})

/** By name, as chart.js types colours by the DOM, which is not among our libraries. */
function lookOf(dataset: object): string {
  const marks = Object.entries(dataset).filter(([name]) => /^(border|point)/.test(name))
  return JSON.stringify(marks.filter(([name]) => name !== 'pointRadius'))
}

function linesOf(chart: LineChart) {
  assert.ok(chart.facts.lines)
  return chart.facts.lines
}

function series(label: string, connections: number): SpectrumSeries {
  return seriesAt(label, { connections })
}

function seriesAt(label: string, load: SpectrumLoad): SpectrumSeries {
  const points = markedPercentiles.map((percentile, index) => ({
    percentile,
    latencyUs: 100 * (index + 1),
  }))
  return { label, load, samples: 1_000_000, points, reason: null }
}

const text = { title: 'a title', subtitle: 'a subtitle', footer: 'a machine' }
