import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { History, HistoryChange, HistoryPoint, MachineSeries } from '../analysis/history.ts'
import { syntheticRun } from '../analysis/testdata.ts'
import { renderHistoryMarkdown } from './history-markdown.ts'
import { renderHistory } from './history-text.ts'

const plain = { color: false, warnings: [] }

test('rows stand newest last, with the change between the runs it lies between', () => {
  const lines = renderHistory(historyOf([machine('aaaaaa', 12, [6])]), plain).split('\n')
  assert.match(lines[0] ?? '', /12 runs on 1 machine, 2025-01-01 00:00 to 2025-01-12 00:00 UTC/)
  assert.equal(lines[1], '1 change point in 1 of 1 case.')
  const change = lines.findIndex((line) => line.includes('change point 00000006'))
  assert.equal(
    lines[change],
    '  ── change point 00000006 → 00000007: +5.0 % (+4.0 % to +6.0 %), p 0.001, worse',
  )
  assert.match(lines[change - 1] ?? '', /^ {2}6 {2}2025-01-06 00:00 {2}00000006 +1\.200 ± 0\.012$/)
  assert.match(lines[change + 1] ?? '', /^ {2}7 {2}2025-01-07/)
  // 12 rows in order.
  const rows = lines.filter((line) => /^ +\d+ {2}2025/.test(line)).map((line) => parseInt(line))
  assert.deepEqual(
    rows,
    Array.from({ length: 12 }, (_, run) => run + 1),
  )
})

test('a long quiet stretch is one line with its range; the newest ten stay', () => {
  const text = renderHistory(historyOf([machine('aaaaaa', 60)]), plain)
  assert.match(text, /^ {2}… {2}49 runs, 1\.20 to 1\.20$/m)
  assert.equal(text.match(/^ +\d+ {2}2025/gm)?.length, 11)
  assert.match(text, /no change point in 60 runs/)
})

test('where a change may not be of the code it says so', () => {
  const table = [
    { change: { sameCommit: true }, told: /within one commit:\s+the machine, or the place/ },
    {
      change: { alsoChanged: ['node 26.9.0 to 26.10.0'] },
      told: /worse, but also\s+node\s+26\.9\.0/,
    },
    { change: { verdict: 'undecided' }, told: /p 0\.001, undecided/ },
  ] as const
  for (const { change, told } of table) {
    const [one] = [machine('aaaaaa', 12, [6])]
    const changes = one.changes.map((each): HistoryChange => ({ ...each, ...change }))
    assert.match(renderHistory(historyOf([{ ...one, changes }]), plain), told)
  }
})

test('another machine is marked where it begins, and never called a change point', () => {
  const text = renderHistory(
    historyOf([machine('aaaaaa', 10), machine('bbbbbb', 4, [], 10)]),
    plain,
  )
  const lines = text.split('\n')
  const mark = lines.findIndex((line) => line.includes('machine aaaaaa → bbbbbb'))
  assert.match(lines[mark] ?? '', /no change of the code/)
  assert.match(lines[mark + 1] ?? '', /^ *11 .*bbbbbb/)
  assert.match(text, /No change point in 1 case\./)
  assert.match(text, /too few runs on bbbbbb for a change point: 4 of at least 10/)
})

test('dirty and incomplete runs are marked in their rows', () => {
  const one = machine('aaaaaa', 3)
  const points = one.points.map((point, index): HistoryPoint => ({ ...point, dirty: index === 1 }))
  const history = historyOf([{ ...one, points }])
  const runs = history.runs.map((run, index) => ({ ...run, complete: index !== 2 }))
  const text = renderHistory({ ...history, runs }, plain)
  assert.match(text, /^ {2}2 .*00000002-dirty/m)
  assert.match(text, /^ {2}3 .*incomplete$/m)
  assert.equal(text.match(/incomplete/g)?.length, 1)
  assert.match(text, /-dirty: uncommitted changes/)
})

test('what is left out and what is unreadable is told', () => {
  const history: History = {
    ...historyOf([machine('aaaaaa', 3)]),
    excluded: [
      { reason: 'smoke', unit: 'run', count: 5, names: ['a', 'b', 'c', 'd', 'e'] },
      { reason: 'no-reference', unit: 'run', count: 1, names: ['run-7'] },
    ],
  }
  const warnings = [{ code: 'unreadable-file', message: 'x.json: no run', advice: 'mend it' }]
  const text = renderHistory(history, { color: false, warnings })
  assert.match(text, /^not shown: 5 smoke runs, which measure nothing$/m)
  assert.match(text, /^not shown: 1 run that did not measure the reference: run-7$/m)
  assert.match(text, /^warning: x\.json: no run$/m)
})

