import type { WindowFigures } from '../analysis/windows.ts'
import type { ArmSummary, Summary } from '../analysis/summary.ts'
import type { Estimate } from '../analysis/stats.ts'
import type { Run } from '../results.ts'
import { plainText } from './charts-text.ts'
import { clientNotes } from './client-notes.ts'
import { labelArms, wrapLabel } from './labels.ts'
import { coverage, machineNote } from './notes.ts'
import { withMargin } from './numbers.ts'
import { isGrave, joinSections, warningLines } from './sections.ts'
import { seatLines } from './seats-text.ts'
import { plainTable, wrap, type TextOptions } from './table.ts'

/** The result of a run under offered load for a terminal. Ends with a line feed. */
export function renderWindows(run: Run, summary: Summary, options: TextOptions): string {
  const { rows, common } = labelArms(summary.arms.map(({ record }) => record))
  const told = summary.arms.flatMap((arm, index) => {
    const label = rows[index] ?? arm.record.id
    return arm.window === null ? [] : [{ label, arm, window: arm.window }]
  })
  return joinSections([
    warningLines(summary.warnings.filter(isGrave), options),
    plainTable(
      columns,
      told.map(({ label, arm, window }) => [wrapLabel(label), ...cells(arm, window)]),
      options,
    ),
    told.flatMap(({ label, window }) => outcomeLines(label, window)),
    told.flatMap(({ window }) => seatLines(window, options)),
    notes(run, summary, { common, windows: told.map(({ window }) => window) }).flatMap((note) =>
      wrap(note, '  '),
    ),
    warningLines(
      summary.warnings.filter((one) => !isGrave(one)),
      options,
    ),
  ])
}

function cells({ figures }: ArmSummary, { plan, invalid }: WindowFigures): string[] {
  const { metrics } = figures ?? {}
  const cell = (estimate: Estimate | null | undefined, scale = 1) =>
    estimate == null ? UNKNOWN : withMargin(estimate, scale)
  return [
    `${plan.ratePerSecond.toLocaleString('en')}${invalid.length > 0 ? ' INVALID' : ''}`,
    cell(metrics?.requestsPerSecond),
    cell(metrics?.latencyP50Us, msPerUs),
    cell(metrics?.latencyP90Us, msPerUs),
    cell(metrics?.latencyP99Us, msPerUs),
    cell(metrics?.latencyP999Us, msPerUs),
    cell(metrics?.cpuUsPerRequest),
    cell(metrics?.sendLatenessP99Us),
  ]
}

/** What was not answered, what waited, and why a row must not be believed. */
function outcomeLines(label: string, window: WindowFigures): string[] {
  const { plan, requests, answered, timeouts, errors, maxOutstanding, invalid } = window
  const { queueWaitP99Us, serviceP99Us } = window
  const failed = Object.entries(errors).map(([why, count]) => `${count} ${plainText(why)}`)
  const missing = [...(timeouts > 0 ? [`${timeouts} timed out`] : []), ...failed]
  const lines = [
    missing.length === 0
      ? null
      : `${label}: ${answered} of ${requests} answered; ${missing.join(', ')}. Their latencies count, up to the failure.`,
    queueWaitP99Us !== null &&
    serviceP99Us !== null &&
    maxOutstanding > plan.connections &&
    queueWaitP99Us > serviceP99Us
      ? `${label}: requests waited for a free connection longer than for their answer (p99 ${ms(queueWaitP99Us)} and ${ms(serviceP99Us)} ms): more connections, or a rate beyond what the server can do.`
      : null,
    ...invalid.map((reason) => `${label}: INVALID, ${reason}.`),
  ]
  return lines.flatMap((line) => (line === null ? [] : wrap(line, '  ')))
}

function notes(
  run: Run,
  { arms }: Summary,
  {
    common,
    windows,
  }: { readonly common: readonly string[]; readonly windows: readonly WindowFigures[] },
): string[] {
  const [first] = windows
  if (first === undefined) return [machineNote(run)]
  const { plan } = first
  const p99 = arms.flatMap(({ figures }) => figures?.metrics.latencyP99Us ?? [])
  const told = coverage(p99)
  const generators =
    plan.generators === undefined
      ? plan.seats === undefined
        ? ''
        : ` of ${plan.seats} seats`
      : ` of ${plan.generators} generator processes`
  const count = `${first.windows} ${first.windows === 1 ? 'window' : 'windows'} of ${plan.durationMs / 1_000} s`
  return [
    `${plan.arrivals === 'poisson' ? 'Poisson' : 'Evenly spaced'} arrivals, ${count}, ${poolWords(plan)}${generators}. Latency counts from the intended send; a timeout of ${plan.timeoutMs / 1_000} s counts as its own length.`,
    told === null
      ? `One window has no interval: what another would have shown is not known.${plan.seats === undefined ? ' --blocks 8 measures eight with fresh processes.' : ''}`
      : `± reaches to the farther end of the ${told}; that of percentiles is by bootstrap, its level nominal.`,
    ...clientNotes(arms),
    'late p99: how late the generator itself was. A percentile needs samples: p99 1,000, p99.9 10,000.',
    ...(common.length === 0 ? [] : [`all rows that have it: ${common.join(', ')}`]),
    machineNote(run),
  ]
}

function ms(us: number): string {
  return (us / 1_000).toFixed(1)
}

const columns = [
  { head: '', align: 'left' },
  { head: 'offered/s', align: 'right' },
  { head: 'answered/s', align: 'right' },
  { head: 'p50 ms', align: 'right' },
  { head: 'p90 ms', align: 'right' },
  { head: 'p99 ms', align: 'right' },
  { head: 'p99.9 ms', align: 'right' },
  { head: 'CPU µs/req', align: 'right' },
  { head: 'late p99 µs', align: 'right' },
] as const
const msPerUs = 0.001
const UNKNOWN = '–'

/** How many connections a window had, in words. */
export function poolWords({
  connections,
  maxConnections,
}: {
  readonly connections: number
  readonly maxConnections: number
}): string {
  return connections === maxConnections
    ? `${connections} connections`
    : `from ${connections} to ${maxConnections} connections`
}
