import type { Slice } from '../results.ts'
import type { Estimate } from './stats.ts'

/** Every metric, by the name that it has in files and in `--json`. */
export type MetricName =
  | 'cpuUsPerRequest'
  | 'latencyP50Us'
  | 'latencyP90Us'
  | 'latencyP99Us'
  | 'latencyP999Us'
  | 'issuerCpuUsPerRequest'
  | 'clientCpuUsPerRequest'
  | 'requestsPerCoreSecond'
  | 'requestsPerSecond'
  | 'rssBytes'
  | 'bytesPerRequest'
  | 'handshakesFull'
  | 'handshakesResumed'
  | 'resumedShare'
  | 'cpuUsPerHandshake'
  | 'handshakesPerCoreSecond'
  | 'sendLatenessP50Us'
  | 'sendLatenessP99Us'

/** How a metric is read from what was measured. */
export type MetricSource =
  /** One value a block from its slices; the blocks are then estimated over. */
  | {
      readonly kind: 'slices'
      readonly load: Slice['load']
      readonly perBlock: (slices: readonly Slice[]) => number | null
    }
  /** A percentile of each block's own histogram. */
  | { readonly kind: 'block-percentile'; readonly percentile: number }
  /** A percentile of the histogram merged over blocks; null below so many samples. */
  | {
      readonly kind: 'merged-percentile'
      readonly percentile: number
      readonly minimumSamples: number
    }
  /** A monotone function of another metric. */
  | {
      readonly kind: 'derived'
      readonly from: MetricName
      readonly monotone: (value: number) => number
    }
  /** This procedure does not measure it. */
  | { readonly kind: 'unmeasured' }

/** One row of the table of metrics. */
export interface Metric {
  /** For people, without the unit. */
  readonly label: string
  readonly unit: 'µs' | '1/s' | 'B' | 'count' | 'share'
  /** Null where neither is. */
  readonly better: 'lower' | 'higher' | null
  /** Smallest relative difference that a verdict may rest on, whatever `--effect` says; null where there are no verdicts. */
  readonly noiseFloor: number | null
  /** What verdicts rest on: the value of one slice, to be paired, if it is known. Null: the metric gates nothing. */
  readonly perSlice: ((slice: Slice) => number | null) | null
  readonly source: MetricSource
}

/** Figures of one arm; null is unknown, or not measured by this load. */
export type Metrics = Readonly<Record<MetricName, Estimate | null>>

/** DESIGN section 5: the metric that comparisons are about, and that precision is told in. */
export const PRIMARY_METRIC: MetricName = 'cpuUsPerRequest'

/** A value for every metric. */
export function mapMetrics<T>(
  valueOf: (metric: Metric, name: MetricName) => T,
): Record<MetricName, T> {
  const entries = metricNames.map((name) => [name, valueOf(metrics[name], name)] as const)
  return Object.fromEntries(entries) as Record<MetricName, T>
}

function ratio(over: (slice: Slice) => number | null, under: (slice: Slice) => number) {
  return (slices: readonly Slice[]): number | null => {
    const numerator = total(slices, over)
    const denominator = total(slices, under)
    return numerator === null || denominator === null || denominator === 0
      ? null
      : numerator / denominator
  }
}

/** The sum; null where one is unknown: a sum of the others would pass for all. */
function total(slices: readonly Slice[], valueOf: (slice: Slice) => number | null): number | null {
  let sum = 0
  for (const slice of slices) {
    const value = valueOf(slice)
    if (value === null) return null
    sum += value
  }
  return slices.length === 0 ? null : sum
}

const handshakes = ({ handshakesFull, handshakesResumed }: Slice) =>
  handshakesFull + handshakesResumed
const requests = (slice: Slice) => slice.requests

/**
 * Blocks of 0.5 % sd, the quietest seen (DESIGN section 5), give 40 of them a half-width of 0.2 %;
 * what code layout alone does to identical sources is not known to be smaller than this.
 */
const PAIRED_NOISE_FLOOR = 0.005

/**
 * The one table of metrics. Costs are totals over the slices of a block, collections of garbage and
 * all, since that is what a gateway pays; memory is the most that was seen.
 */
