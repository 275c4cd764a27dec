import type { Demand } from '../demand.ts'
import type { Draw } from './capacity-draw.ts'
import type { FittedPart, MechanismFit } from './capacity-gather.ts'
import { leastPauseUs, pausesOf, wakingOf } from './capacity-open.ts'
import { percentileOf, simulateQueue, type Queue, type WorkClass } from './capacity-queue.ts'

/** Work as it comes to a process. */
export interface Work {
  /** Requests, new connections and stalls: `share` is so many for each request. */
  readonly perRequest: readonly WorkClass[]
  /** Pauses that come whatever is asked: `share` is so many a second. */
  readonly perSecond: readonly WorkClass[]
}

/** What turns measured figures into work. */
export interface WorkContext {
  readonly demand: Demand
  readonly draw: Draw
  /** What a processor does to all CPU times. */
  readonly stretch: number
  /** New connections for each request. */
  readonly perRequest: number
}

/** What mechanisms with shares that sum to 1 bring to a process. */
export function workOf(mechanisms: readonly MechanismFit[], context: WorkContext): Work {
  const parts = mechanisms.flatMap(({ mechanism, parts: own }) =>
    own.map((part) => ({ ...part, share: mechanism.share * part.share })),
  )
  const perRequest = [
    ...parts.flatMap((part) => [requestClass(part, context), stallClass(part, context)]),
    ...mechanisms.flatMap((mechanism) => connectionClasses(mechanism, context)),
  ]
  const perSecond = parts.map((part) => pauseClass(part, context))
  const isThere = ({ share }: WorkClass) => share > 0
  return { perRequest: perRequest.filter(isThere), perSecond: perSecond.filter(isThere) }
}

/** Arrivals of all of it at so many requests per second of each process. */
export function arrivalsAt(
  { perRequest, perSecond }: Work,
  ratePerProcess: number,
  processes: number,
): Pick<Queue, 'classes' | 'arrivalsPerSecond'> {
  const each = [
    ...perRequest.map((work) => ({ ...work, share: work.share * ratePerProcess })),
    ...perSecond,
  ]
  const ofOne = each.reduce((sum, { share }) => sum + share, 0)
  return {
    classes: each.map((work) => ({ ...work, share: work.share / ofOne })),
    arrivalsPerSecond: ofOne * processes,
  }
}

/** Without TLS there is no session to resume, and a connection costs what it costs. */
export function connectionUs(
  { full, resumed }: MechanismFit['connections'],
  draw: Draw,
): { readonly full: number; readonly resumed: number } {
  const fullUs = full === null ? null : draw.value(full)
  const resumedUs = resumed === null ? null : draw.value(resumed)
  return { full: fullUs ?? resumedUs ?? 0, resumed: resumedUs ?? fullUs ?? 0 }
}

function requestClass(part: FittedPart, { demand, draw, stretch }: WorkContext): WorkClass {
  const { fit, introspections, open } = part
  const alone = aloneClass(part, draw)
  const delayUs = open.length === 0 ? draw.value(fit.delayUs) : openDelayUs(alone, part, draw)
  return {
    ...alone,
    share: part.share,
    awakeUs: stretch * alone.awakeUs,
    asleepUs: stretch * alone.asleepUs,
    coldUs: stretch * alone.coldUs,
    delayUs: delayUs + introspections * demand.issuerLatencyUs,
  }
}

/** Requests of a part as they were measured, and nothing but the server in their latency. */
function aloneClass({ fit, open }: FittedPart, draw: Draw): WorkClass {
  const awakeUs = draw.value(fit.awakeUs)
  const { wakingUs, coldUs } = wakingOf(fit, open, draw)
  return {
    share: 1,
    awakeUs,
    asleepUs: awakeUs + wakingUs,
    coldUs,
    shape: open.length === 0 ? draw.shape(fit) : withoutPauses(draw.shape(fit), awakeUs + wakingUs),
    delayUs: 0,
    isRequest: true,
  }
}

/** Times over their mean without those that a pause made, which are counted as such. */
function withoutPauses(shape: Float64Array, meanUs: number): Float64Array {
  const median = shape.toSorted()[shape.length >> 1] ?? 1
  const kept = shape.filter((times) => (times - median) * meanUs < leastPauseUs(median * meanUs))
  const mean = kept.reduce((sum, times) => sum + times, 0) / kept.length
  return kept.map((times) => times / mean)
}

/**
 * Latency that is no time of the server, by the median at each rate that was measured. It may be below 0: what a
 * server does after it has answered costs CPU, and nobody waits for it.
 */
function openDelayUs(alone: WorkClass, { open }: FittedPart, draw: Draw): number {
  const delays = open.map(({ ratePerSecond, p50Us }) => {
    const latencies = simulateQueue({
      classes: [alone],
      arrivalsPerSecond: ratePerSecond,
      processes: 1,
      requests: requestsForMedian,
      seed: 1,
    })
    return draw.value(p50Us) - percentileOf(latencies, 50)
  })
  const meanUs = delays.reduce((sum, us) => sum + us, 0) / delays.length
  return Math.max(meanUs, -alone.asleepUs * mostAfterAnswer)
}

/** A stall keeps its process as it was measured, on whatever CPU: most of it is no work of the process. */
function stallClass({ share, fit, open }: FittedPart, { draw }: WorkContext): WorkClass {
  const { perRequest, lengthsUs } = draw.stalls(fit)
  // In closed loops those of the client are among them: offered load tells better.
  return keeping(open.length > 0 ? 0 : share * perRequest, lengthsUs)
}

function pauseClass({ share, open }: FittedPart, { draw }: WorkContext): WorkClass {
  const { perSecond, lengthsUs } = pausesOf(open, draw)
  return keeping(share * perSecond, lengthsUs)
}

/** Handshakes keep an event loop for their CPU time; of its spread nothing is measured. */
function connectionClasses(
  { mechanism, connections }: MechanismFit,
  { demand: { resumedShare }, draw, stretch, perRequest }: WorkContext,
): WorkClass[] {
  const { full, resumed } = connectionUs(connections, draw)
  const classOf = (share: number, us: number) =>
    keeping(perRequest * mechanism.share * share, Float64Array.of(stretch * us))
  return [classOf(1 - resumedShare, full), classOf(resumedShare, resumed)]
}

/** Work that is no request and keeps a process for one of these times. */
function keeping(share: number, timesUs: Float64Array): WorkClass {
  const meanUs = timesUs.reduce((sum, us) => sum + us, 0) / Math.max(1, timesUs.length)
  return {
    share,
    asleepUs: meanUs,
    awakeUs: meanUs,
    coldUs: 0,
    shape: meanUs === 0 ? always : timesUs.map((us) => us / meanUs),
    delayUs: 0,
    isRequest: false,
  }
}

const always = Float64Array.of(1)
/** A median of so many is within 1 %. */
const requestsForMedian = 4_000
/** Never seen: a wrong reading must not have requests answered before they are worked on. */
const mostAfterAnswer = 0.5
