import { decodeHistogram, mergeHistograms, percentileUs } from '../load/histogram.ts'
import type { Window } from '../results.ts'
import type { ValidationCell, ValidationErrors, ValidationPrediction } from '../validations.ts'
import { createRandom, type Random } from '../random.ts'
import { bootstrapSamples, fewestBlocks, wholeSample, type Draw } from './capacity-draw.ts'
import { modelOfOne } from './capacity-cells.ts'
import type { Fit } from './capacity-gather.ts'
import { ratioInterval } from './capacity-intervals.ts'
import { rateAt, utilisation, utilisationsOnOneCore } from './capacity-load.ts'
import { latencyAt, type Model, type Simulation } from './capacity-model.ts'
import { variance } from './stats.ts'
import { invalidity } from './windows.ts'

/** What was measured of one cell: by block, a window of each of its cases. */
export type Observations = ReadonlyMap<string, readonly (readonly Window[])[]>

/** Predictions of every cell, each with what was observed and whether it is judged. */
export function judge(
  cells: readonly ValidationCell[],
  observations: Observations,
  fit: Fit,
  { seed, samples = 200 }: { readonly seed: number; readonly samples?: number },
): ValidationPrediction[] {
  const draws = bootstrapSamples(fit, samples, seed)
  const random = createRandom(seed)
  return cells.flatMap((cell) => {
    const windows = observations.get(cell.name) ?? []
    const excluded = exclusionOf(cell, windows)
    const modelsOf = (draw: Draw) =>
      cell.loads.map(({ case: id }) => modelOfOne(fit, id.split('/')[0] ?? '', draw))
    const whole = modelsOf(wholeSample)
    const drawn = draws.map(modelsOf)
    return metricsOf(cell).map((metric): ValidationPrediction => {
      const read = (models: readonly Model[], simulation: Simulation) =>
        predict(cell, metric, { models, simulation })
      const observed = windows.map((each) => observe(metric, each)).filter((one) => one !== null)
      const noise = noiseOf(observed)
      const quick = { requests: quickRequests, seed }
      const predicted = read(whole, { requests: carefulRequests, seed })
      const { low, high } = ratioInterval(predicted, {
        samples: drawn.map((models) => read(models, quick) * Math.exp(noise * normal(random))),
        centre: read(whole, quick),
        level,
        blocks: fewestBlocks(fit),
      })
      return {
        cell: cell.name,
        metric,
        predicted,
        low: low ?? predicted,
        high: high ?? predicted,
        observed: observed.length === 0 ? null : meanOf(observed),
        excluded: observed.length === 0 ? 'nothing was measured' : excluded,
      }
    })
  })
}

/** How far CPU was from what was predicted of another session, as sd of its ln; null of too few predictions. */
export function errorSd(predictions: readonly ValidationPrediction[]): number | null {
  const errors = predictions.flatMap(({ metric, predicted, observed, excluded }) =>
    observed === null || excluded !== null || metric.startsWith('latency')
      ? []
      : [Math.log(predicted / observed) ** 2],
  )
  return errors.length < fewestErrors ? null : Math.sqrt(meanOf(errors))
}

/** Errors over all predictions that are judged, as shares of what was observed. */
export function errorsOf(predictions: readonly ValidationPrediction[]): ValidationErrors {
  const judged = predictions.flatMap(({ excluded, observed, ...rest }) =>
    excluded !== null || observed === null ? [] : [{ ...rest, observed }],
  )
  const of = (metric: ValidationPrediction['metric']) =>
    judged
      .filter((one) => one.metric === metric)
      .map(({ predicted, observed }) => Math.abs(predicted / observed - 1))
  const worst = (errors: readonly number[]) => (errors.length === 0 ? null : Math.max(...errors))
  const cpu = of('cpuShare')
  const within = judged.filter(({ low, high, observed }) => low <= observed && observed <= high)
  return {
    cpuMean: cpu.length === 0 ? null : meanOf(cpu),
    cpuWorst: worst(cpu),
    saturationWorst: worst(of('saturationPerSecond')),
    p50Worst: worst(of('latencyP50Us')),
    p99Worst: worst(of('latencyP99Us')),
    coverage: judged.length === 0 ? null : within.length / judged.length,
    predictions: judged.length,
  }
}

