import { decodeHistogram, percentileUs, type Histogram } from '../load/histogram.ts'
import type { ArmRecord, Run, Window } from '../results.ts'
import type { Draw } from './capacity-draw.ts'
import type { CaseFit, Series } from './capacity-fit.ts'
import { meanWarmthLost, warmthLost } from './capacity-load.ts'
import { tabulate } from './percentiles.ts'
import { measuredBlocks } from './reading.ts'

/** Requests of one case offered at one rate, as one run measured them. */
export interface OpenPoint {
  readonly ratePerSecond: number
  /** Server CPU in µs of a request. */
  readonly cpuUs: Series
  /** Median latency in µs from the intended send. */
  readonly p50Us: Series
  /** Share of requests that met a server standing still, and by how much in µs they were late, by block. */
  readonly stalled: ReadonlyMap<number, Stalled>
}

interface Stalled {
  readonly share: number
  readonly excessUs: Float64Array
}

/** What an idle process costs its next request more than a busy one, in µs of server CPU. */
export interface Waking {
  /** Of a process that has just fallen asleep. */
  readonly wakingUs: number
  /** More of one that has long been idle. */
  readonly coldUs: number
}

/** Times at which a server stands still whatever it is asked: so many a second, of such lengths in µs. */
export interface Pauses {
  readonly perSecond: number
  readonly lengthsUs: Float64Array
}

/**
 * Reads offered load that leaves a server idle for most of the time out of a run, by ascending rate; empty where
 * the run has none.
 */
export function fitOpen(run: Run, arm: ArmRecord): OpenPoint[] {
  const own = measuredBlocks(run.blocks).flatMap(({ index, windows = [] }) =>
    windows
      .filter((window) => window.arm === arm.id && isClean(window))
      .map((window) => ({ index, window })),
  )
  return [...Map.groupBy(own, ({ window }) => window.plan.ratePerSecond)]
    .filter(([, windows]) => new Set(windows.map(({ index }) => index)).size >= fewestBlocks)
    .filter(([, windows]) => windows.every(({ window }) => busyShare(window) <= busiest))
    .sort(([a], [b]) => a - b)
    .map(([ratePerSecond, windows]) => {
      const byBlock = <T>(read: (window: Window) => T) =>
        new Map(windows.map(({ index, window }) => [index, read(window)]))
      return {
        ratePerSecond,
        cpuUs: { runId: run.runId, values: byBlock(perAnswerUs) },
        p50Us: { runId: run.runId, values: byBlock(medianUs) },
        stalled: byBlock(stalledOf),
      }
    })
}

/**
 * What waking up costs, so that each rate costs what was seen of it. By a share of 1 − ρ of Poisson arrivals a
 * process is found idle, after 1/λ on average: D = a + (1 − ρ)(w + c·g), g the warmth lost by then. Requests
 * alone in a closed loop are one more such point, of idle times as short as their client's. Least squares.
 */
export function wakingOf(
  { awakeUs, asleepUs, delayUs }: Pick<CaseFit, 'awakeUs' | 'asleepUs' | 'delayUs'>,
  open: readonly OpenPoint[],
  draw: Draw,
): Waking {
  const awake = draw.value(awakeUs)
  const alone = Math.max(0, draw.value(asleepUs) - awake)
  if (open.length === 0) return { wakingUs: alone, coldUs: 0 }
  const points = [
    { lost: warmthLost(draw.value(delayUs)), more: alone },
    ...open.map(({ ratePerSecond, cpuUs }) => {
      const perUs = ratePerSecond / usPerSecond
      const cost = draw.value(cpuUs)
      const idle = Math.max(leastIdle, 1 - perUs * cost)
      return { lost: meanWarmthLost(1 / perUs), more: (cost - awake) / idle }
    }),
  ]
  const mean = (valueOf: (point: (typeof points)[number]) => number) =>
    points.reduce((sum, point) => sum + valueOf(point), 0) / points.length
  const [lost, more] = [mean((one) => one.lost), mean((one) => one.more)]
  const slope =
    (mean((one) => one.lost * one.more) - lost * more) / (mean((one) => one.lost ** 2) - lost ** 2)
  const coldUs = Math.max(0, Number.isFinite(slope) ? slope : 0)
  const wakingUs = more - coldUs * lost
  return wakingUs >= 0
    ? { wakingUs, coldUs }
    : { wakingUs: 0, coldUs: Math.max(0, more / Math.max(lost, leastIdle)) }
}

/**
 * Pauses, whatever the rate, of who was stalled at the lowest. Requests meet what is left of a pause: with s pauses
 * a second of length L, those that wait longer than x have the density s × P(L > x), which falls. Its estimate is
 * the slope of the least concave majorant of their distribution (Grenander 1956), and where that slope drops, there
 * are pauses of this length. Of points of which nobody was stalled there are none.
 */
