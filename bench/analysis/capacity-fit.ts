import type { Histogram } from '../load/histogram.ts'
import type { ArmRecord, Run } from '../results.ts'
import { cellsOf, costs, type PlacedCell } from './churn.ts'
import { tabulate } from './percentiles.ts'
import { blockValues, measuredBlocks, ownConnections, readArm } from './reading.ts'

/** A figure by block of one run: what is resampled. */
export interface Series {
  readonly runId: string
  readonly values: ReadonlyMap<number, number>
}

/** What requests of one case ask, as one run measured it. */
export interface CaseFit {
  readonly caseId: string
  readonly runId: string
  /** Server CPU in µs of a request that finds its server awake, and of one that finds it asleep. */
  readonly awakeUs: Series
  readonly asleepUs: Series
  /** Latency of a request alone that is no server CPU: client, network, authorization server. */
  readonly delayUs: Series
  /** Latencies of requests alone, less that delay, over their mean: by block, in even steps of probability. */
  readonly shapes: ReadonlyMap<number, Float64Array>
  /** Times for which its server stood still, collecting garbage or without a core, by block. */
  readonly stalls: ReadonlyMap<number, Stalls>
  /** CPU in µs of the authorization server for a request; null where there is none. */
  readonly issuerUs: Series | null
  readonly rssBytes: number
  /** Bad credentials that it let in before it was measured, by their ids. */
  readonly accepted: readonly string[]
  /** The highest rate at which one process was seen, in requests per second. */
  readonly highestRatePerSecond: number
}

/** Pauses of a server between requests. */
export interface Stalls {
  readonly perRequest: number
  /** How long each was, in µs. */
  readonly lengthsUs: Float64Array
}

/** What a new connection costs a server beyond its requests, in µs of CPU, by what the client offers. */
export interface ConnectionFit {
  readonly full: Series | null
  readonly resumed: Series | null
}

/** Reads what requests of an arm ask out of a run in closed loops; null where the run does not hold all of it. */
export function fitCase(run: Run, arm: ArmRecord): CaseFit | null {
  const blocks = measuredBlocks(run.blocks)
  const many = readArm(blocks, arm.id, ownConnections(arm))
  const one = readArm(blocks, arm.id, 1)
  const together = blockValues(many, 'cpuUsPerRequest')
  const alone = blockValues(one, 'cpuUsPerRequest')
  const histograms = one.histograms()
  if (together.size === 0 || alone.size === 0 || histograms.size === 0) return null
  const seriesOf = (values: ReadonlyMap<number, number>): Series => ({ runId: run.runId, values })
  const delay = new Map(
    [...histograms].map(([block, histogram]) => [
      block,
      Math.max(0, histogram.mean - (alone.get(block) ?? histogram.mean)),
    ]),
  )
  const issuer = blockValues(many, 'issuerCpuUsPerRequest')
  const rates = [...many.duet.values(), ...many.saturation.values()].map(
    (slices) =>
      (slices.reduce((sum, { requests }) => sum + requests, 0) * usPerSecond) /
      slices.reduce((sum, { wallUs }) => sum + wallUs, 0),
  )
  return {
    caseId: arm.caseId,
    runId: run.runId,
    awakeUs: seriesOf(awakeOf(together, alone, many.connections)),
    asleepUs: seriesOf(alone),
    delayUs: seriesOf(delay),
    shapes: new Map(
      [...histograms].map(([block, histogram]) => [
        block,
        shapeOf(histogram, delay.get(block) ?? 0),
      ]),
    ),
    stalls: new Map(
      [...many.histograms()].map(([block, one]) => [block, stallsOf(one, many.connections)]),
    ),
    issuerUs: issuer.size === 0 ? null : seriesOf(issuer),
    rssBytes: Math.max(...[...many.duet.values()].flat().flatMap(({ rssBytes }) => rssBytes ?? [])),
    accepted: (arm.preflight?.refusals ?? [])
      .filter(({ kind, passed, handlerCalls }) => kind === 'refuse' && !passed && handlerCalls > 0)
      .map(({ id }) => id),
    highestRatePerSecond: Math.max(...rates) / Number(arm.parameters['workers'] ?? 1),
  }
}

