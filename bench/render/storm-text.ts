import type { ChurnFigures } from '../analysis/churn.ts'
import type { Estimate } from '../analysis/stats.ts'
import { withMargin } from './numbers.ts'
import { plainTable, type TextOptions } from './table.ts'

/** One arm's figures of a reconnect storm, with the name of its row. */
export interface StormRow {
  readonly label: string
  readonly figures: ChurnFigures
}

/** Table of reconnect storms; no line without any. */
export function stormTable(rows: readonly StormRow[], options: TextOptions): string[] {
  return rows.length === 0
    ? []
    : plainTable(
        columns,
        rows.map(({ label, figures }) => [label, ...cells(figures)]),
        options,
      )
}

/** What the columns say. */
export const stormNote =
  'storm: so many clients connect at the same instant, each with one request, and stay until all are served. recovered: from the first connect until the last client has its answer, the median storm of a block; without service: from a client’s connect to its answer.'

function cells({
  policy,
  clients = 0,
  metrics,
  recoveryUs,
  servedP50Us,
  servedP99Us,
  connectionsRefused,
  handshakesFailed,
}: ChurnFigures): string[] {
  const cell = (estimate: Estimate | null, scale = 1) =>
    estimate === null ? UNKNOWN : withMargin(estimate, scale)
  const share = metrics.resumedShare
  return [
    `${clients.toLocaleString('en')}, ${policy}`,
    cell(recoveryUs, msPerUs),
    cell(servedP50Us, msPerUs),
    cell(servedP99Us, msPerUs),
    cell(metrics.cpuUsPerHandshake),
    share === null ? UNKNOWN : `${Math.floor(share.estimate * 100)} %`,
    `${connectionsRefused}/${handshakesFailed ?? UNKNOWN}`,
  ]
}

const columns = [
  { head: '', align: 'left' },
  { head: 'storm', align: 'left' },
  { head: 'recovered ms', align: 'right' },
  { head: 'without service p50 ms', align: 'right' },
  { head: 'p99 ms', align: 'right' },
  { head: 'CPU µs/conn', align: 'right' },
  { head: 'resumed', align: 'right' },
  { head: 'refused', align: 'right' },
] as const
const msPerUs = 0.001
const UNKNOWN = '–'
