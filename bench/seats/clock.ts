import { performance } from 'node:perf_hooks'
import { Type, type Static } from '@sinclair/typebox'
import { amount, strict } from '../result-values.ts'

// The clock that seats have in common is that of Redis. Each knows by how much its own monotonic clock
// differs from it, and how far that may be wrong (Cristian 1989, "Probabilistic Clock Synchronization").

/** A seat's clocks against that of Redis, in µs. */
export const ClockSchema = Type.Object(
  {
    /** Redis' clock minus the seat's monotonic one, of the probe with the shortest way. */
    offsetUs: Type.Number(),
    /** Half of that way: the offset is wrong by no more, however unequal both directions are. */
    errorUs: amount,
    roundTripUs: amount,
    /** The seat's wall clock minus Redis'; nothing is computed with it. */
    wallOffsetUs: Type.Number(),
  },
  strict,
)

export type ClockReading = Static<typeof ClockSchema>

/** The two clocks of a seat, in µs. */
export interface OwnClocks {
  readonly monotonicUs: () => number
  readonly wallUs: () => number
}

/** Those of this process. */
export const ownClocks: OwnClocks = {
  monotonicUs: () => performance.now() * usPerMs,
  wallUs: () => Date.now() * usPerMs,
}

/** Asks for the time so many times, and keeps the answer that came back soonest. */
export async function probeClock(
  readTimeUs: () => Promise<number>,
  { monotonicUs, wallUs }: OwnClocks = ownClocks,
  probes = usualProbes,
): Promise<ClockReading> {
  let best: ClockReading | null = null
  for (let probe = 0; probe < probes; probe++) {
    const askedUs = monotonicUs()
    const timeUs = await readTimeUs()
    const answeredUs = monotonicUs()
    const nowWallUs = wallUs()
    const roundTripUs = answeredUs - askedUs
    if (best !== null && best.roundTripUs <= roundTripUs) continue
    const offsetUs = timeUs - (askedUs + answeredUs) / 2
    const errorUs = roundTripUs / 2 + resolutionUs
    best = { offsetUs, errorUs, roundTripUs, wallOffsetUs: nowWallUs - answeredUs - offsetUs }
  }
  if (best === null) throw new RangeError('no probe of a clock')
  return best
}

/** An instant of Redis' clock on the seat's own, in ms as `performance.now()` has them. */
export function toOwnMs(atUs: number, { offsetUs }: ClockReading): number {
  return (atUs - offsetUs) / usPerMs
}

/** How far a seat's clock went from Redis' between two readings. */
export function driftUs(before: ClockReading, after: ClockReading): number {
  return Math.abs(after.offsetUs - before.offsetUs)
}

/** No two seats began farther apart than this: the two largest errors, and the largest drift. */
export function skewBoundUs(
  clocks: readonly { readonly errorUs: number; readonly driftUs: number }[],
): number {
  const [largest = 0, second = 0] = clocks.map(({ errorUs }) => errorUs).sort((a, b) => b - a)
  return largest + second + Math.max(0, ...clocks.map((clock) => clock.driftUs))
}

const usPerMs = 1_000
/** TIME tells whole µs, cut off. */
const resolutionUs = 1
/** The shortest of so many is close to what the way takes at all. */
const usualProbes = 16
