import assert from 'node:assert/strict'
import { test } from 'node:test'
import { historyOf } from '../analysis/history.ts'
import { syntheticRun, tlsSettings } from '../analysis/testdata.ts'
import type { Run } from '../results.ts'
import { historyChart } from './charts-history.ts'
import { labelLanes } from './charts-history-plot.ts'
import { renderPng } from './png.ts'

test('a panel a case, a point a run, whiskers from low to high', () => {
  const history = historyOf(runs(12), { defaults: () => null })
  const chart = historyChart(history)
  assert.deepEqual(
    chart.history.panels.map(({ title }) => title.name),
    ['mtls', 'tls'],
  )
  assert.deepEqual(
    chart.data.datasets.map(({ yAxisID, data }) => [yAxisID, data.map(({ x }) => x)]),
    ['y0', 'y1'].map((axis) => [axis, Array.from({ length: 12 }, (_, run) => run + 1)]),
  )
  const points = history.series[1]?.machines[0]?.points ?? []
  assert.deepEqual(
    chart.history.panels[1]?.whiskers.map(({ x, low, high }) => [x, low, high]),
    points.map(({ run, ratio }) => [run + 1, ratio.low, ratio.high]),
  )
})

test('a change point stands between its runs, by commit and size; means end there', () => {
  const chart = historyChart(historyOf(runs(20, { stepAt: 10 }), { defaults: () => null }))
  const [mtls, tls] = chart.history.panels
  assert.deepEqual(
    tls?.changes.map(({ x, lane }) => [x, lane]),
    [[10.5, 0]],
  )
  assert.match(tls.changes[0]?.text ?? '', /^0000000b \+(4\.9|5\.0|5\.1) %$/)
  assert.deepEqual(
    tls.means.map(({ from, to }) => [from, to]),
    [
      [0.6, 10.4],
      [10.6, 20.4],
    ],
  )
  assert.deepEqual(mtls?.changes, [])
  assert.equal(chart.facts.frame.notes.join(' '), 'mtls: no change point in 20 runs.')
})

test('machines differ by colour and marker and part at a line; the legend says all signs, and no other', () => {
  const signs = (given: readonly Run[]) =>
    historyChart(historyOf(given, { defaults: () => null })).history.legend.map(({ sign }) => sign)
  assert.deepEqual(signs(runs(12)), ['point', 'whisker', 'mean'])
  assert.deepEqual(signs(runs(20, { stepAt: 10 })), ['point', 'whisker', 'mean', 'change'])
  const moved = runs(12, { movedAt: 6, dirtyAt: 3 })
  assert.deepEqual(signs(moved), ['point', 'point', 'hollow', 'whisker', 'mean', 'switch'])
  const chart = historyChart(historyOf(moved, { defaults: () => null }))
  assert.deepEqual(chart.history.panels[0]?.switches, [6.5])
  const [one, other] = chart.data.datasets
  assert.notEqual(one?.borderColor, other?.borderColor)
  assert.notEqual(one?.pointStyle, other?.pointStyle)
  assert.deepEqual(
    chart.history.panels.flatMap(({ changes }) => changes),
    [],
  )
})

test('a change names its machine where there are several', () => {
  const other = runs(20, { stepAt: 10 }).map((run, index) => ({
    ...run,
    runId: `other-${index}`,
    environment: { ...run.environment, machineId: 'b'.repeat(16) },
  }))
  const chart = historyChart(
    historyOf([...runs(20, { stepAt: 10 }), ...other], { defaults: () => null }),
  )
  const [, tls] = chart.history.panels
  assert.deepEqual(
    tls?.changes.map(({ text }) => text.split(' ').slice(-2).join(' ')),
    // By the first run of each: of two at one moment, the first by run id.
    ['on bbbbbb', 'on ffffff'],
  )
})

test('labels that would run into each other stand in lanes', () => {
  const at = (...places: number[]) => places.map((x) => ({ x, text: '0123abcd +3.1 %' }))
  assert.deepEqual(labelLanes(at(10, 60), 100), [0, 0])
  assert.deepEqual(labelLanes(at(10, 12, 14, 60), 100), [0, 1, 2, 0])
  // At the right edge they stand before their marks.
  assert.deepEqual(labelLanes(at(80, 99), 100), [0, 1])
  assert.deepEqual(labelLanes([], 0), [])
})

test('1 to 200 runs are drawn, 800 px wide; many stand closer and have their means in front', () => {
  for (const [count, dense] of [
    [1, false],
    [2, false],
    [200, true],
  ] as const) {
    const chart = historyChart(historyOf(runs(count, { light: true }), { defaults: () => null }))
    assert.equal(chart.history.dense, dense)
    const png = renderPng(chart)
    assert.deepEqual(
      [png.readUInt32BE(16), png.readUInt32BE(20)],
      [1600, 2 * chart.facts.frame.heightPx],
    )
  }
})

test('the same history gives the same bytes', () => {
  const draw = () =>
    renderPng(historyChart(historyOf(runs(20, { stepAt: 10 }), { defaults: () => null })))
  assert.ok(draw().equals(draw()))
})

function runs(
  count: number,
  options: { stepAt?: number; movedAt?: number; dirtyAt?: number; light?: boolean } = {},
): Run[] {
  const { stepAt = count, movedAt = count, dirtyAt = count, light = false } = options
  return Array.from({ length: count }, (_, run) => {
    const commit = (run + 1).toString(16).padStart(8, '0').repeat(5)
    const source = { label: 'working tree', commit, dirty: run === dirtyAt }
    const shared = { parameters: tlsSettings, source }
    return syntheticRun({
      arms: [
        { ...shared, scenario: 'tls', cpuUs: run < stepAt ? 36 : 37.8 },
        ...(light ? [] : [{ ...shared, scenario: 'mtls', cpuUs: 37 }]),
        { scenario: 'reference', role: 'reference', cpuUs: 30 },
      ],
      blocks: light ? 2 : 4,
      rounds: 2,
      requests: 5,
      saturationRequests: 0,
      blockSd: 0.002,
      seed: run + 1,
      environment: { machineId: (run < movedAt ? 'f' : 'e').repeat(16) },
      overrides: { startedAt: new Date(Date.UTC(2025, 0, 1 + run)).toISOString() },
    })
  })
}
