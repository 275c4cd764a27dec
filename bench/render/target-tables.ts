import type { ChurnFigures } from '../analysis/churn.ts'
import type { Estimate } from '../analysis/stats.ts'
import type { ArmSummary } from '../analysis/summary.ts'
import type { WindowFigures } from '../analysis/windows.ts'
import type { ArmRecord } from '../results.ts'
import { useName } from './churn-text.ts'
import { bare } from './numbers.ts'
import { percentileMetrics, type ReportedRun } from './page-model.ts'
import { cell, groundsOf } from './report-parts.ts'

/** A table of text alone, which a page and Markdown can both show. */
export interface TargetTable {
  readonly caption: string
  readonly heads: readonly string[]
  readonly rows: readonly (readonly string[])[]
}

/** What was measured: names, addresses without anything secret, and what is known of each. */
export function factsTable({ summary: { arms } }: ReportedRun): TargetTable {
  return {
    caption: 'What was asked; of an address neither user nor what is behind the question mark',
    heads: ['target', 'request', 'TLS', 'server CPU', 'sent at most', 'tokens'],
    rows: arms.flatMap(({ record: { id, target } }) =>
      target === undefined
        ? []
        : [
            [
              id,
              `${target.method} ${shownUrl(target.url)} for ${target.expectedStatuses.join(' or ')}`,
              target.tls ?? 'none',
              cpuWords[target.cpu],
              target.cap === null
                ? 'no limit'
                : `${count(target.cap.ratePerSecond)} requests/s, ${target.cap.connections} connections`,
              tokenWords(target.tokens),
            ],
          ],
    ),
  }
}

/** What became of each request that lacked one of its credentials: they are recorded, not judged. */
export function preflightTable({ summary: { arms } }: ReportedRun): TargetTable {
  return {
    caption:
      'Before any load: with all its credentials each target answered as expected; and without each of them',
    heads: ['target', 'sent', 'expected', 'seen', 'verdict'],
    rows: arms.flatMap(({ record: { id, preflight, target } }) =>
      (preflight?.refusals ?? []).map(({ describe, expected, outcome }) => {
        const isLetIn = target?.expectedStatuses.includes(Number(outcome)) === true
        return [id, describe, expected, outcome, isLetIn ? 'LET IN' : 'refused']
      }),
    ),
  }
}

/** The figures of a run, under whatever load it was. */
export function figureTables({ summary: { arms } }: ReportedRun): TargetTable[] {
  const hasCpu = arms.some(({ figures, churn }) =>
    [figures, ...churn].some((one) => one?.metrics.cpuUsPerRequest != null),
  )
  const windows = arms.flatMap(({ window, curve }) => [
    ...(window === null ? [] : [window]),
    ...(curve?.points ?? []),
  ])
  const uses = arms.flatMap(({ churn }) => churn)
  if (uses.length > 0) return churnTables(uses, hasCpu)
  return [windows.length > 0 ? windowsTable(windows, hasCpu) : closedTable(arms, hasCpu)]
}

function closedTable(arms: readonly ArmSummary[], hasCpu: boolean): TargetTable {
  const [connections] = arms.flatMap(({ figures }) => figures?.connections ?? [])
  const isLimited = arms.some(({ figures }) => figures?.clientLimited === true)
  return {
    caption: `Closed loops on ${connections ?? 'no'} connections; ${groundsOf(arms.map(({ figures }) => figures?.metrics.latencyP50Us))}${isLimited ? '; * the client was busy all the time, the target may do more' : ''}`,
    heads: ['target', 'requests', ...percentileHeads('µs'), 'requests/s', ...cpuHead(hasCpu)],
    rows: arms.map(({ record: { id, reason }, figures }) => {
      if (figures === null) return [id, `not measured: ${reason ?? 'no whole block'}`]
      const { metrics, samples, clientLimited } = figures
      const rate = metrics.requestsPerSecond
      return [
        id,
        count(samples),
        ...percentileMetrics.map((name) => cell(metrics[name])),
        rate === null ? '–' : `${bare(rate)}${clientLimited === true ? '*' : ''}`,
        ...cpuCell(hasCpu, metrics.cpuUsPerRequest),
      ]
    }),
  }
}

