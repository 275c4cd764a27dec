import { createRandom } from '../random.ts'
import type { Slice } from '../results.ts'
import { mapMetrics, metrics, type Metric, type MetricName, type Metrics } from './metrics.ts'
import { mergedPercentile, tabulate } from './percentiles.ts'
import { blockValues, type Reading } from './reading.ts'
import { mapEstimate, signedRankInterval, type Estimate } from './stats.ts'

/** Figures of one arm at one number of connections. */
export interface Figures {
  readonly connections: number
  readonly metrics: Metrics
  /** Whether the client was the limit where requestsPerSecond was observed; null where it was not. */
  readonly clientLimited: boolean | null
  /** The same of the slices that the latencies are from. */
  readonly latencyClientLimited: boolean | null
  /** Blocks that the costs rest on. */
  readonly blocks: number
  /** Samples in the latency percentiles. */
  readonly samples: number
}

/** Estimates every metric of an arm; what this load does not measure, or too little of, is null. */
export function figuresOf(
  reading: Reading,
  { level, seed }: { readonly level: number; readonly seed: number },
): Figures {
  const latencies = tabulate([...reading.histograms().values()])
  const estimate = (name: MetricName, { source }: Metric): Estimate | null => {
    switch (source.kind) {
      case 'slices':
      case 'block-percentile':
        return signedRankInterval([...blockValues(reading, name).values()], level)
      case 'merged-percentile':
        // The same seed for every arm and percentile: equal histograms get equal intervals.
        return latencies.samples < source.minimumSamples
          ? null
          : mergedPercentile(latencies, source.percentile, { random: createRandom(seed), level })
      case 'derived': {
        const from = estimate(source.from, metrics[source.from])
        return from === null ? null : mapEstimate(from, source.monotone)
      }
      case 'unmeasured':
        return null
    }
  }
  return {
    connections: reading.connections,
    metrics: mapMetrics((metric, name) => estimate(name, metric)),
    clientLimited: isClientLimited([...reading.saturation.values()].flat()),
    latencyClientLimited: isClientLimited([...reading.duet.values()].flat()),
    blocks: reading.duet.size,
    samples: latencies.samples,
  }
}

/**
 * Whether the client was what kept requests from coming faster: it was busy, by its CPU time or by
 * its event loop, and the server was not. Where both were busy the server's limit is within 10 % of
 * what was seen, so the figure is the server's. Null without slices.
 */
export function isClientLimited(slices: readonly Slice[]): boolean | null {
  const sum = (valueOf: (slice: Slice) => number) =>
    slices.reduce((total, slice) => total + valueOf(slice), 0)
  const wallUs = sum((slice) => slice.wallUs)
  if (wallUs === 0) return null
  const clientShare = sum(({ clientCpuUs }) => clientCpuUs) / wallUs
  // Where the server's is unknown, a busy client is taken for the limit: nothing says that it was not.
  const serverShare = sum(({ cpuUs }) => cpuUs ?? 0) / wallUs
  const clientLoop = sum((slice) => slice.clientEventLoopUtilization * slice.wallUs) / wallUs
  return (clientShare >= BUSY_CPU || clientLoop >= BUSY_LOOP) && serverShare < BUSY_CPU
}

/** A thread that has a core nine tenths of the time has little left to give; the rest is waking up. */
const BUSY_CPU = 0.9
/** An event loop also counts the time in which it was ready and had no core, so it must be fuller. */
const BUSY_LOOP = 0.95
