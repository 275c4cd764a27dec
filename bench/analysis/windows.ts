import {
  decodeHistogram,
  mergeHistograms,
  percentileUs,
  type Histogram,
} from '../load/histogram.ts'
import { createRandom } from '../random.ts'
import type { Block, Window } from '../results.ts'
import { mapMetrics, type MetricName, type Metrics } from './metrics.ts'
import { mergedPercentile, tabulate } from './percentiles.ts'
import { signedRankInterval, type Estimate } from './stats.ts'

/** What the windows of one arm say. */
export interface WindowFigures {
  readonly arm: string
  readonly plan: Window['plan']
  readonly metrics: Metrics
  readonly windows: number
  readonly requests: number
  readonly answered: number
  readonly timeouts: number
  readonly errors: Readonly<Record<string, number>>
  /** Answered requests a second over requests offered a second. */
  readonly answeredShare: number
  /** p99 of the waits for a connection, in µs, and of the connection's own time. */
  readonly queueWaitP99Us: number | null
  readonly serviceP99Us: number | null
  readonly maxOutstanding: number
  /** CPU share of the client without what it spent looking at the clock, 0 to 1. */
  readonly clientBusyShare: number
  /** Of generators on other machines; null where there are none. */
  readonly seats: Window['seats'] | null
  /** Why these figures must not be taken for true; empty where they may be. */
  readonly invalid: readonly string[]
}

/** Figures of every arm that has windows, in the order of the run's arms. */
export function windowFigures(
  blocks: readonly Block[],
  arms: readonly string[],
  options: { readonly level: number; readonly seed: number },
): WindowFigures[] {
  const windows = blocks
    .filter(({ outcome }) => outcome === 'measured')
    .flatMap((block) => block.windows ?? [])
  return arms.flatMap((arm) => {
    // Those of a curve are at many rates: they have figures of their own.
    const own = windows.filter((window) => window.arm === arm && window.stage === undefined)
    return own.length === 0 ? [] : [figuresOfWindows(arm, own, options)]
  })
}

/** What a generator, or several of them, did with a schedule. */
export interface Offered extends Pick<
  Window,
  'scheduleUs' | 'sendingUs' | 'wallUs' | 'clientCpuUs' | 'spinUs' | 'generators' | 'seats'
> {
  readonly plan: Pick<Window['plan'], 'ratePerSecond'>
  readonly histograms: Pick<Window['histograms'], 'lateness' | 'response'>
}

/**
 * Why a window is no measurement of its server: the generator did not offer what it was to offer, or
 * had no time to look. A server that is slow, or full, makes none of these.
 */
export function invalidity(window: Offered): string[] {
  const { plan } = window
  const gapUs = usPerSecond / plan.ratePerSecond
  const achieved =
    (window.scheduleUs + gapUs) / (Math.max(window.scheduleUs, window.sendingUs) + gapUs)
  const lateness = decodeHistogram(window.histograms.lateness)
  const response = decodeHistogram(window.histograms.response)
  const busy = busyShare(window)
  return [
    achieved < leastAchieved
      ? `the generator sent ${percent(achieved)} of ${plan.ratePerSecond} requests/s: it was the limit`
      : null,
    ...[50, 99].map((percentile) => {
      const latenessUs = percentileUs(lateness, percentile) ?? 0
      const responseUs = percentileUs(response, percentile) ?? Infinity
      return latenessUs > latestShare * responseUs && latenessUs > latestUs
        ? `the generator was late by ${Math.round(latenessUs)} µs at p${percentile}, where the response is ${Math.round(responseUs)} µs`
        : null
    }),
    busy > busiest ? `the client's thread was busy ${percent(busy)} of the time` : null,
  ].filter((reason) => reason !== null)
}

