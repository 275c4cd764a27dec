import type { History, HistorySeries } from '../analysis/history.ts'
import type { ExclusionReason } from '../analysis/history-runs.ts'
import type { Warning } from '../results.ts'
import { plainText, shortenCaseIds } from './charts-text.ts'
import {
  changeText,
  headline,
  machineLabel,
  machineSwitches,
  pointsInOrder,
  silenceText,
  sourceLabel,
  startedText,
  type PlacedPoint,
} from './history-words.ts'
import { coverage } from './notes.ts'
import { withMargin } from './numbers.ts'
import { joinSections, warningLines } from './sections.ts'
import { paint, plainTable, wrap, type Column, type TextOptions } from './table.ts'

/**
 * The history for a terminal: a table for each case, newest run last, with its change points between
 * the runs that they lie between. Long quiet stretches are one line. Ends with a line feed.
 */
export function renderHistory(
  history: History,
  { warnings, ...options }: TextOptions & { readonly warnings: readonly Warning[] },
): string {
  const { rows, common } = shortenCaseIds(history.series.map((series) => series.case))
  return joinSections([
    headline(history).flatMap((line) => wrap(line)),
    ...history.series.map((series, index) => {
      const { name = '', detail = '' } = rows[index] ?? {}
      const title = [name, detail].filter((part) => part !== '').join(' ')
      return seriesLines(series, history, {
        title: title === '' ? plainText(series.case) : title,
        options,
      })
    }),
    notesOf(history, common).flatMap((note) => wrap(note, '  ')),
    exclusionLines(history).flatMap((line) => wrap(line, '  ')),
    warningLines(warnings, options),
  ])
}

/** What is stored and not shown, by reason, with names where they are few. */
export function exclusionLines({ excluded }: History): string[] {
  return excluded.map(({ reason, count, names }) => {
    const [one, several] = reasons[reason]
    const told =
      names.length <= MOST_NAMES ? `: ${names.map((name) => plainText(name)).join(', ')}` : ''
    return `not shown: ${count} ${count === 1 ? one : several}${told}`
  })
}

/** How to read it: the scale, the changes, and what neither can tell. */
export function notesOf(history: History, common: readonly string[]): string[] {
  if (history.series.length === 0) return []
  const { significance, permutations, minimumSegment, level } = history.detection
  const points = history.series.flatMap(pointsInOrder)
  const told = coverage(points.map(({ point }) => point.ratio))
  const marks = points.some(({ point }) => point.dirty === true)
  const percent = `${Number((level * 100).toPrecision(3))} %`
  return [
    `÷ ref: server CPU per request over that of the reference server in the same blocks.${told === null ? '' : ` ±: ${told} of one run; how far sessions wander shows from run to run.`}`,
    `Change points: E-divisive (Matteson, James 2014), each case on each machine by itself, p at most ${significance} of ${permutations} permutations, at least ${minimumSegment} runs on either side; p is for one series, so of 100 quiet ones about one shows a change. The place may be off by a run or two, and any commit between the two named may be the cause.`,
    `Sizes: mean run after over mean run before, ${percent} interval (Welch) given the place. worse and better: all of it is beyond 1 %.`,
    `Rows stand in the order of measuring${marks ? '; -dirty: uncommitted changes, the commit does not say what ran' : ''}. To confirm a change: npm run compare -- --live COMMIT`,
    ...(common.length === 0 ? [] : [`all cases that have it: ${common.join(', ')}`]),
  ]
}

function seriesLines(
  series: HistorySeries,
  history: History,
  { title, options }: { readonly title: string; readonly options: TextOptions },
): string[] {
  const placed = pointsInOrder(series)
  const shown = shownRows(series, placed)
  const switches = machineSwitches(placed)
  const table = plainTable(columnsFor(series), placed.map(rowFor(series, history)), options)
  const lines = placed.flatMap((place, index) => {
    const moved = switches.length <= MOST_SWITCHES ? switches.find(({ at }) => at === index) : null
    return [
      ...(moved == null ? [] : [`     ${moved.text}`]),
      ...changeLines(series, place, options),
      ...(shown.has(index)
        ? [table[index + 1] ?? '']
        : shown.has(index - 1)
          ? [gapLine(placed, index, shown)]
          : []),
    ]
  })
  return [
    paint(title, 'bold', options),
    table[0] ?? '',
    ...lines,
    ...silenceText(series, history.detection).flatMap((line) => wrap(`     ${line}`, '     ')),
  ]
}

