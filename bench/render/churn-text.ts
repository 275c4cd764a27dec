import type { BreakEven } from '../analysis/break-even.ts'
import type { ChurnFigures, Use } from '../analysis/churn.ts'
import type { Estimate } from '../analysis/stats.ts'
import type { Summary } from '../analysis/summary.ts'
import type { Run } from '../results.ts'
import { clientNotes } from './client-notes.ts'
import { labelArms, wrapLabel } from './labels.ts'
import { coverage, machineNote } from './notes.ts'
import { bare, levelPercent, withMargin } from './numbers.ts'
import { isGrave, joinSections, warningLines } from './sections.ts'
import { stormNote, stormTable } from './storm-text.ts'
import { plainTable, wrap, type TextOptions } from './table.ts'

/** The result of a run with new connections for a terminal. Ends with a line feed. */
export function renderChurn(run: Run, summary: Summary, options: TextOptions): string {
  const { rows, common } = labelArms(summary.arms.map(({ record }) => record))
  const told = summary.arms.flatMap(({ churn }, index) =>
    churn
      .filter(({ clients }) => clients === undefined)
      .map((figures, use) => [
        use === 0 ? wrapLabel(rows[index] ?? figures.arm) : '',
        useName(figures),
        ...cells(figures),
      ]),
  )
  const storms = summary.arms.flatMap(({ churn }, index) =>
    churn
      .filter(({ clients }) => clients !== undefined)
      .map((figures, use) => ({
        label: use === 0 ? wrapLabel(rows[index] ?? figures.arm) : '',
        figures,
      })),
  )
  const nameOf = (id: string) =>
    rows[summary.arms.findIndex(({ record }) => record.id === id)] ?? id
  return joinSections([
    warningLines(summary.warnings.filter(isGrave), options),
    told.length === 0 ? [] : plainTable(columns, told, options),
    stormTable(storms, options),
    breakEvenSentences(summary.breakEvens, nameOf).flatMap((line) => wrap(line, '  ')),
    notes(run, summary, common).flatMap((note) => wrap(note, '  ')),
    warningLines(
      summary.warnings.filter((one) => !isGrave(one)),
      options,
    ),
  ])
}

/** One sentence for each pair of cases whose costs cross, as far as an interval bears it out. */
export function breakEvenSentences(
  found: readonly BreakEven[],
  nameOf: (arm: string) => string,
): string[] {
  return found.map((one) => {
    const [above, below] = [nameOf(one.cheaperAbove), nameOf(one.cheaperBelow)]
    const how = one.policy === 'full' ? 'full handshakes' : 'resumed handshakes'
    return `${above} costs less server CPU than ${below} above ${requests(one.requestsPerConnection)} requests per connection, and more below (${how}; ${intervalOf(one)}).`
  })
}

/** Place of a use on an axis or in a table: full 5, keep-alive. */
export function useName({ policy, requestsPerConnection }: Use): string {
  return requestsPerConnection === null
    ? 'connections stay'
    : `${policy}, ${requestsPerConnection.toLocaleString('en')}`
}

function intervalOf({ low, high, level, blocks }: BreakEven): string {
  return `${levelPercent(level)} interval over ${blocks} blocks: ${requests(low)} to ${requests(high)}`
}

/** Two digits are more than any interval here supports, three below 10 show where it moves. */
function requests(count: number): string {
  return count < 10 ? count.toFixed(1) : Math.round(count).toLocaleString('en')
}

function cells(figures: ChurnFigures): string[] {
  const { metrics, connections, connectionsRefused, handshakesFailed } = figures
  const cell = (estimate: Estimate | null) => (estimate === null ? UNKNOWN : withMargin(estimate))
  const share = metrics.resumedShare
  return [
    cell(metrics.cpuUsPerRequest),
    cell(metrics.cpuUsPerHandshake),
    ...[figures.tcpP50Us, figures.tlsP50Us, figures.firstByteP50Us].map((p50) =>
      p50 === null ? UNKNOWN : bare(p50),
    ),
    share === null
      ? UNKNOWN
      : `${(share.estimate * 100).toFixed(share.estimate % 1 === 0 ? 0 : 1)} %`,
    connections === 0 ? UNKNOWN : `${connectionsRefused}/${handshakesFailed ?? UNKNOWN}`,
  ]
}

function notes(run: Run, { arms }: Summary, common: readonly string[]): string[] {
  const churn = arms.flatMap((arm) => arm.churn)
  const told = coverage(churn.flatMap(({ metrics }) => metrics.cpuUsPerRequest ?? []))
  const atATime = churn.filter(({ clients }) => clients === undefined)
  const concurrency = [...new Set(atATime.map((one) => one.concurrency))]
  const proof = arms.some(({ record }) => record.target !== undefined)
    ? 'Handshakes, and which of them were resumed, are counted by the client alone: nobody asks a target.'
    : "The server's own counts of handshakes, resumed ones and requests were checked in every slice."
  return [
    `Each connection is opened for so many requests and closed; ${concurrency.join(' or ')} at a time. full: no session is offered; resumed: always one. ${proof}`,
    'CPU µs/conn: what a connection costs the server beyond its requests: TCP, TLS, HTTP set-up and its end. It is the CPU of a connection less that of as many requests on connections that stay, so it is sharpest at 1.',
    'TCP, TLS and first byte: p50, as the client sees them, one after the other. refused: connections by the client’s count, handshakes by the server’s.',
    ...(churn.some(({ clients }) => clients !== undefined) ? [stormNote] : []),
    told === null
      ? 'One block has no interval.'
      : `± reaches to the farther end of the ${told}; that of percentiles is by bootstrap, its level nominal.`,
    ...clientNotes(arms),
    ...(common.length === 0 ? [] : [`all rows that have it: ${common.join(', ')}`]),
    machineNote(run),
  ]
}

const columns = [
  { head: '', align: 'left' },
  { head: 'requests/conn', align: 'left' },
  { head: 'CPU µs/req', align: 'right' },
  { head: 'CPU µs/conn', align: 'right' },
  { head: 'TCP µs', align: 'right' },
  { head: 'TLS µs', align: 'right' },
  { head: '1st byte µs', align: 'right' },
  { head: 'resumed', align: 'right' },
  { head: 'refused', align: 'right' },
] as const
const UNKNOWN = '–'
