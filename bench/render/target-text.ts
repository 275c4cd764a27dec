import type { Comparison } from '../analysis/contrasts.ts'
import type { Estimate } from '../analysis/stats.ts'
import type { ArmSummary, Summary } from '../analysis/summary.ts'
import type { Run } from '../results.ts'
import { plainText } from './charts-text.ts'
import { clientNotes } from './client-notes.ts'
import { labelArms, wrapLabel } from './labels.ts'
import { coverage, machineNote } from './notes.ts'
import { atMostPercent, bare, signedPercent, withMargin } from './numbers.ts'
import { isGrave, joinSections, warningLines } from './sections.ts'
import { plainTable, wrap, type Column, type TextOptions } from './table.ts'

/**
 * The result of closed loops on servers that are the user's own, for a terminal: what answers take, each beside
 * the first, and CPU only where it is known. Ends with a line feed.
 */
export function renderTargets(run: Run, summary: Summary, options: TextOptions): string {
  const { rows } = labelArms(summary.arms.map(({ record }) => record))
  const nameOf = (id: string) =>
    rows[summary.arms.findIndex(({ record }) => record.id === id)] ?? plainText(id)
  const shown = columnsOf(summary, nameOf)
  return joinSections([
    warningLines(summary.warnings.filter(isGrave), options),
    plainTable(
      shown.map(({ column }) => column),
      summary.arms.map((arm) => shown.map(({ cell }) => cell(arm))),
      options,
    ),
    summary.arms.flatMap((arm) => missingLine(arm, nameOf)),
    summary.comparisons.flatMap((one) => wrap(comparisonSentence(one, nameOf), '  ')),
    notes(run, summary).flatMap((note) => wrap(note, '  ')),
    warningLines(
      summary.warnings.filter((one) => !isGrave(one)),
      options,
    ),
  ])
}

/** A column, and what stands in it for an arm. */
interface Shown {
  readonly column: Column
  readonly cell: (arm: ArmSummary) => string
}

function columnsOf({ arms }: Summary, nameOf: (id: string) => string): Shown[] {
  const figure = (head: string, cell: (arm: ArmSummary) => Estimate | null): Shown => ({
    column: { head, align: 'right' },
    cell: (arm) => {
      const value = cell(arm)
      return value === null ? UNKNOWN : withMargin(value)
    },
  })
  const hasCpu = arms.some(({ figures }) => figures?.metrics.cpuUsPerRequest != null)
  const limited = arms.some(({ figures }) => figures?.clientLimited === true)
  return [
    {
      column: { head: '', align: 'left' },
      cell: ({ record }) => wrapLabel(nameOf(record.id)),
    },
    figure('p50 µs', ({ figures }) => figures?.metrics.latencyP50Us ?? null),
    figure('p90 µs', ({ figures }) => figures?.metrics.latencyP90Us ?? null),
    figure('p99 µs', ({ figures }) => figures?.metrics.latencyP99Us ?? null),
    {
      column: { head: 'req/s', align: 'right' },
      cell: ({ figures }) => {
        const rate = figures?.metrics.requestsPerSecond ?? null
        const mark = limited ? (figures?.clientLimited === true ? '*' : ' ') : ''
        return rate === null ? UNKNOWN : `${bare(rate)}${mark}`
      },
    },
    ...(hasCpu
      ? [figure('CPU µs/req', ({ figures }) => figures?.metrics.cpuUsPerRequest ?? null)]
      : []),
    {
      column: { head: 'TLS', align: 'left' },
      cell: ({ record }) => record.target?.tls?.split(' ')[0] ?? 'none',
    },
  ]
}

/** What intervals bear out of one target against the first. */
export function comparisonSentence(comparison: Comparison, nameOf: (id: string) => string): string {
  const { case: id, against, metric, ratio, verdict, rulesOutMoreThan, clientLimited } = comparison
  const what = metric === 'latencyP50Us' ? 'p50' : 'CPU per request'
  const mark = clientLimited ? ' (the client was the limit: this is largely its own)' : ''
  const names = `${what} of ${nameOf(id)} against ${nameOf(against)}`
  if (ratio?.low == null || ratio.high === null) return `${names}: too few blocks to tell.`
  const interval = `${signedPercent(ratio.low - 1)} to ${signedPercent(ratio.high - 1)}`
  switch (verdict) {
    case 'better':
    case 'worse':
      return `${names}: ${verdict}, ${signedPercent(ratio.estimate - 1)} (${interval})${mark}.`
    case 'same':
      return `${names}: the same, ${interval}${mark}.`
    case 'undecided':
      return rulesOutMoreThan === null
        ? `${names}: too few blocks to tell.`
        : `${names}: undecided, more than ${atMostPercent(rulesOutMoreThan)} either way is ruled out${mark}.`
  }
}

function missingLine({ record, figures }: ArmSummary, nameOf: (id: string) => string): string[] {
  if (figures !== null) return []
  const reason = record.reason === null ? '' : `: ${plainText(record.reason)}`
  return wrap(`${nameOf(record.id)} was in no measured block${reason}`, '  ')
}

function notes(run: Run, { arms }: Summary): string[] {
  const shown = arms.flatMap(({ figures }) => figures?.metrics.latencyP50Us ?? [])
  const told = coverage(shown)
  const [cap] = arms.flatMap(({ record }) => record.target?.cap ?? [])
  const connections = [...new Set(arms.flatMap(({ figures }) => figures?.connections ?? []))]
  return [
    told === null
      ? 'One block has no interval: nothing says how far these figures would wander.'
      : `± reaches to the farther end of the ${told}; that of p90 and p99 is by bootstrap, its level nominal.`,
    `Closed loops on ${connections.join(' or ')} connections that are kept open, where latency is connections ÷ throughput: compare at equal connections only. Wall-clock times, the network included.`,
    ...(cap === undefined
      ? []
      : [
          `At most ${cap.ratePerSecond.toLocaleString('en')} requests/s were sent, so that no highest rate is told; --max-rate raises that.`,
        ]),
    ...(arms.some(({ figures }) => figures?.clientLimited === true)
      ? ['* the client was busy all the time: the target may do more.']
      : []),
    ...arms.flatMap(refusalNotes),
    ...cpuNotes(arms),
    ...tokenNotes(arms),
    ...clientNotes(arms),
    machineNote(run),
  ]
}

/** What it did about the same request without a credential; where it let it through, a warning says so. */
function refusalNotes({ record: { id, preflight } }: ArmSummary): string[] {
  return (preflight?.refusals ?? [])
    .filter(({ reasons }) => reasons.length > 0)
    .map(({ describe, outcome }) => `${plainText(id)}: ${describe}: ${plainText(outcome)}.`)
}

function cpuNotes(arms: readonly ArmSummary[]): string[] {
  const kinds = new Set(arms.map(({ record }) => record.target?.cpu))
  return [
    ...(kinds.has('processes')
      ? ['CPU: of the processes named by --cpu-pid and all below them, from schedstat.']
      : []),
    ...(kinds.has('prometheus')
      ? [
          'CPU: a counter of Prometheus before and after each block, all that was used in between; – where a block is shorter than four scrapes.',
        ]
      : []),
  ]
}

function tokenNotes(arms: readonly ArmSummary[]): string[] {
  return arms.flatMap(({ record }) => {
    const tokens = record.target?.tokens
    if (tokens == null || tokens.fetched < 2) return []
    return [
      `${plainText(record.id)}: ${tokens.fetched} tokens, each fetched while the one before was still good.`,
    ]
  })
}

const UNKNOWN = '–'