/** Reads what connections of an arm cost out of a run with new connections. */
export function fitConnections(run: Run, arm: ArmRecord): ConnectionFit {
  const own = cellsOf(run.blocks).filter((cell) => cell.arm === arm.id)
  return { full: perConnection(run, own, 'full'), resumed: perConnection(run, own, 'resumed') }
}

/**
 * CPU of a request that finds its server awake. A closed loop of n connections wakes it up for n requests at a
 * time, so that of w, the cost of waking up, each has w ÷ n: Dₙ = a + w ÷ n, and alone D₁ = a + w. Held against
 * curves of tls and combined in open loops, CPU from half of capacity on was then within 6 %, capacity within
 * 2 %; with Dₙ itself tls was 10 to 14 % above what it used.
 */
function awakeOf(
  together: ReadonlyMap<number, number>,
  alone: ReadonlyMap<number, number>,
  connections: number,
): Map<number, number> {
  if (connections === 1) return new Map(together)
  return new Map(
    [...together].map(([block, us]) => {
      const more = (alone.get(block) ?? us) - us
      return [block, Math.max(us * leastAwakeShare, us - more / (connections - 1))]
    }),
  )
}

/**
 * Stalls show where the server is never idle: in closed loops of many connections, where each holds up all of
 * them. What lies far above the median there is that long a stall, seen once by every connection. Without them
 * p99 in the same curves was a tenth of what was observed; with them it is of its order.
 */
function stallsOf(histogram: Histogram, connections: number): Stalls {
  const { valuesUs, cumulative, samples } = tabulate([histogram])
  const [upTo = new Float64Array(0)] = cumulative
  const medianUs = histogram.getValueAtPercentile(50)
  const limitUs = Math.max(2 * medianUs, medianUs + leastStallUs)
  const lengths = valuesUs.flatMap((valueUs, bin) => {
    const count = (upTo[bin] ?? 0) - (upTo[bin - 1] ?? 0)
    return valueUs > limitUs ? new Array<number>(count).fill(valueUs - medianUs) : []
  })
  return {
    perRequest: lengths.length / connections / samples,
    lengthsUs: Float64Array.from(lengths),
  }
}

/**
 * CPU of a connection less that of as many requests on connections that stay, at the fewest requests per
 * connection that were measured: there it is sharpest.
 */
function perConnection(
  { runId }: Run,
  cells: readonly PlacedCell[],
  policy: 'full' | 'resumed',
): Series | null {
  const counts = cells
    .filter((cell) => cell.policy === policy && cell.clients === undefined)
    .flatMap(({ requestsPerConnection }) => requestsPerConnection ?? [])
  if (counts.length === 0) return null
  const each = Math.min(...counts)
  const stay = costs(cells, { policy: 'keep-alive', requestsPerConnection: null })
  const values = [...costs(cells, { policy, requestsPerConnection: each })].flatMap(
    ([block, cost]): [number, number][] => {
      const kept = stay.get(block)
      return kept === undefined ? [] : [[block, Math.max(0, each * (cost - kept))]]
    },
  )
  return values.length === 0 ? null : { runId, values: new Map(values) }
}

/** Values at the middle of even steps of probability, less a delay, over their mean. */
function shapeOf(histogram: Histogram, delayUs: number): Float64Array {
  const { valuesUs, cumulative, samples } = tabulate([histogram])
  const [upTo = new Float64Array(0)] = cumulative
  const leastUs = Math.max(1, (histogram.mean - delayUs) * leastShare)
  let bin = 0
  const shape = Float64Array.from({ length: shapeSteps }, (_, step) => {
    const rank = ((step + 0.5) / shapeSteps) * samples
    while ((upTo[bin] ?? Infinity) < rank) bin++
    return Math.max(leastUs, (valuesUs[bin] ?? 0) - delayUs)
  })
  const mean = shape.reduce((sum, us) => sum + us, 0) / shapeSteps
  return shape.map((us) => us / mean)
}

const usPerSecond = 1e6
/** Never seen: a wrong reading of one block must not make a request free. */
const leastAwakeShare = 0.4
/** Below it batches of requests look like stalls. */
const leastStallUs = 2_000
/** A block has some hundred samples at one connection: more steps would repeat them. */
const shapeSteps = 512
/** Below it a latency less the mean delay would be none: the delay was shorter then. */
const leastShare = 0.2
