import { BenchError } from '../errors.ts'
import { decodeHistogram, percentileUs } from '../load/histogram.ts'
import { mergeStripes, type MergedReading } from '../load/stripe.ts'
import type { SeenClients } from '../result-seats.ts'
import type { Warning, Window } from '../results.ts'
import { allClients } from './clients.ts'
import { skewBoundUs } from './clock.ts'
import type { SeatPlan } from './plan.ts'
import { namesOf, type MissingSeat } from './roll-call.ts'
import type { SeatResult } from './seat-result.ts'
import { seatLimits } from './trial.ts'

/** What seats are in a Run file. */
export type SeatsRecord = NonNullable<Window['seats']>

/** What all seats saw, as one generator would have seen it, and what each of them was. */
export type SeatsReading = MergedReading & {
  readonly seats: SeatsRecord
  /** Clients that took part; null where it is one for all. */
  readonly clients: SeenClients | null
}

/**
 * Merges results in the order of their seats. What is missing is missing: nothing is extrapolated over it.
 * Throws `measurement-failed` without any result, or where seats came to different schedules.
 */
export function mergeSeats(
  plan: SeatPlan,
  results: readonly SeatResult[],
  missing: readonly MissingSeat[],
): SeatsReading {
  const ordered = results.toSorted((a, b) => a.index - b.index)
  const [first] = ordered
  if (first === undefined)
    throw new BenchError('measurement-failed', `no seat handed over a result: ${namesOf(missing)}`)
  const { scheduled } = first.reading
  const other = ordered.find(({ reading }) => reading.scheduled !== scheduled)
  if (other !== undefined) {
    throw new BenchError(
      'measurement-failed',
      `seats ${first.index} and ${other.index} made different schedules of one plan: ${scheduled} and ${other.reading.scheduled} requests`,
    )
  }
  const merged = mergeStripes(ordered.map(({ reading }) => reading))
  return {
    ...merged,
    clients: allClients(plan.clients, ordered),
    seats: {
      planned: plan.seats,
      offeredShare: merged.requests / scheduled,
      startSkewUs: skewBoundUs(
        ordered.map(({ clock: { errorUs }, driftUs }) => ({ errorUs, driftUs })),
      ),
      missing: missing.map(({ index, why }) => ({ index, why })),
      each: ordered.map((result) => seatRecord(plan, result)),
    },
  }
}

/** Why a window with fewer seats than planned is none; null where so many may be missing. */
export function missingReason({ seats }: Pick<Window, 'seats'>, tolerated: number): string | null {
  if (seats === undefined || seats.missing.length <= tolerated) return null
  const { missing, planned, offeredShare } = seats
  return `${missing.length} of ${planned} seats handed over no result: ${namesOf(missing)}; ${percent(offeredShare)} of the schedule was offered, --tolerate-missing ${missing.length} tells what the others saw`
}

/** What a reader of the run must know of its seats. */
export function seatWarnings(window: Pick<Window, 'seats'>): Warning[] {
  const { seats } = window
  if (seats === undefined) return []
  const limited = seats.each.filter(({ limits }) => limits.length > 0)
  return [
    ...(seats.missing.length === 0 ? [] : [missingWarning(seats)]),
    ...(limited.length === 0 ? [] : [limitedWarning(limited)]),
  ]
}

function missingWarning({ planned, missing, offeredShare }: SeatsRecord): Warning {
  return {
    code: 'seats-missing',
    message: `${missing.length} of ${planned} seats ${missing.length === 1 ? 'is' : 'are'} not in these figures: ${namesOf(missing)}; ${percent(offeredShare)} of the schedule was offered, and nothing is extrapolated`,
    advice: 'look at those seats, then measure again before you quote this',
  }
}

function limitedWarning(limited: SeatsRecord['each']): Warning {
  const told = limited
    .slice(0, mostNamed)
    .map(({ index, limits: [why = ''] }) => `seat ${index} (${why})`)
  const others = limited.length - told.length
  return {
    code: 'seats-saturated',
    message: `${limited.length} ${limited.length === 1 ? 'seat was' : 'seats were'} the limit, not the target: ${told.join(', ')}${others > 0 ? `, ${others} more` : ''}`,
    advice:
      'start more seats, or on machines with a core free for each: --seats auto finds out how many',
  }
}

function seatRecord(plan: SeatPlan, result: SeatResult): SeatsRecord['each'][number] {
  const { index, clock, driftUs, node, version, name, clients, reading } = result
  const { requests, wallUs, cpuUs, spinUs, runQueueUs, eventLoopUtilization } = reading
  return {
    index,
    requests,
    wallUs,
    cpuUs,
    spinUs,
    runQueueUs,
    eventLoopUtilization,
    latenessP99Us: percentileUs(decodeHistogram(reading.histograms.lateness), 99),
    clockOffsetUs: clock.offsetUs,
    clockErrorUs: clock.errorUs,
    clockRoundTripUs: clock.roundTripUs,
    clockDriftUs: driftUs,
    wallClockOffsetUs: clock.wallOffsetUs,
    node,
    version,
    ...(name === null ? {} : { name }),
    ...(clients === null ? {} : { clients }),
    limits: seatLimits(reading, plan.schedule.ratePerSecond / plan.seats),
  }
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`
}

const mostNamed = 8
