import { decodeHistogram, mergeHistograms, percentileUs } from '../load/histogram.ts'
import type { Window } from '../results.ts'
import type { ValidationCell, ValidationErrors, ValidationPrediction } from '../validations.ts'
import { createRandom, type Random } from '../random.ts'
import { bootstrapSamples, wholeSample, type Draw } from './capacity-draw.ts'
import type { Fit, MechanismFit } from './capacity-gather.ts'
import { ratioInterval } from './capacity-intervals.ts'
import { rateAt, utilisation, utilisationsOnOneCore, type ProcessLoad } from './capacity-load.ts'
import { latencyAt, modelOf, type Model, type Simulation } from './capacity-model.ts'
import { measuredBlocks } from './reading.ts'
import { variance } from './stats.ts'
import { invalidity } from './windows.ts'
import type { Demand } from '../demand.ts'

/** What was measured of one cell: by block, a window of each of its cases. */
export type Observations = ReadonlyMap<string, readonly (readonly Window[])[]>

/**
 * Loads that no run in closed loops has seen: each case in open loops at shares of its capacity, each beyond it,
 * and mixes of cases on one core.
 */
export function validationCells(
  fit: Fit,
  {
    idOf,
    mixesShareACore,
  }: {
    /** Id of the arm of a scenario. */
    readonly idOf: (scenario: string) => string
    readonly mixesShareACore: boolean
  },
): ValidationCell[] {
  const loads = new Map(
    fit.mechanisms.map(({ mechanism: { scenario } }) => [
      scenario,
      { id: idOf(scenario), load: modelOfOne(fit, scenario, wholeSample).load },
    ]),
  )
  const rates = [...loads].flatMap(([name, { id, load }]) =>
    shares.map((share): ValidationCell => ({
      name: `${name} at ${Math.round(share * 100)} %`,
      kind: 'rate',
      loads: [{ case: id, ratePerSecond: rounded(rateAt(load, share)) }],
      utilisation: share,
    })),
  )
  const saturations = [...loads]
    .filter(([, { load }]) => rateAt(load, 1) <= mostOfGenerator)
    .map(([name, { id, load }]): ValidationCell => ({
      name: `${name} beyond capacity`,
      kind: 'saturation',
      loads: [{ case: id, ratePerSecond: rounded(rateAt(load, 1) * beyond) }],
      utilisation: beyond,
    }))
  return [...rates, ...saturations, ...(mixesShareACore ? mixCells(loads) : [])]
}

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

/** Rates of mixes: each case gets its part of the utilisation, and all together so much. */
function mixCells(
  loads: ReadonlyMap<string, { readonly id: string; readonly load: ProcessLoad }>,
): ValidationCell[] {
  return mixes
    .filter((parts) => parts.every(([name]) => loads.has(name)))
    .flatMap((parts) =>
      mixShares.map((share): ValidationCell => {
        const shared = parts.map(([name, part]) => {
          const { id, load } = loads.get(name) ?? { id: '', load: { awakeUs: 1, wakingUs: 0 } }
          return { id, load, ratePerSecond: rateAt(load, share * part) }
        })
        // What one process alone would use is less than it uses beside others: found by bisection.
        const factor = factorFor(shared, share)
        return {
          name: `${parts.map(([name]) => name).join(' + ')} at ${Math.round(share * 100)} %`,
          kind: 'mix',
          loads: shared.map(({ id, ratePerSecond }) => ({
            case: id,
            ratePerSecond: rounded(ratePerSecond * factor),
          })),
          utilisation: share,
        }
      }),
    )
}

function factorFor(
  shared: readonly { readonly load: ProcessLoad; readonly ratePerSecond: number }[],
  share: number,
): number {
  let [low, high] = [0.1, 2]
  for (let step = 0; step < 40; step++) {
    const middle = (low + high) / 2
    const scaled = shared.map((one) => ({ ...one, ratePerSecond: one.ratePerSecond * middle }))
    const used = utilisationsOnOneCore(scaled).reduce((sum, one) => sum + one, 0)
    if (used < share) low = middle
    else high = middle
  }
  return low
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
  // Beyond capacity lateness is of the schedule, not of the server: only what was sent counts.
  const faults = windows.flatMap((each) => each.flatMap(invalidity))
  const counted = kind === 'saturation' ? [] : faults
  return counted.length * 2 > windows.length ? (counted[0] ?? null) : null
}

/** The model of requests of one case alone. */
function modelOfOne(fit: Fit, scenario: string, draw: Draw): Model {
  const own = fit.mechanisms.filter(({ mechanism }) => mechanism.scenario === scenario)
  return modelOf(lone, { ...fit, mechanisms: own.map(whole) }, draw)
}

function whole(one: MechanismFit): MechanismFit {
  return { ...one, mechanism: { ...one.mechanism, share: 1 } }
}

function fewestBlocks({ runs }: Fit): number {
  return Math.min(...[...runs.values()].map((run) => measuredBlocks(run.blocks).length))
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

/** Three digits: what people would ask for. */
function rounded(ratePerSecond: number): number {
  return Number(ratePerSecond.toPrecision(3))
}

/** A demand that asks for nothing but requests. */
const lone: Demand = {
  mechanisms: [],
  ratePerSecond: 1,
  meanRatePerSecond: null,
  burst: 1,
  requestsPerConnection: null,
  resumedShare: 0,
  connections: null,
  clients: null,
  tokenLifetimeUs: null,
  hitRatio: null,
  issuerLatencyUs: 0,
  sloP99Us: null,
  sloErrorShare: null,
  timeoutUs: Infinity,
  headroomShare: 0,
  spareInstances: 0,
  coresPerInstance: 1,
  memoryPerInstanceBytes: null,
  connectionsPerInstance: null,
  instances: null,
  issuerCores: null,
  pricePerInstanceHour: null,
  scaling: null,
  cpuFactor: null,
  balancing: 'connection',
}

const level = 0.9
const usPerSecond = 1e6
const shares = [0.3, 0.5, 0.7] as const
const mixShares = [0.4, 0.7] as const
/** Offered rate over the capacity that was predicted: the server is busy until its last answer. */
const beyond = 1.15
/** What one generator offers in time; beyond it its own limit would be measured. */
const mostOfGenerator = 12_000
const quickRequests = 8_000
const carefulRequests = 100_000
/** Parts of utilisation of the cases that are together on one core. */
const mixes: readonly (readonly (readonly [scenario: string, part: number])[])[] = [
  [
    ['jwt', 0.5],
    ['mtls', 0.5],
  ],
  [
    ['combined', 0.7],
    ['tls', 0.3],
  ],
  [
    ['jwt', 0.4],
    ['mtls', 0.3],
    ['tls', 0.3],
  ],
]