function windowsTable(windows: readonly WindowFigures[], hasCpu: boolean): TargetTable {
  return {
    caption: `Offered load, latency from the intended send; ${groundsOf(windows.map(({ metrics }) => metrics.latencyP50Us))}`,
    heads: [
      ...['target', 'offered/s', 'answered', ...percentileHeads('ms')],
      ...[...cpuHead(hasCpu), 'note'],
    ],
    rows: windows.map(({ arm, plan, metrics, answered, requests, invalid }) => [
      arm,
      count(plan.ratePerSecond),
      `${answered} of ${requests}`,
      ...percentileMetrics.map((name) => cell(metrics[name], MS_PER_US)),
      ...cpuCell(hasCpu, metrics.cpuUsPerRequest),
      invalid.length > 0 ? `INVALID: ${invalid.join('; ')}` : '',
    ]),
  }
}

function churnTables(uses: readonly ChurnFigures[], hasCpu: boolean): TargetTable[] {
  const [lasting, storms] = [
    uses.filter(({ clients }) => clients === undefined),
    uses.filter(({ clients }) => clients !== undefined),
  ]
  const tables: TargetTable[] = [
    {
      caption: `By use of connections, as the client sees it: handshakes, then the first answer from connect on; ${groundsOf(lasting.map(({ metrics }) => metrics.latencyP50Us))}`,
      heads: [
        ...['target', 'use', 'TCP p50 µs', 'TLS p50 µs', '1st byte p50 µs', '1st answer p50 µs'],
        ...['1st answer p99 µs', 'answer p50 µs', 'resumed share', ...cpuHead(hasCpu)],
      ],
      rows: lasting.map((use) => [
        ...[use.arm, useName(use), cell(use.tcpP50Us), cell(use.tlsP50Us)],
        ...[cell(use.firstByteP50Us), cell(use.servedP50Us), cell(use.servedP99Us)],
        ...[cell(use.metrics.latencyP50Us), cell(use.metrics.resumedShare)],
        ...cpuCell(hasCpu, use.metrics.cpuUsPerRequest),
      ]),
    },
    {
      caption: `So many clients connect at one instant; ${groundsOf(storms.map(({ recoveryUs }) => recoveryUs))}`,
      heads: ['target', 'clients', 'handshakes', 'all served after, ms', 'p99 to 1st answer, ms'],
      rows: storms.map((use) => [
        ...[use.arm, String(use.clients), use.policy],
        ...[cell(use.recoveryUs, MS_PER_US), cell(use.servedP99Us, MS_PER_US)],
      ]),
    },
  ]
  return tables.filter(({ rows }) => rows.length > 0)
}

/**
 * An address as it was stored; once more without what may be a secret, since a Run file may come from anywhere.
 */
export function shownUrl(text: string): string {
  const url = URL.parse(text)
  if (url === null) return 'no address'
  return `${url.protocol}//${url.host}${url.pathname}${url.search === '' ? '' : '?…'}`
}

/** Whether nothing but wall-clock time is known of a target. */
export function isTimedOnly({ target }: ArmRecord): boolean {
  return target?.cpu === 'unknown'
}

function tokenWords(tokens: NonNullable<ArmRecord['target']>['tokens']): string {
  if (tokens === null) return 'none sent'
  const { fetched, lifetimeMs, failures } = tokens
  const failed = Object.values(failures).reduce((sum, each) => sum + each, 0)
  return [
    `${count(fetched)} fetched`,
    lifetimeMs === null ? null : `each good for ${count(lifetimeMs / 1_000)} s`,
    failed === 0 ? null : `refreshes FAILED: ${count(failed)}`,
  ]
    .filter((part) => part !== null)
    .join(', ')
}

function percentileHeads(unit: string): string[] {
  return ['p50', 'p90', 'p99', 'p99.9'].map((name) => `${name} ${unit}`)
}

function cpuHead(hasCpu: boolean): string[] {
  return hasCpu ? ['CPU µs/request'] : []
}

function cpuCell(hasCpu: boolean, estimate: Estimate | null): string[] {
  return hasCpu ? [cell(estimate)] : []
}

function count(value: number): string {
  return value.toLocaleString('en')
}

const cpuWords = {
  unknown: 'unknown: wall-clock only',
  processes: 'of its processes, from schedstat',
  prometheus: 'a counter of Prometheus',
} as const
const MS_PER_US = 0.001
