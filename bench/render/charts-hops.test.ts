import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { HopFigures } from '../analysis/hops.ts'
import { hopRun } from '../analysis/hops-testdata.ts'
import { summarise } from '../analysis/summary.ts'
import { combinedArms, syntheticRun } from '../analysis/testdata.ts'
import type { BarChart } from './charts-bars.ts'
import { hopCpuChart, hopLatencyChart, type HopRow } from './charts-hops.ts'
import { hopNames } from './hop-names.ts'
import { hopColour } from './palette.ts'
import { renderPng } from './png.ts'
import { runCharts } from './run-charts.ts'

const figure = (estimate: number) => ({
  ...{ estimate, low: estimate - 2, high: estimate + 2 },
  ...{ level: 0.99, blocks: 12 },
})
const hop = (name: string, cpuUs: number | null, ownUs: number | null): HopFigures => ({
  hop: name,
  cpuUsPerRequest: cpuUs === null ? null : figure(cpuUs),
  ownP50Us: ownUs === null ? null : figure(9 * ownUs),
  wholeP50Us: null,
  singleOwnP50Us: ownUs === null ? null : figure(ownUs),
  bypassed: null,
})
const row = (label: string, hops: readonly HopFigures[], more: Partial<HopRow> = {}): HopRow => ({
  ...{ label, role: 'case', reason: 'no block was measured whole', product: null, connections: 8 },
  cpuUs: figure(hops.reduce((sum, one) => sum + (one.cpuUsPerRequest?.estimate ?? 0), 0)),
  hops,
  ...more,
})
const text = { title: 'a title', subtitle: 'a subtitle', footer: 'a footer', interval: '99 %' }
const rows = [
  row('sidecar/gateway=node', [hop('sidecar', 120, 130), hop('service', 30, 25)]),
  row(
    'token-gateway/gateway=nginx',
    [hop('gateway', 60, null), hop('sidecar', 110, 115), hop('service', 40, 30)],
    { product: 'nginx 1.22.1' },
  ),
]

const dataOf = ({ data }: BarChart): unknown[] =>
  data.datasets.map((one): unknown[] => [one.label, ...one.data])
const labelsOf = ({ facts }: BarChart) =>
  facts.bars?.rows.map(({ label }) => label.map((run) => run.text).join(''))

test('CPU: one bar a case, one colour a hop, from the client on, with the sum of them', () => {
  const chart = hopCpuChart({ ...text, rows })
  assert.deepEqual(dataOf(chart), [
    ['gateway', null, 60],
    ['sidecar', 120, 110],
    ['service', 30, 40],
  ])
  assert.deepEqual(
    chart.data.datasets.map((one): unknown => one.backgroundColor),
    [0, 1, 2].map(hopColour),
  )
  // 120 + 30; 60 + 110 + 40.
  assert.deepEqual(labelsOf(chart), ['150 ± 2 µs = 120 + 30', '210 ± 2 µs = 60 + 110 + 40'])
  assert.deepEqual(
    chart.facts.bars?.whiskers.map(({ low, high }) => [low, high]),
    [
      [148, 152],
      [208, 212],
    ],
  )
  assert.ok(renderPng(chart).length > 0)
})

test('CPU: a case of which one hop is not known has no bar that would pass for all', () => {
  const torn = row('sidecar/gateway=node', [hop('sidecar', 120, 1), hop('service', null, 1)])
  const chart = hopCpuChart({ ...text, rows: [torn] })
  assert.deepEqual(dataOf(chart), [
    ['sidecar', null],
    ['service', null],
  ])
  assert.deepEqual(labelsOf(chart), ['not measured: no block was measured whole'])
})

test('latency: a row a hop; what a product does not tell is told as that, never as 0', () => {
  const chart = hopLatencyChart({ ...text, rows })
  assert.deepEqual(
    chart.data.datasets.map(({ data }) => data),
    [[130, 25, null, 115, 30]],
  )
  assert.deepEqual(labelsOf(chart), [
    // 9 × 130.
    '130 ± 2 µs, 1,170 at 8 connections',
    '25 ± 2 µs, 225 at 8 connections',
    'not measured: nginx 1.22.1 does not tell',
    '115 ± 2 µs, 1,035 at 8 connections',
    '30 ± 2 µs, 270 at 8 connections',
  ])
  assert.deepEqual(
    chart.facts.bars?.rows.map(({ name, detail }) => [name, ...detail]),
    [
      ['sidecar', 'hop sidecar gateway=node'],
      ['sidecar', 'hop service gateway=node'],
      ['token-gateway', 'hop gateway gateway=nginx'],
      ['token-gateway', 'hop sidecar gateway=nginx'],
      ['token-gateway', 'hop service gateway=nginx'],
    ],
  )
})

test('hops are in the order in which a request meets them, whichever case comes first', () => {
  assert.deepEqual(hopNames(rows), ['gateway', 'sidecar', 'service'])
  assert.deepEqual(hopNames([...rows].reverse()), ['gateway', 'sidecar', 'service'])
})

test('a run has charts of hops where a case has several, and of their times where any took them', () => {
  const run = hopRun(9)
  const { hops, 'hop-latency': latency } = runCharts(run, summarise(run))
  assert.deepEqual([hops?.data.labels?.length, latency?.data.labels?.length], [1, 2])
  const untimed = { ...run, blocks: run.blocks.map((block) => ({ ...block, spans: [] })) }
  assert.equal(runCharts(untimed, summarise(untimed))['hop-latency'], null)
  const plain = syntheticRun({ arms: combinedArms() })
  assert.equal(runCharts(plain, summarise(plain)).hops, null)
})
