import type { WindowFigures } from '../analysis/windows.ts'
import { plainText } from './charts-text.ts'
import { plainTable, wrap, type TextOptions } from './table.ts'

/** What generators on other machines were: one line, or a table of those with which something is wrong. */
export function seatLines({ seats }: WindowFigures, options: TextOptions): string[] {
  if (seats == null) return []
  const { planned, missing, each, offeredShare, startSkewUs } = seats
  const skew = `start skew ≤ ${(startSkewUs / usPerMs).toFixed(startSkewUs < usPerMs ? 2 : 1)} ms`
  const share = missing.length === 0 ? '' : `, ${(offeredShare * 100).toFixed(1)} % of the schedule`
  const head = wrap(`${each.length} of ${planned} seats${share}, ${skew}`, '  ')
  const rows = [
    ...each
      .filter(({ limits }) => limits.length > 0)
      .map((seat) => ({ index: seat.index, cells: cellsOf(seat) })),
    ...missing.map(({ index, why }) => ({ index, cells: ['–', '–', '–', '–', plainText(why)] })),
  ].toSorted((a, b) => a.index - b.index)
  if (rows.length === 0) return head
  const shown = rows.slice(0, mostRows).map(({ index, cells }) => [String(index), ...cells])
  const others = rows.length - shown.length
  return [
    ...head,
    ...plainTable(columns, shown, options),
    ...(others > 0 ? [`  and ${others} more`] : []),
  ]
}

type Seat = NonNullable<WindowFigures['seats']>['each'][number]

function cellsOf({ wallUs, latenessP99Us, eventLoopUtilization, ...seat }: Seat) {
  const busy = busyUs(seat) / wallUs
  return [
    `${(busy * 100).toFixed(0)} %`,
    `${(eventLoopUtilization * 100).toFixed(0)} %`,
    latenessP99Us === null ? '–' : latenessP99Us.toLocaleString('en'),
    (seat.clockErrorUs / usPerMs).toFixed(2),
    seat.limits.map(plainText).join('; '),
  ]
}

/** CPU that was not spent on waiting; of the time of a spin a core that others use gives but a share. */
function busyUs({ cpuUs, spinUs, runQueueUs }: Pick<Seat, 'cpuUs' | 'spinUs' | 'runQueueUs'>) {
  const onCore = cpuUs === 0 ? 0 : cpuUs / (cpuUs + (runQueueUs ?? 0))
  return Math.max(0, cpuUs - spinUs * onCore)
}

const columns = [
  { head: 'seat', align: 'right' },
  { head: 'busy', align: 'right' },
  { head: 'event loop', align: 'right' },
  { head: 'late p99 µs', align: 'right' },
  { head: 'clock ± ms', align: 'right' },
  { head: 'why', align: 'left' },
] as const
const usPerMs = 1_000
const mostRows = 10