export const metrics: Readonly<Record<MetricName, Metric>> = {
  cpuUsPerRequest: {
    label: 'CPU per request',
    unit: 'µs',
    better: 'lower',
    noiseFloor: PAIRED_NOISE_FLOOR,
    perSlice: ({ cpuUs, requests: count }) => (cpuUs === null ? null : cpuUs / count),
    source: { kind: 'slices', load: 'duet', perBlock: ratio(({ cpuUs }) => cpuUs, requests) },
  },
  latencyP50Us: {
    label: 'p50 latency',
    unit: 'µs',
    better: 'lower',
    noiseFloor: PAIRED_NOISE_FLOOR,
    perSlice: (slice) => slice.latencyP50Us,
    source: { kind: 'block-percentile', percentile: 50 },
  },
  latencyP90Us: latency('p90 latency', 90, 100),
  latencyP99Us: latency('p99 latency', 99, 1_000),
  latencyP999Us: latency('p99.9 latency', 99.9, 10_000),
  issuerCpuUsPerRequest: ungated('authorization server CPU per request', 'µs', 'lower', {
    kind: 'slices',
    load: 'duet',
    perBlock: ratio(({ issuerCpuUs }) => issuerCpuUs, requests),
  }),
  clientCpuUsPerRequest: ungated('client CPU per request', 'µs', 'lower', {
    kind: 'slices',
    load: 'duet',
    perBlock: ratio(({ clientCpuUs }) => clientCpuUs, requests),
  }),
  requestsPerCoreSecond: ungated('requests per core-second', '1/s', 'higher', {
    kind: 'derived',
    from: 'cpuUsPerRequest',
    monotone: (cpuUs) => 1_000_000 / cpuUs,
  }),
  requestsPerSecond: ungated('requests observed', '1/s', 'higher', {
    kind: 'slices',
    load: 'saturation',
    perBlock: ratio(
      (slice) => slice.requests * 1_000_000,
      ({ wallUs }) => wallUs,
    ),
  }),
  rssBytes: ungated('resident memory', 'B', 'lower', {
    kind: 'slices',
    load: 'duet',
    perBlock: (slices) => {
      const known = slices.flatMap(({ rssBytes }) => rssBytes ?? [])
      return known.length === 0 ? null : Math.max(...known)
    },
  }),
  bytesPerRequest: ungated('bytes received per request', 'B', null, {
    kind: 'slices',
    load: 'duet',
    perBlock: ratio(({ bytesReceived }) => bytesReceived, requests),
  }),
  handshakesFull: ungated('full handshakes per block', 'count', null, {
    kind: 'slices',
    load: 'duet',
    perBlock: (slices) => total(slices, ({ handshakesFull }) => handshakesFull),
  }),
  handshakesResumed: ungated('resumed handshakes per block', 'count', null, {
    kind: 'slices',
    load: 'duet',
    perBlock: (slices) => total(slices, ({ handshakesResumed }) => handshakesResumed),
  }),
  resumedShare: ungated('share of handshakes resumed', 'share', null, {
    kind: 'slices',
    load: 'duet',
    perBlock: ratio(({ handshakesResumed }) => handshakesResumed, handshakes),
  }),
  cpuUsPerHandshake: ungated('CPU per handshake', 'µs', 'lower', { kind: 'unmeasured' }),
  handshakesPerCoreSecond: ungated('handshakes per core-second', '1/s', 'higher', {
    kind: 'unmeasured',
  }),
  sendLatenessP50Us: ungated('p50 lateness of sending', 'µs', 'lower', { kind: 'unmeasured' }),
  sendLatenessP99Us: ungated('p99 lateness of sending', 'µs', 'lower', { kind: 'unmeasured' }),
}

/** Names in the order of the table. */
export const metricNames = Object.keys(metrics) as MetricName[]

/** Names of the metrics that verdicts are given on. */
export const gatedMetrics = metricNames.filter((name) => metrics[name].perSlice !== null)

function ungated(
  label: string,
  unit: Metric['unit'],
  better: Metric['better'],
  source: MetricSource,
): Metric {
  return { label, unit, better, noiseFloor: null, perSlice: null, source }
}

function latency(label: string, percentile: number, minimumSamples: number): Metric {
  const source = { kind: 'merged-percentile', percentile, minimumSamples } as const
  return ungated(label, 'µs', 'lower', source)
}