export function pausesOf(open: readonly OpenPoint[], draw: Draw): Pauses {
  const [lightest] = open
  if (lightest === undefined) return noPauses
  const blocks = draw.blocks(lightest.cpuUs.runId, lightest.stalled)
  const excessUs = joined(blocks.map(({ excessUs }) => excessUs)).sort()
  if (excessUs.length === 0) return noPauses
  const share = blocks.reduce((sum, one) => sum + one.share, 0) / blocks.length
  const leastUs = leastPauseUs(draw.value(lightest.p50Us))
  const slopes = majorantSlopes(excessUs, leastUs / timeSteps)
  const first = slopes[0]?.perUs ?? 0
  const lengthsUs = slopes.flatMap(({ upToUs, perUs }, index) => {
    const drop = (perUs - (slopes[index + 1]?.perUs ?? 0)) / first
    return new Array<number>(Math.round(drop * lengthSteps)).fill(upToUs + leastUs)
  })
  return { perSecond: share * first * usPerSecond, lengthsUs: Float64Array.from(lengthsUs) }
}

/** Straight pieces of the least concave majorant of the distribution of ascending times: their ends and slopes. */
function majorantSlopes(
  timesUs: Float64Array,
  timeStepUs: number,
): { upToUs: number; perUs: number }[] {
  const hull: { atUs: number; share: number }[] = [{ atUs: 0, share: 0 }]
  const slope = (from: (typeof hull)[number], to: (typeof hull)[number]) =>
    (to.share - from.share) / (to.atUs - from.atUs)
  for (const [index, timeUs] of timesUs.entries()) {
    // In steps: the slope at 0 would be that of the one request that was least late.
    const point = {
      atUs: Math.ceil(timeUs / timeStepUs) * timeStepUs,
      share: (index + 1) / timesUs.length,
    }
    if (hull.at(-1)?.atUs === point.atUs) hull.pop()
    for (;;) {
      const [before, last] = hull.slice(-2)
      if (before === undefined || last === undefined) break
      if (slope(before, last) > slope(last, point)) break
      hull.pop()
    }
    hull.push(point)
  }
  return hull.slice(1).map((end, index) => ({
    upToUs: end.atUs,
    perUs: slope(hull[index] ?? end, end),
  }))
}

/** Waits beyond the median, in µs, from which on they are not for other requests where a server is idle mostly. */
export function leastPauseUs(medianUs: number): number {
  return Math.max(300, 6 * medianUs)
}

/** Connections that were opened meanwhile, with their handshakes, are another load than requests. */
function isClean({ cpuUs, answered, handshakesFull, handshakesResumed }: Window): boolean {
  const handshakes = (handshakesFull ?? 0) + (handshakesResumed ?? 0)
  return cpuUs !== null && answered > 0 && handshakes <= mostHandshakes
}

function stalledOf(window: Window): Stalled {
  const response = responseOf(window)
  const { valuesUs, cumulative, samples } = tabulate([response])
  const [upTo = new Float64Array(0)] = cumulative
  const medianUs = percentileUs(response, 50) ?? 0
  const limitUs = medianUs + leastPauseUs(medianUs)
  const excess = valuesUs.flatMap((valueUs, bin) => {
    const count = (upTo[bin] ?? 0) - (upTo[bin - 1] ?? 0)
    return valueUs > limitUs ? new Array<number>(count).fill(valueUs - limitUs) : []
  })
  return { share: excess.length / samples, excessUs: Float64Array.from(excess) }
}

function busyShare({ cpuUs, wallUs }: Window): number {
  return (cpuUs ?? 0) / wallUs
}

function perAnswerUs({ cpuUs, answered }: Window): number {
  return (cpuUs ?? 0) / answered
}

function medianUs(window: Window): number {
  return percentileUs(responseOf(window), 50) ?? 0
}

function responseOf({ histograms }: Window): Histogram {
  return decodeHistogram(histograms.response)
}

function joined(parts: readonly Float64Array[]): Float64Array {
  return Float64Array.from(parts.flatMap((part) => [...part]))
}

const usPerSecond = 1e6
const noPauses: Pauses = { perSecond: 0, lengthsUs: new Float64Array(0) }
/** Beyond it requests meet each other too often to tell what waking up costs. */
const busiest = 0.6
const leastIdle = 0.05
/** As of any run: below it the bootstrap has nothing to draw from. */
const fewestBlocks = 4
/** A window may open a connection or two in place of lost ones; a pool that grows is another load. */
const mostHandshakes = 4
/** In steps of this share of what counts as a pause. */
const timeSteps = 4
/** A length that is rarer than this among pauses is left out. */
const lengthSteps = 512