function columnsFor({ machines }: HistorySeries): Column[] {
  return [
    { head: 'run', align: 'right' },
    { head: 'started (UTC)', align: 'left' },
    { head: 'commit', align: 'left' },
    ...(machines.length > 1 ? [{ head: 'machine', align: 'left' } as const] : []),
    { head: '÷ ref', align: 'right' },
    { head: '', align: 'left' },
  ]
}

function rowFor({ machines }: HistorySeries, { runs }: History) {
  return ({ point, machine }: PlacedPoint): string[] => {
    const run = runs[point.run]
    return [
      String(point.run + 1),
      startedText(run?.startedAt ?? ''),
      sourceLabel(point),
      ...(machines.length > 1 ? [machineLabel(machine)] : []),
      withMargin(point.ratio),
      run?.complete === false ? 'incomplete' : '',
    ]
  }
}

/** Indices of the rows worth a line: the first, the newest, and those around changes. */
function shownRows(series: HistorySeries, placed: readonly PlacedPoint[]): Set<number> {
  const near = series.machines.flatMap((machine) =>
    machine.changes.flatMap(({ before, after }) =>
      placed.flatMap((place, index) => {
        const isNear =
          place.machine === machine && place.index > before - AROUND && place.index < after + AROUND
        return isNear ? [index] : []
      }),
    ),
  )
  const shown = new Set([
    0,
    ...near,
    ...placed.keys().filter((index) => index >= placed.length - NEWEST),
  ])
  // A stretch of few takes hardly more room than the line that would stand for it.
  for (const start of placed.keys()) {
    const length = placed.findIndex((_, index) => index >= start && shown.has(index)) - start
    if (shown.has(start - 1) && length <= LEAST_HIDDEN) {
      for (let index = start; index < start + length; index++) shown.add(index)
    }
  }
  return shown
}

function changeLines(
  series: HistorySeries,
  { machine, index }: PlacedPoint,
  options: TextOptions,
): string[] {
  return machine.changes
    .filter(({ after }) => after === index)
    .flatMap((change) => {
      const told = changeText(machine, change, { namesMachine: series.machines.length > 1 })
      const style =
        change.sameCommit || change.verdict === 'undecided' || change.verdict === 'same'
          ? 'yellow'
          : change.verdict === 'worse'
            ? 'red'
            : 'green'
      return wrap(`  ── change point ${told}`, '     ').map((line) => paint(line, style, options))
    })
}

function gapLine(
  placed: readonly PlacedPoint[],
  start: number,
  shown: ReadonlySet<number>,
): string {
  const end = placed.findIndex((_, index) => index > start && shown.has(index))
  const ratios = placed.slice(start, end).map(({ point }) => point.ratio.estimate)
  const [low, high] = [Math.min(...ratios), Math.max(...ratios)].map((value) =>
    value.toPrecision(3),
  )
  return `  …  ${ratios.length} runs, ${low} to ${high}`
}

const reasons: Readonly<Record<ExclusionReason, readonly [string, string]>> = {
  smoke: ['smoke run, which measures nothing', 'smoke runs, which measure nothing'],
  'nothing-measured': ['run without a measured block', 'runs without a measured block'],
  'no-reference': [
    'run that did not measure the reference',
    'runs that did not measure the reference',
  ],
  'other-version': ['run of another measuring version', 'runs of another measuring version'],
  'other-reference': [
    'run against another servers/reference.ts, which is another scale',
    'runs against another servers/reference.ts, which is another scale',
  ],
  duplicate: ['file that holds a run twice', 'files that hold a run twice'],
  'case-not-measured': [
    'case failed or skipped in its run',
    'cases failed or skipped in their runs',
  ],
  'other-request': [
    'case with a request or response other than its newest',
    'cases with a request or response other than their newest',
  ],
}
/** Rows shown on either side of a change point. */
const AROUND = 3
/** Newest rows, always shown. */
const NEWEST = 10
/** More changes of machine than this are left to the column. */
const MOST_SWITCHES = 6
const MOST_NAMES = 3
/** Rows up to which a stretch is shown in full. */
const LEAST_HIDDEN = 3
