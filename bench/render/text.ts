import type { ArmSummary, Summary } from '../analysis/summary.ts'
import type { ArmRecord, Run, Warning } from '../results.ts'
import { plainText } from './charts-text.ts'
import { labelArms, wrapLabel } from './labels.ts'
import { hopTables } from './hops-text.ts'
import { onlyBaseline, runNotes } from './notes.ts'
import { bare, factor, signedWithMargin, withMargin } from './numbers.ts'
import { isGrave, joinSections, warningLines } from './sections.ts'
import { countsIssuer, sentences } from './sentence.ts'
import { plainTable, wrap, type TextOptions } from './table.ts'

/**
 * The result of a run for a terminal: every case beside its baseline in one table, what that says in
 * plain words, what the signs mean, and the warnings. Ends with a line feed.
 */
export function renderRun(run: Run, summary: Summary, options: TextOptions): string {
  const arms = summary.arms.toSorted((a, b) => rank(a) - rank(b))
  const { rows, common } = labelArms(arms.map(({ record }) => record))
  const labels = new Map(arms.map(({ record }, index) => [record.id, rows[index] ?? record.id]))
  const nameOf = (id: string) => labels.get(id) ?? plainText(id)
  return joinSections([
    warningLines(summary.warnings.filter(isGrave), options),
    armTable(arms, summary, { nameOf, options }),
    arms.flatMap((arm) => missingLine(arm, nameOf)),
    ...hopTables(arms, nameOf, options),
    sentences(summary, nameOf).flatMap((sentence) => wrap(sentence)),
    runNotes(run, summary, { common, nameOf }).flatMap((note) => wrap(note, '  ')),
    arms.some(({ record }) => hasGaps(record)) ? wrap(gapNote, '  ') : [],
    warningLines(
      [...armWarnings(summary), ...summary.warnings.filter((one) => !isGrave(one))],
      options,
    ),
  ])
}

function armTable(
  arms: readonly ArmSummary[],
  summary: Summary,
  { nameOf, options }: { readonly nameOf: (id: string) => string; readonly options: TextOptions },
): string[] {
  const only = onlyBaseline(summary)
  const marksThroughput = arms.some(({ figures }) => figures?.clientLimited === true)
  const marksLatency = arms.some(({ figures }) => figures?.latencyClientLimited === true)
  return plainTable(
    [
      { head: '', align: 'left' },
      { head: 'CPU µs/req', align: 'right' },
      { head: only === null ? 'vs baseline' : `vs ${nameOf(only)}`, align: 'right' },
      { head: 'req/core-s', align: 'right' },
      { head: 'req/s', align: 'right' },
      { head: 'p50 µs', align: 'right' },
      { head: 'p99 µs', align: 'right' },
    ],
    arms.map((arm) => [
      wrapLabel(`${nameOf(arm.record.id)}${hasGaps(arm.record) ? ' ‡' : ''}`),
      ...costCells(arm, summary, only !== null),
      ...throughputCells(arm, marksThroughput),
      ...latencyCells(arm, marksLatency),
    ]),
    options,
  )
}

/** Its numbers are of a product that does not refuse all that a server of ours does. */
function hasGaps({ warnings }: ArmRecord): boolean {
  return warnings.some(({ code }) => code === 'gateway-gaps')
}

function costCells(
  { record, figures }: ArmSummary,
  { comparisons, arms }: Summary,
  showsFactor: boolean,
): string[] {
  const cpu = figures?.metrics.cpuUsPerRequest ?? null
  const mark = {
    shown: arms.some((arm) => countsIssuer(arm.figures)),
    sign: '†',
    set: countsIssuer(figures),
  }
  const { difference = null, ratio = null } =
    comparisons.find(({ case: id, metric }) => id === record.id && metric === 'cpuUsPerRequest') ??
    {}
  const times = ratio === null || !showsFactor ? '' : ` ${factor(ratio.estimate)}`
  return [
    cpu === null ? UNKNOWN : marked(withMargin(cpu), mark),
    difference === null ? '' : `${signedWithMargin(difference)}${times}`,
  ]
}

function throughputCells({ figures }: ArmSummary, shown: boolean): string[] {
  const { requestsPerCoreSecond = null, requestsPerSecond = null } = figures?.metrics ?? {}
  return [
    requestsPerCoreSecond === null ? UNKNOWN : bare(requestsPerCoreSecond),
    requestsPerSecond === null
      ? UNKNOWN
      : marked(bare(requestsPerSecond), { shown, sign: '*', set: figures?.clientLimited === true }),
  ]
}

function latencyCells({ figures }: ArmSummary, shown: boolean): string[] {
  const { latencyP50Us = null, latencyP99Us = null } = figures?.metrics ?? {}
  const mark = { shown, sign: '*', set: figures?.latencyClientLimited === true }
  return [
    latencyP50Us === null ? UNKNOWN : marked(withMargin(latencyP50Us), mark),
    latencyP99Us === null ? UNKNOWN : marked(withMargin(latencyP99Us), mark),
  ]
}

/** A cell with its sign, or the room for it where other rows have one. */
function marked(
  text: string,
  { shown, sign, set }: { readonly shown: boolean; readonly sign: string; readonly set: boolean },
): string {
  return shown ? `${text}${set ? sign : ' '}` : text
}

function missingLine({ record, figures }: ArmSummary, nameOf: (id: string) => string): string[] {
  if (figures !== null) return []
  const why = record.outcome === 'measured' ? 'in no measured block' : record.outcome
  const reason = record.reason === null ? '' : `: ${plainText(record.reason)}`
  return wrap(`${nameOf(record.id)} ${why}${reason}`, '  ')
}

/** What single arms have to tell; few samples is told once, as a note, and gaps of products with the run. */
function armWarnings({ arms }: Summary): Warning[] {
  const elsewhere = ['few-samples', 'gateway-gaps']
  return arms.flatMap(({ warnings }) => warnings).filter(({ code }) => !elsewhere.includes(code))
}

function rank({ record: { role } }: ArmSummary): number {
  return ['case', 'baseline', 'part', 'reference'].indexOf(role)
}

const gapNote =
  '‡ Somebody else’s product, as it is set up here: it does not refuse every bad credential as it must; its warning says which.'
/** A figure that was not measured. */
const UNKNOWN = '–'
