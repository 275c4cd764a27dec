import { performance } from 'node:perf_hooks'
import { clientUtilization, readClient } from '../sensors.ts'
import { decodeHistogram, encodeHistogram, mergeHistograms, type Histogram } from './histogram.ts'
import { runOpenLoop, type OpenReading } from './open.ts'
import { createStripe, type OpenPlan } from './schedule.ts'
import type { Endpoint } from './target.ts'

/** One generator's part of a window: every `of`-th request of the schedule that all of them share. */
export interface StripeTask {
  readonly plan: OpenPlan
  readonly index: number
  readonly of: number
  /** Of the whole window: each generator has its share of them. */
  readonly connections: number
  readonly maxConnections: number
  readonly timeoutMs: number
}

/** What one generator saw and used, as data that can be sent: histograms in their compressed encoding. */
export interface StripeReading extends Omit<OpenReading, HistogramKind> {
  readonly histograms: Readonly<Record<HistogramKind, string>>
  /** Requests of the whole schedule, as this generator made it: the same for all. */
  readonly scheduled: number
  readonly cpuUs: number
  /** Null where the platform does not tell. */
  readonly runQueueUs: number | null
  readonly eventLoopUtilization: number
}

/** What several generators saw, as one would have seen it; and what each of them used. */
export interface MergedReading extends OpenReading {
  readonly generators: readonly Pick<
    StripeReading,
    'requests' | 'wallUs' | 'cpuUs' | 'spinUs' | 'runQueueUs' | 'eventLoopUtilization'
  >[]
}

/**
 * Runs one stripe. `startsAtMs` is awaited when the connections are open and gives the instant, on this
 * process's `performance.now()`, at which the schedule of all begins: the barrier.
 */
export async function runStripe(
  targets: Endpoint | readonly Endpoint[],
  { plan, index, of, connections, maxConnections, timeoutMs }: StripeTask,
  startsAtMs: () => Promise<number>,
  signal?: AbortSignal,
): Promise<StripeReading> {
  let before = readClient()
  const { timesMs, scheduled } = createStripe(plan, index, of)
  const reading = await runOpenLoop(targets, {
    ...(signal === undefined ? {} : { signal }),
    schedule: timesMs,
    connections: shareOf(connections, index, of),
    maxConnections: shareOf(maxConnections, index, of),
    timeoutMs,
    async startsAtMs() {
      const startMs = await startsAtMs()
      before = readClient()
      return startMs
    },
  })
  const after = readClient()
  const { lateness, queueWait, service, response, ...counts } = reading
  return {
    ...counts,
    scheduled,
    histograms: {
      lateness: encodeHistogram(lateness),
      queueWait: encodeHistogram(queueWait),
      service: encodeHistogram(service),
      response: encodeHistogram(response),
    },
    cpuUs: after.cpuUs - before.cpuUs,
    runQueueUs:
      after.runQueueUs === null || before.runQueueUs === null
        ? null
        : after.runQueueUs - before.runQueueUs,
    eventLoopUtilization: clientUtilization(before, after),
  }
}

/**
 * What all stripes of one schedule come to, without loss: histograms and counts are those of one process
 * that saw all samples. Only `maxOutstanding` is an upper bound, since the maxima need not have met.
 */
export function mergeStripes(stripes: readonly StripeReading[]): MergedReading {
  const sum = (valueOf: (stripe: StripeReading) => number) =>
    stripes.reduce((total, stripe) => total + valueOf(stripe), 0)
  const longest = (valueOf: (stripe: StripeReading) => number) => Math.max(...stripes.map(valueOf))
  const merged = (kind: HistogramKind): Histogram =>
    // One at a time: a thousand decoded ones would fill the memory.
    mergeHistograms(stripes.values().map(({ histograms }) => decodeHistogram(histograms[kind])))
  const errors: Record<string, number> = {}
  for (const [why, count] of stripes.flatMap((stripe) => Object.entries(stripe.errors)))
    errors[why] = (errors[why] ?? 0) + count
  return {
    requests: sum(({ requests }) => requests),
    answered: sum(({ answered }) => answered),
    timeouts: sum(({ timeouts }) => timeouts),
    errors,
    bytesReceived: sum(({ bytesReceived }) => bytesReceived),
    connectionsOpened: sum(({ connectionsOpened }) => connectionsOpened),
    maxOutstanding: sum(({ maxOutstanding }) => maxOutstanding),
    spinUs: sum(({ spinUs }) => spinUs),
    // All began at the same instant.
    wallUs: longest(({ wallUs }) => wallUs),
    scheduleUs: longest(({ scheduleUs }) => scheduleUs),
    sendingUs: longest(({ sendingUs }) => sendingUs),
    lateness: merged('lateness'),
    queueWait: merged('queueWait'),
    service: merged('service'),
    response: merged('response'),
    generators: stripes.map(
      ({ requests, wallUs, cpuUs, spinUs, runQueueUs, eventLoopUtilization }) => ({
        requests,
        wallUs,
        cpuUs,
        spinUs,
        runQueueUs,
        eventLoopUtilization,
      }),
    ),
  }
}

/** Share of a whole number: those of 0 to `of` − 1 add up to it. */
export function shareOf(total: number, index: number, of: number): number {
  return Math.floor(total / of) + (index < total % of ? 1 : 0)
}

/** An instant of the monotonic clock that all processes of a machine share, on this process's `performance.now()`. */
export function localMs(instantNs: bigint): number {
  return performance.now() + Number(instantNs - process.hrtime.bigint()) / nsPerMs
}

/** The other way round: an instant of this process's `performance.now()` on the clock that all share. */
export function sharedNs(atMs: number): bigint {
  return process.hrtime.bigint() + BigInt(Math.round((atMs - performance.now()) * nsPerMs))
}

type HistogramKind = 'lateness' | 'queueWait' | 'service' | 'response'
const nsPerMs = 1e6