/** Figures of windows of one arm at one rate, at least one. */
export function figuresOfWindows(
  arm: string,
  windows: readonly Window[],
  { level, seed }: { readonly level: number; readonly seed: number },
): WindowFigures {
  const [first] = windows
  if (first === undefined) throw new RangeError('figures of no window')
  const { plan } = first
  const sum = (valueOf: (window: Window) => number) =>
    windows.reduce((total, window) => total + valueOf(window), 0)
  const histograms = (kind: keyof Window['histograms']): Histogram[] =>
    windows.map((window) => decodeHistogram(window.histograms[kind]))
  const percentiles = (kind: keyof Window['histograms']) => {
    const table = tabulate(histograms(kind))
    return (percentile: number, minimumSamples: number): Estimate | null =>
      table.samples < minimumSamples
        ? null
        : mergedPercentile(table, percentile, { random: createRandom(seed), level })
  }
  const [response, lateness] = [percentiles('response'), percentiles('lateness')]
  const over = (valueOf: (window: Window) => number | null): Estimate | null => {
    const values = windows.map(valueOf)
    return values.some((value) => value === null)
      ? null
      : signedRankInterval(
          values.map((value) => value ?? 0),
          level,
        )
  }
  const measured: Partial<Record<MetricName, Estimate | null>> = {
    latencyP50Us: response(50, 1),
    latencyP90Us: response(90, 100),
    latencyP99Us: response(99, 1_000),
    latencyP999Us: response(99.9, 10_000),
    sendLatenessP50Us: lateness(50, 1),
    sendLatenessP99Us: lateness(99, 1_000),
    cpuUsPerRequest: over((window) => perAnswer(window.cpuUs, window)),
    issuerCpuUsPerRequest: over((window) => perAnswer(window.issuerCpuUs, window)),
    clientCpuUsPerRequest: over((window) => perAnswer(window.clientCpuUs - window.spinUs, window)),
    requestsPerSecond: over((window) => (window.answered / window.wallUs) * usPerSecond),
    bytesPerRequest: over((window) => perAnswer(window.bytesReceived, window)),
    handshakesFull: over((window) => window.handshakesFull),
    handshakesResumed: over((window) => window.handshakesResumed),
    rssBytes: over((window) => window.rssBytes),
  }
  const requests = sum((window) => window.requests)
  const answered = sum((window) => window.answered)
  const highest = (kind: keyof Window['histograms']) =>
    percentileUs(mergeHistograms(histograms(kind)), 99)
  return {
    arm,
    plan,
    metrics: mapMetrics((_, name) => measured[name] ?? null),
    windows: windows.length,
    requests,
    answered,
    timeouts: sum(({ timeouts }) => timeouts),
    errors: addUp(windows.map(({ errors }) => errors)),
    answeredShare: answered / requests,
    queueWaitP99Us: highest('queueWait'),
    serviceP99Us: highest('service'),
    maxOutstanding: Math.max(...windows.map(({ maxOutstanding }) => maxOutstanding)),
    clientBusyShare: Math.max(...windows.map(busyShare)),
    // They measure one window a run.
    seats: first.seats ?? null,
    invalid: [...new Set(windows.flatMap(invalidity))],
  }
}

/** Of several generators, that of the busiest: it is the one that falls behind first. */
function busyShare({ clientCpuUs, spinUs, wallUs, generators, seats }: Offered): number {
  const each = generators ?? seats?.each ?? [{ cpuUs: clientCpuUs, spinUs, wallUs }]
  return Math.max(...each.map((one) => Math.max(0, one.cpuUs - one.spinUs) / one.wallUs))
}

function perAnswer(value: number | null, { answered }: Window): number | null {
  return value === null || answered === 0 ? null : value / answered
}

function addUp(counts: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const sums: Record<string, number> = {}
  for (const [reason, count] of counts.flatMap((one) => Object.entries(one)))
    sums[reason] = (sums[reason] ?? 0) + count
  return sums
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`
}

const usPerSecond = 1e6
const leastAchieved = 0.99
/** A generator that is late by a tenth of what it measures measures itself. */
const latestShare = 0.1
/** Below this lateness is noise of the clock, whatever the server's speed. */
const latestUs = 50
const busiest = 0.9
