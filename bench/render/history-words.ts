import type {
  Detection,
  History,
  HistoryChange,
  HistoryPoint,
  HistorySeries,
  MachineSeries,
} from '../analysis/history.ts'
import { plainText } from './charts-text.ts'
import { signedPercent } from './numbers.ts'

/** A point with the machine that it is of. */
export interface PlacedPoint {
  readonly point: HistoryPoint
  readonly machine: MachineSeries
  /** Its index in the points of the machine. */
  readonly index: number
}

/** All points of a case, oldest first, whatever their machine. */
export function pointsInOrder({ machines }: HistorySeries): PlacedPoint[] {
  return machines
    .flatMap((machine) => machine.points.map((point, index) => ({ point, machine, index })))
    .sort((a, b) => a.point.run - b.point.run)
}

/** Where the machine changes from one point to the next, and the words for it. */
export function machineSwitches(
  placed: readonly PlacedPoint[],
): { readonly at: number; readonly text: string }[] {
  return placed.flatMap(({ machine }, at) => {
    const before = placed[at - 1]?.machine
    if (before === undefined || before === machine) return []
    return [
      {
        at,
        text: `machine ${machineLabel(before)} → ${machineLabel(machine)}: a step here is no change of the code`,
      },
    ]
  })
}

/** What is shown, in one or two lines. */
export function headline({ runs, series }: History): string[] {
  const machines = new Set(runs.map(({ environment }) => environment.machineId)).size
  const [first, last] = [runs[0], runs.at(-1)]
  if (first === undefined || last === undefined) {
    return ['No stored run to show: npm run bench makes one.']
  }
  if (runs.length === 1) {
    return ['One stored run is no history yet: another npm run bench adds a point.']
  }
  const changes = series.flatMap(({ machines: own }) => own.flatMap((one) => one.changes))
  const cases = series.filter((one) => one.machines.some((own) => own.changes.length > 0)).length
  return [
    `CPU per request ÷ reference, ${runs.length} runs on ${counted(machines, 'machine')}, ${startedText(first.startedAt)} to ${startedText(last.startedAt)} UTC`,
    changes.length === 0
      ? `No change point in ${counted(series.length, 'case')}.`
      : `${counted(changes.length, 'change point')} in ${cases} of ${counted(series.length, 'case')}.`,
  ]
}

/** A change in one sentence: where, how much, how sure, and what else it may be. */
export function changeText(
  machine: MachineSeries,
  change: HistoryChange,
  { namesMachine }: { readonly namesMachine: boolean },
): string {
  const { pValue, size, verdict, sameCommit, alsoChanged } = change
  const range = [size.low, size.high].map((bound) => signedPercent(bound - 1)).join(' to ')
  return [
    `${sourceLabel(machine.points[change.before])} → ${sourceLabel(machine.points[change.after])}${namesMachine ? ` on ${machineLabel(machine)}` : ''}: ${signedPercent(size.estimate - 1)} (${range}), p ${pValue.toFixed(3)}`,
    sameCommit ? 'within one commit: the machine, or the place is a run off' : verdict,
    ...(alsoChanged.length === 0 ? [] : [`but also ${plainText(alsoChanged.join(', '))}`]),
  ].join(', ')
}

/** Machines without a change point, and whether one could have been found. */
export function silenceText({ machines }: HistorySeries, { fewestRuns }: Detection): string[] {
  return machines.flatMap((machine) => {
    if (machine.changes.length > 0) return []
    const where = machines.length > 1 ? ` on ${machineLabel(machine)}` : ''
    const runs = machine.points.length
    return runs < fewestRuns
      ? [`too few runs${where} for a change point: ${runs} of at least ${fewestRuns}`]
      : [`no change point${where} in ${runs} runs`]
  })
}

/** Commit of a point, as in the names of runs: 0123abcd, 0123abcd-dirty, nogit. */
export function sourceLabel(point: Pick<HistoryPoint, 'commit' | 'dirty'> | undefined): string {
  if (point?.commit == null) return 'nogit'
  return `${plainText(point.commit.slice(0, 8))}${point.dirty === true ? '-dirty' : ''}`
}

/** Start of a machine's fingerprint, as in the names of runs. */
export function machineLabel({ machineId }: Pick<MachineSeries, 'machineId'>): string {
  return plainText(machineId.slice(0, 6))
}

/** Day and minute of a run, UTC as it is stored. */
export function startedText(startedAt: string): string {
  return plainText(startedAt.slice(0, 16).replace('T', ' '))
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}
