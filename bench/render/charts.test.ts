import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CpuRow, ThroughputRow } from './charts.ts'
import { cpuChart, throughputChart } from './charts.ts'
import type { BarChart } from './charts-bars.ts'
import type { BarRow } from './charts-facts.ts'
import { roleColours } from './palette.ts'

test('server CPU is a bar, the authorization server stands behind it, hatched', () => {
  const chart = cpuChart({ ...text, rows: [tls, introspection, failed] })
  assert.deepEqual(
    chart.data.datasets.map(({ label, data }) => ({ label, data })),
    [
      { label: 'server', data: [35, 169, null] },
      { label: 'authorization server', data: [null, 230, null] },
    ],
  )
  assert.deepEqual(
    barsOf(chart).hatched.map(({ dataset, row }) => ({ dataset, row })),
    [{ dataset: 1, row: 1 }],
  )
  assert.deepEqual(legendOf(chart), [
    'bar: server',
    'hatched: authorization server, a process of its own',
    'whisker: 99 % interval, 12 blocks',
  ])
})

test('without an authorization server there is neither hatch nor word of it', () => {
  const chart = cpuChart({ ...text, rows: [tls] })
  assert.equal(chart.data.datasets.length, 1)
  assert.deepEqual(barsOf(chart).hatched, [])
  assert.deepEqual(legendOf(chart), ['whisker: 99 % interval, 12 blocks'])
})

test('whiskers end at low and high, those of a stacked bar on top of what it stands on', () => {
  const chart = cpuChart({ ...text, rows: [tls, introspection] })
  assert.deepEqual(barsOf(chart).whiskers, [
    { row: 0, low: 34, high: 37 },
    { row: 1, low: 166, high: 171 },
    // 169 + 225, 169 + 238
    { row: 1, low: 394, high: 407 },
  ])
  // Labels begin behind the last whisker, and the axis reaches to there.
  assert.deepEqual(
    barsOf(chart).rows.map(({ labelAt }) => labelAt),
    [37, 407],
  )
  assert.equal(chart.options?.scales?.['x']?.max, 407)
})

test('values stand behind the bars with their unit', () => {
  const chart = cpuChart({ ...text, rows: [tls, introspection, unbounded] })
  assert.deepEqual(barsOf(chart).rows.map(labelOf), ['35 ± 2 µs', '169 ± 3 + 230 ± 8 µs', '197 µs'])
  assert.equal(titleOfX(chart), 'CPU time per request, µs')
})

test('an interval nobody has is drawn nowhere and promised nowhere', () => {
  const chart = cpuChart({ ...text, rows: [unbounded] })
  assert.deepEqual(barsOf(chart).whiskers, [])
  assert.deepEqual(legendOf(chart), [])
})

test('a case without a value is listed with its reason, never as zero', () => {
  const long =
    'the server died in block 3 of 12 with SIGSEGV, and these were its last words: '.repeat(3)
  const rows = [failed, { ...failed, reason: null }, { ...failed, reason: long }]
  const chart = cpuChart({ ...text, rows })
  assert.deepEqual(chart.data.datasets[0]?.data, [null, null, null])
  const labels = barsOf(chart).rows.map(labelOf)
  assert.deepEqual(labels.slice(0, 2), [
    'not measured: server died in block 3',
    'not measured: no reason recorded',
  ])
  // Cut in its row, in full below the plot.
  assert.match(labels[2] ?? '', /^not measured: the server died .*…$/)
  assert.equal(chart.facts.frame.notes.join(' '), `jwt/alg=ES256: ${long.trim()}`)
})

test('an authorization server whose server has no value is not drawn on its own', () => {
  const chart = cpuChart({ ...text, rows: [{ ...introspection, cpuUs: null }] })
  assert.deepEqual(
    chart.data.datasets.map(({ data }) => data),
    [[null]],
  )
  assert.deepEqual(barsOf(chart).whiskers, [])
})

test('throughput is hatched where the client was the limit, and only there', () => {
  const table = [
    { limited: [false, false], hatched: [] },
    { limited: [true, false], hatched: [0] },
    { limited: [true, true], hatched: [0, 1] },
  ]
  for (const { limited, hatched } of table) {
    const rows = limited.map((clientLimited) => ({ ...throughput, clientLimited }))
    const chart = throughputChart({ ...text, rows })
    assert.deepEqual(
      barsOf(chart).hatched,
      hatched.map((row) => ({ dataset: 0, row, colour: roleColours.part })),
    )
    assert.equal(
      legendOf(chart).includes('hatched: load client was the limit, not the server'),
      hatched.length > 0,
    )
  }
})

