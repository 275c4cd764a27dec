import { ValueType, type HrTime } from '@opentelemetry/api'
import { resourceFromAttributes } from '@opentelemetry/resources'
import {
  AggregationTemporality,
  DataPointType,
  type DataPoint,
  type MetricData,
  type ResourceMetrics,
} from '@opentelemetry/sdk-metrics'
import { instruments, type Instrument, type InstrumentName } from './instruments.ts'
import type { Attributes } from './readings.ts'
import type { Buckets, Point } from './series.ts'

/** When series began, and when they were read; milliseconds since 1970. */
export interface Interval {
  readonly startMs: number
  readonly endMs: number
}

/**
 * Series as the SDK's exporters take them. Its own instruments record value by value and have no way to take
 * in a histogram that is there, as the bridge of another library has.
 */
export function resourceMetrics(
  series: ReadonlyMap<InstrumentName, readonly Point[]>,
  { resource, interval }: { readonly resource: Attributes; readonly interval: Interval },
): ResourceMetrics {
  return {
    resource: resourceFromAttributes({ 'service.name': 'trustbench', ...resource }),
    scopeMetrics: [
      {
        scope: { name: 'trustbench' },
        metrics: [...series].map(([name, points]) => metricOf(instruments[name], points, interval)),
      },
    ],
  }
}

/**
 * The same with units in the names, as the compatibility rules of OpenTelemetry and Prometheus ask and as
 * a Prometheus that gets OTLP does; the serialiser leaves that out.
 */
export function withUnitsInNames(metrics: ResourceMetrics): ResourceMetrics {
  return {
    ...metrics,
    scopeMetrics: metrics.scopeMetrics.map((scope) => ({
      ...scope,
      metrics: scope.metrics.map(withUnitInName),
    })),
  }
}

function withUnitInName(metric: MetricData): MetricData {
  const { name, unit } = metric.descriptor
  const word = unitWords.get(unit) ?? ''
  return {
    ...metric,
    descriptor: { ...metric.descriptor, name: word === '' ? name : `${name}_${word}`, unit: word },
  }
}

function metricOf(
  { kind, name, unit, description }: Instrument,
  points: readonly Point[],
  interval: Interval,
): MetricData {
  const common = {
    descriptor: { name, unit, description, valueType: ValueType.DOUBLE },
    aggregationTemporality: AggregationTemporality.CUMULATIVE,
  }
  switch (kind) {
    case 'counter':
      return {
        ...common,
        dataPointType: DataPointType.SUM,
        isMonotonic: true,
        dataPoints: points.flatMap(({ attributes, value }) =>
          typeof value === 'number' ? dataPoint(attributes, value, interval) : [],
        ),
      }
    case 'gauge':
      return {
        ...common,
        dataPointType: DataPointType.GAUGE,
        dataPoints: points.flatMap(({ attributes, value }) =>
          typeof value === 'number' ? dataPoint(attributes, value, interval) : [],
        ),
      }
    case 'histogram':
      return {
        ...common,
        dataPointType: DataPointType.HISTOGRAM,
        dataPoints: points.flatMap(({ attributes, value }) =>
          typeof value === 'number' ? [] : dataPoint(attributes, histogramOf(value), interval),
        ),
      }
  }
}

function dataPoint<T>(
  attributes: Attributes,
  value: T,
  { startMs, endMs }: Interval,
): DataPoint<T> {
  return { attributes, value, startTime: hrTime(startMs), endTime: hrTime(endMs) }
}

function histogramOf({ boundsSeconds, counts, count, sumSeconds }: Buckets) {
  return {
    buckets: { boundaries: [...boundsSeconds], counts: [...counts] },
    count,
    sum: sumSeconds,
  }
}

function hrTime(ms: number): HrTime {
  return [Math.floor(ms / 1_000), (ms % 1_000) * 1_000_000]
}

/** What is in braces is no unit, but says what is counted. */
const unitWords: ReadonlyMap<string, string> = new Map([
  ['s', 'seconds'],
  ['{request}/s', 'per_second'],
])