function metricsOf({ kind }: ValidationCell): ValidationPrediction['metric'][] {
  switch (kind) {
    case 'rate':
      return ['cpuShare', 'latencyP50Us', 'latencyP99Us']
    case 'saturation':
      return ['saturationPerSecond']
    case 'mix':
      return ['cpuShare']
  }
}

function predict(
  { loads }: ValidationCell,
  metric: ValidationPrediction['metric'],
  { models, simulation }: { readonly models: readonly Model[]; readonly simulation: Simulation },
): number {
  const [model] = models
  const rate = loads[0]?.ratePerSecond ?? 0
  if (model === undefined) return Number.NaN
  switch (metric) {
    case 'cpuShare': {
      const shared = models.map(({ load }, index) => ({
        load,
        ratePerSecond: loads[index]?.ratePerSecond ?? 0,
      }))
      return shared.length === 1
        ? utilisation(model.load, rate)
        : utilisationsOnOneCore(shared).reduce((sum, one) => sum + one, 0)
    }
    case 'saturationPerSecond':
      return rateAt(model.load, 1)
    case 'latencyP50Us':
    case 'latencyP99Us': {
      const at = latencyAt(model, rate, { processes: 1, timeoutUs: Infinity, simulation })
      return metric === 'latencyP50Us' ? at.p50Us : at.p99Us
    }
  }
}

/** What windows that were measured at the same time say; null where they cannot. */
function observe(
  metric: ValidationPrediction['metric'],
  windows: readonly Window[],
): number | null {
  const [first] = windows
  if (first === undefined) return null
  switch (metric) {
    case 'cpuShare': {
      // Answers over the time in which they were offered: windows of a mix begin and end a moment apart.
      const shares = windows.map(({ cpuUs, answered, plan }) =>
        cpuUs === null || answered === 0
          ? null
          : (cpuUs / answered) * (plan.ratePerSecond / usPerSecond),
      )
      return shares.includes(null) ? null : shares.reduce<number>((sum, one) => sum + (one ?? 0), 0)
    }
    case 'saturationPerSecond':
      return (first.answered / first.wallUs) * usPerSecond
    case 'latencyP50Us':
    case 'latencyP99Us': {
      const response = mergeHistograms([decodeHistogram(first.histograms.response)])
      return percentileUs(response, metric === 'latencyP50Us' ? 50 : 99)
    }
  }
}

/** Why a cell is not held against the model: its figures are the generator's, or those of too few samples. */
function exclusionOf(
  { kind }: ValidationCell,
  windows: readonly (readonly Window[])[],
): string | null {
  const faulty = windows
    .map((each) => [
      ...each.flatMap(foreignOf),
      // Beyond capacity lateness is of the schedule, not of the server: only what was answered counts.
      ...(kind === 'saturation' ? [] : each.flatMap(invalidity)),
    ])
    .filter((faults) => faults.length > 0)
  return faulty.length * 2 > windows.length ? (faulty[0]?.[0] ?? null) : null
}

/** A server that shares its core with strangers is not the one that was predicted. */
function foreignOf({ foreignCpuUs, wallUs }: Window): string[] {
  const share = (foreignCpuUs ?? 0) / wallUs
  return share > mostForeign
    ? [`other programs used ${Math.round(share * 100)} % of a core meanwhile`]
    : []
}

/** Standard error of the mean of what was observed, as a share. */
function noiseOf(observed: readonly number[]): number {
  const spread = variance(observed.map(Math.log))
  return spread === null ? 0 : Math.sqrt(spread / observed.length)
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
}

const level = 0.9
const usPerSecond = 1e6
const quickRequests = 8_000
const carefulRequests = 100_000
/** On a quiet machine it reads within 5 %, from ticks of 10 ms. */
const mostForeign = 0.15
/** Fewer say little of a spread: that of 8 is known to a quarter. */
const fewestErrors = 8