test('observed requests/s are diamonds beside the bars', () => {
  const chart = throughputChart({ ...text, rows: [throughput] })
  const [bar, diamond] = chart.data.datasets
  assert.deepEqual(bar?.data, [28_409])
  assert.deepEqual(diamond?.data, [19_500])
  assert.equal(diamond.type, 'line')
  assert.deepEqual(barsOf(chart).rows.map(labelOf), ['28,410 ± 520, observed 19,500'])
  assert.equal(titleOfX(chart), 'requests per server-core-second')
  assert.ok(legendOf(chart).includes('diamond: observed requests/s'))
})

test('the label begins behind the diamond where that is the last in its row', () => {
  const chart = throughputChart({ ...text, rows: [{ ...throughput, observedPerSecond: 50_000 }] })
  assert.equal(barsOf(chart).rows[0]?.labelAt, 50_000)
  assert.equal(chart.options?.scales?.['x']?.max, 50_000)
})

test('throughput that was not measured has no bar, no diamond and no hatch', () => {
  const chart = throughputChart({
    ...text,
    rows: [{ ...throughput, perCoreSecond: null, clientLimited: true, reason: 'accepted M3' }],
  })
  assert.deepEqual(
    chart.data.datasets.map(({ data }) => data),
    [[null], [null]],
  )
  assert.deepEqual(barsOf(chart).hatched, [])
  assert.deepEqual(barsOf(chart).rows.map(labelOf), ['not measured: accepted M3'])
  assert.deepEqual(legendOf(chart), [])
})

test('rows are named by scenario, role and what differs; what does not stands in the subtitle', () => {
  const chart = cpuChart({ ...text, rows: [tls, introspection, unbounded, reference] })
  assert.deepEqual(
    barsOf(chart).rows.map(({ name, detail }) => [name, ...detail]),
    [['tls', 'baseline'], ['introspection'], ['combined', 'part'], ['reference']],
  )
  assert.deepEqual(chart.facts.frame.subtitle, [
    'one subtitle',
    'introspectionCache=off, key=p256, token=jwt',
  ])
})

test('markup in names stays text', () => {
  const label = '<img src=x onerror=alert(1)>'
  const chart = cpuChart({ ...text, title: `${label}\u0007`, rows: [{ ...tls, label }] })
  assert.deepEqual(chart.facts.frame.title, [label])
  assert.deepEqual(chart.data.labels, [label])
})

test('the chart is 800 x 450 px, and grows where its rows need more', () => {
  const rows = (count: number): CpuRow[] =>
    Array.from({ length: count }, (_, row) => ({ ...tls, label: `tls/alg=${row}/key=p${row}` }))
  for (const [count, grows] of [
    [1, false],
    [7, false],
    [30, true],
  ] as const) {
    const { widthPx, heightPx } = cpuChart({ ...text, rows: rows(count) }).facts.frame
    assert.equal(widthPx, 800)
    assert.equal(heightPx > 450, grows, `${count} rows: ${heightPx}`)
  }
})

test('charts stand still and keep their size', () => {
  const { options } = cpuChart({ ...text, rows: [] })
  assert.equal(options?.animation, false)
  assert.equal(options.responsive, false)
})

function barsOf(chart: BarChart) {
  assert.ok(chart.facts.bars)
  return chart.facts.bars
}

function labelOf({ label }: BarRow): string {
  return label.map((run) => run.text).join('')
}

function legendOf(chart: BarChart): string[] {
  return chart.facts.frame.legend.flat().map(({ sign, label }) => `${sign}: ${label}`)
}

function titleOfX(chart: BarChart): unknown {
  const scale: object = chart.options?.scales?.['x'] ?? {}
  return 'title' in scale && typeof scale.title === 'object' && scale.title && 'text' in scale.title
    ? scale.title.text
    : undefined
}

const text = {
  title: 'a title',
  subtitle: 'one subtitle',
  footer: 'a machine',
  interval: '99 % interval, 12 blocks',
}
const tls: CpuRow = {
  label: 'tls/key=p256',
  role: 'baseline',
  reason: null,
  cpuUs: { estimate: 35, low: 34, high: 37 },
  issuerCpuUs: null,
}
const introspection: CpuRow = {
  label: 'introspection/introspectionCache=off/key=p256',
  role: 'case',
  reason: null,
  cpuUs: { estimate: 169, low: 166, high: 171 },
  issuerCpuUs: { estimate: 230, low: 225, high: 238 },
}
const unbounded: CpuRow = {
  label: 'combined/key=p256/token=jwt',
  role: 'part',
  reason: null,
  cpuUs: { estimate: 197, low: null, high: null },
  issuerCpuUs: null,
}
const reference: CpuRow = { ...unbounded, label: 'reference', role: 'reference' }
const failed: CpuRow = {
  label: 'jwt/alg=ES256',
  role: 'case',
  reason: 'server died in block 3',
  cpuUs: null,
  issuerCpuUs: null,
}
const throughput: ThroughputRow = {
  label: 'mtls/key=p256',
  role: 'part',
  reason: null,
  perCoreSecond: { estimate: 28_409, low: 27_983, high: 28_920 },
  observedPerSecond: 19_500,
  clientLimited: false,
}