test('one run, or none, is said in one line, with what there is', () => {
  const [first, ...rest] = renderHistory(historyOf([machine('aaaaaa', 1)]), plain).split('\n')
  assert.match(first ?? '', /^One stored run is no history yet: .*adds a point\.$/)
  assert.match(rest.join('\n'), /1 {2}2025-01-01/)
  assert.equal(
    renderHistory(historyOf([]), plain),
    'No stored run to show: npm run bench makes one.\n',
  )
})

test('no line is wider than a terminal of 100 columns', () => {
  const text = renderHistory(
    historyOf([machine('aaaaaa', 30, [12]), machine('bbbbbb', 30, [9], 30)]),
    plain,
  )
  for (const line of text.split('\n')) assert.ok(line.length <= 100, line)
})

test('Markdown has a row for each machine, and names stay text', () => {
  const history = historyOf([machine('aaaaaa', 12, [6]), machine('bbbbbb', 4, [], 12)])
  const [series] = history.series
  assert.ok(series)
  const named = { ...history, series: [{ ...series, case: 'tls|<b>' }] }
  const text = renderHistoryMarkdown(named, { charts: ['results/history.png'], warnings: [] })
  assert.match(text, /^!\[.*\]\(<results\/history\.png>\)$/m)
  const rows = text.split('\n').filter((line) => line.startsWith('| tls'))
  assert.deepEqual(
    rows.map((row) => row.split(/(?<!\\)\|/).map((cell) => cell.trim())),
    [
      [
        '',
        'tls\\|\\<b\\>',
        'aaaaaa',
        '12',
        '1.200 ± 0.012 (00000001)',
        '1.260 ± 0.013 (0000000c)',
        '00000006 to 00000007: +5.0 % (+4.0 % to +6.0 %), p 0.001, worse',
        '',
      ],
      [
        '',
        'tls\\|\\<b\\>',
        'bbbbbb',
        '4',
        '1.200 ± 0.012 (0000000d)',
        '1.200 ± 0.012 (00000010)',
        'none',
        '',
      ],
    ],
  )
})

function historyOf(machines: readonly MachineSeries[]): History {
  const count = Math.max(0, ...machines.flatMap(({ points }) => points.map(({ run }) => run + 1)))
  const { environment } = syntheticRun({ arms: [], blocks: 0 })
  return {
    runs: Array.from({ length: count }, (_, run) => ({
      runId: `run-${run + 1}`,
      startedAt: new Date(Date.UTC(2025, 0, 1 + run)).toISOString(),
      complete: true,
      environment: {
        ...environment,
        machineId:
          machines.find(({ points }) => points.some((point) => point.run === run))?.machineId ?? '',
      },
    })),
    series: machines.length === 0 ? [] : [{ case: 'tls/key=p256', scenario: 'tls', machines }],
    excluded: [],
    detection: {
      significance: 0.01,
      permutations: 999,
      minimumSegment: 3,
      fewestRuns: 10,
      level: 0.99,
    },
  }
}

function machine(machineId: string, count: number, at: readonly number[] = [], from = 0) {
  const bounds = [0, ...at, count]
  const ratioAt = (index: number) => 1.2 * 1.05 ** at.filter((place) => place <= index).length
  return {
    machineId,
    cpuModel: 'Synthetic CPU',
    points: Array.from({ length: count }, (_, index): HistoryPoint => {
      const estimate = ratioAt(index)
      const commit = (from + index + 1).toString(16).padStart(8, '0').repeat(5)
      const ratio = {
        estimate,
        low: estimate * 0.99,
        high: estimate * 1.01,
        level: 0.99,
        blocks: 12,
      }
      return { run: from + index, commit, dirty: false, ratio }
    }),
    segments: bounds.slice(1).map((end, part) => ({
      first: bounds[part] ?? 0,
      last: end - 1,
      ratio: ratioAt(bounds[part] ?? 0),
    })),
    changes: at.map((place): HistoryChange => ({
      before: place - 1,
      after: place,
      pValue: 0.001,
      size: { estimate: 1.05, low: 1.04, high: 1.06, level: 0.99, runsBefore: 6, runsAfter: 6 },
      verdict: 'worse',
      sameCommit: false,
      alsoChanged: [],
    })),
  }
}
