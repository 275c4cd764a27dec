import type { Demand } from '../demand.ts'
import type { Draw } from './capacity-draw.ts'
import type { Fit, FittedPart, MechanismFit } from './capacity-gather.ts'
import { wakingOf } from './capacity-open.ts'
import { rateAt, type ProcessLoad } from './capacity-load.ts'
import { percentileOf, shareBeyond, simulateQueue } from './capacity-queue.ts'
import { arrivalsAt, connectionUs, workOf, type Work, type WorkContext } from './capacity-work.ts'

/** What one mechanism asks, in µs of CPU of a request, its share of connections included. */
export interface MechanismCost {
  readonly label: string
  readonly share: number
  readonly load: ProcessLoad
  /** Of `load`, what its connections take. */
  readonly connectionUs: number
}

/** What a demand asks of one process, in numbers of one draw. */
export interface Model {
  /** Of the mean request of the mix. */
  readonly load: ProcessLoad
  readonly mechanisms: readonly MechanismCost[]
  readonly work: Work
  readonly introspectionsPerRequest: number
  /** CPU in µs of the authorization server. */
  readonly issuerUsPerRequest: number
  readonly grantUs: number | null
  readonly connectionBytes: number | null
  readonly rssBytes: number
  /** Rate of this mix at which every mechanism would be at the highest that one process was seen at. */
  readonly highestRatePerSecond: number
}

/** What a processor does to all CPU times: another CPU, and processes beside each other. */
export function stretchOf({ cpuFactor, scaling, coresPerInstance }: Demand, fit: Fit): number {
  const together = coresPerInstance === 1 ? 1 : (scaling ?? fit.scaling.factor)
  return (cpuFactor ?? 1) / together
}

/** Puts a demand and what was measured together. */
export function modelOf(demand: Demand, fit: Fit, draw: Draw): Model {
  const stretch = stretchOf(demand, fit)
  const perRequest = demand.requestsPerConnection === null ? 0 : 1 / demand.requestsPerConnection
  const context: WorkContext = { demand, draw, stretch, perRequest }
  const costs = fit.mechanisms.map((mechanism) => costOf(mechanism, context))
  const parts = fit.mechanisms.flatMap(({ mechanism, parts: own }) =>
    own.map((part) => ({ ...part, share: mechanism.share * part.share })),
  )
  const sumOver = (valueOf: (part: FittedPart) => number) =>
    parts.reduce((sum, part) => sum + part.share * valueOf(part), 0)
  return {
    load: {
      awakeUs: costs.reduce((sum, { share, load }) => sum + share * load.awakeUs, 0),
      wakingUs: costs.reduce((sum, { share, load }) => sum + share * load.wakingUs, 0),
      coldUs: costs.reduce((sum, { share, load }) => sum + share * load.coldUs, 0),
    },
    mechanisms: costs,
    work: workOf(fit.mechanisms, context),
    introspectionsPerRequest: sumOver(({ introspections }) => introspections),
    issuerUsPerRequest: sumOver(({ introspections, fit: { issuerUs } }) =>
      introspections === 0 || issuerUs === null
        ? 0
        : // What was measured is per request of that case, whatever part of them asked.
          draw.value(issuerUs),
    ),
    grantUs: fit.grantUs === null ? null : draw.value(fit.grantUs),
    connectionBytes: fit.connectionBytes === null ? null : draw.value(fit.connectionBytes),
    rssBytes: Math.max(...parts.map((part) => part.fit.rssBytes)),
    highestRatePerSecond: 1 / sumOver((part) => 1 / part.fit.highestRatePerSecond),
  }
}

/** Latency at one utilisation or rate of each process. */
export interface LatencyFigures {
  readonly p50Us: number
  readonly p99Us: number
  /** Share of requests that take longer than the timeout. */
  readonly timeoutShare: number
}

/** How a queue is simulated. */
export interface Simulation {
  readonly requests: number
  readonly seed: number
}

/** Latency at so many requests per second of each process, which take from queues of their own or from one. */
export function latencyAt(
  model: Model,
  ratePerProcess: number,
  {
    processes,
    timeoutUs,
    simulation,
  }: {
    /** That take from one queue; 1: each has its own. */
    readonly processes: number
    readonly timeoutUs: number
    readonly simulation: Simulation
  },
): LatencyFigures {
  const latencies = simulateQueue({
    ...simulation,
    ...arrivalsAt(model.work, ratePerProcess, processes),
    processes,
  })
  return {
    p50Us: percentileOf(latencies, 50),
    p99Us: percentileOf(latencies, 99),
    timeoutShare: shareBeyond(latencies, timeoutUs),
  }
}

/**
 * The highest rate of one process at which the objective holds, in requests per second; null where it holds at
 * none. From the busiest down, since latency at little load may be higher for the cost of waking up.
 */
export function highestRateWithin(
  model: Model,
  { sloP99Us, sloErrorShare, timeoutUs }: Demand,
  simulation: Simulation,
): number | null {
  const holds = (used: number): boolean => {
    const at = latencyAt(model, rateAt(model.load, used), { processes: 1, timeoutUs, simulation })
    const isInTime = sloP99Us === null || at.p99Us <= sloP99Us
    return isInTime && at.timeoutShare <= (sloErrorShare ?? 1)
  }
  const place = utilisations.findIndex(holds)
  if (place < 0) return null
  let [good, bad] = [utilisations[place] ?? 0, utilisations[place - 1]]
  for (let step = 0; bad !== undefined && step < halvings; step++) {
    const middle: number = (good + bad) / 2
    if (holds(middle)) good = middle
    else bad = middle
  }
  return rateAt(model.load, good)
}

function costOf(
  { mechanism, label, parts, connections }: MechanismFit,
  { demand, draw, stretch, perRequest }: WorkContext,
): MechanismCost {
  const sum = (valueOf: (part: FittedPart) => number) =>
    stretch * parts.reduce((total, part) => total + part.share * valueOf(part), 0)
  const { full, resumed } = connectionUs(connections, draw)
  const connection =
    stretch * perRequest * ((1 - demand.resumedShare) * full + demand.resumedShare * resumed)
  return {
    label,
    share: mechanism.share,
    connectionUs: connection,
    load: {
      awakeUs: sum(({ fit }) => draw.value(fit.awakeUs)) + connection,
      wakingUs: sum(({ fit, open }) => wakingOf(fit, open, draw).wakingUs),
      coldUs: sum(({ fit, open }) => wakingOf(fit, open, draw).coldUs),
    },
  }
}

/** Looked at from the busiest down; beyond the first a queue is longer than what is simulated of it. */
const utilisations: readonly number[] = [0.95, 0.9, 0.8, 0.7, 0.55, 0.4, 0.25, 0.1, 0.02]
/** Of steps of a tenth: to a hundredth of utilisation. */
const halvings = 4
/** Busiest that anything is sized for, whatever the policy: see `utilisations`. */
export const mostUsed = 0.95
