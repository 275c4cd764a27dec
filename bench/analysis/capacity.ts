import type { Demand } from '../demand.ts'
import { BenchError } from '../errors.ts'
import { bootstrapSamples, fewestBlocks, wholeSample } from './capacity-draw.ts'
import type { Fit } from './capacity-gather.ts'
import { countInterval, ratioInterval } from './capacity-intervals.ts'
import {
  assertWithinRange,
  bindingLimit,
  connectionsOf,
  highestRate,
  instancesFor,
  issuerLoad,
  limitsOf,
  type Limit,
} from './capacity-limits.ts'
import { modelOf, type Model } from './capacity-model.ts'
import { outcomeOf, type Outcome, type OutcomeName } from './capacity-outcome.ts'
import { assumptionsOf } from './capacity-assumptions.ts'
import { sensitivityOf } from './capacity-sensitivity.ts'
import type { Sizing } from './sizing-schema.ts'
import type { Estimate } from './stats.ts'

/** How a size is found. */
export interface SizingOptions {
  /** Level of its intervals, as 0.9. */
  readonly level: number
  readonly seed: number
  /** Bootstrap samples, and requests of the simulations in each; default: enough for two digits. */
  readonly samples?: number
  readonly sampleRequests?: number
  /** Requests of the simulations that figures are from. */
  readonly requests?: number
  /** What the newest validation on this machine said. */
  readonly validation?: Sizing['validation']
}

/**
 * The size of a gateway: the smallest fleet that meets every limit, and what it does. Service demands are
 * measured, utilisation and latency follow (`capacity-load.ts`, `capacity-queue.ts`); blocks of the measured
 * runs are drawn anew through all of it for intervals. Throws usage errors for what must not be answered.
 */
export function sizeOf(demand: Demand, fit: Fit, options: SizingOptions): Sizing {
  assertScaling(demand, fit)
  const { seed, level, samples = 200, sampleRequests = 8_000, requests = 100_000 } = options
  const model = modelOf(demand, fit, wholeSample)
  assertWithinRange(model, demand)
  const careful = { requests, seed }
  const limits = limitsOf(model, demand, careful)
  const fleet = demand.instances ?? instancesFor(limits)
  const outcome = outcomeOf(model, demand, { fleet, simulation: careful })
  const quick = { fleet, simulation: { requests: sampleRequests, seed } }
  const centre = outcomeOf(model, demand, quick)
  const drawn = bootstrapSamples(fit, samples, seed).flatMap((draw) =>
    unlessUnattainable(() => outcomeOf(modelOf(demand, fit, draw), demand, quick)),
  )
  const blocks = fewestBlocks(fit)
  const context = { outcome, centre, drawn, level, blocks }
  return {
    ...figuresOf(demand, { model, limits, fleet, context }),
    sensitivity: sensitivityOf(demand, fit, quick.simulation),
    valid: validRange(demand, { model, fit, fleet }),
    assumptions: assumptionsOf(demand, fit, 1 - drawn.length / samples),
    validation: options.validation ?? null,
    runs: [...fit.runs.keys()],
    seed,
  }
}

interface Context {
  readonly outcome: Outcome
  readonly centre: Outcome
  readonly drawn: readonly Outcome[]
  readonly level: number
  readonly blocks: number
}

function figuresOf(
  demand: Demand,
  {
    model,
    limits,
    fleet,
    context,
  }: {
    readonly model: Model
    readonly limits: readonly Limit[]
    readonly fleet: number
    readonly context: Context
  },
): Omit<Sizing, 'sensitivity' | 'valid' | 'assumptions' | 'validation' | 'runs' | 'seed'> {
  const { coresPerInstance, ratePerSecond } = demand
  const cores = fleet * coresPerInstance
  const of = (name: OutcomeName, factor = 1) => scaled(estimateOf(context, name), factor)
  const issuer = issuerLoad(model, demand)
  const instances = demand.instances === null ? instancesOf(context, fleet) : given(fleet, context)
  return {
    demand: mutable(demand),
    feasible: limits.every((limit) => limit.instances !== null && limit.instances <= fleet),
    instances,
    cores: scaled(instances, coresPerInstance),
    bindingLimit: bindingLimit(limits).name,
    limits: limits.map((limit) => ({ ...limit })),
    coresNeeded: of('coresNeeded'),
    coresUsedAtPeak: of('coresUsed'),
    cpuShareAtPeak: of('coresUsed', 1 / cores),
    cpuShareAtMean: demand.meanRatePerSecond === null ? null : of('cpuShareAtMean'),
    coresPerThousandPerSecond: scaled(instances, (coresPerInstance * thousand) / ratePerSecond),
    saturationPerSecond: of('saturation'),
    latency: {
      p50Us: of('p50Us'),
      p99Us: of('p99Us'),
      burstP99Us: of('burstP99Us'),
      oneQueueP99Us: of('oneQueueP99Us'),
    },
    issuer: {
      introspectionsPerSecond: issuer.introspectionsPerSecond,
      grantsPerSecond: issuer.grantsPerSecond,
      coresUsed: of('issuerCoresUsed'),
      coresNeeded: of('issuerCoresNeeded'),
    },
    memory: memoryOf(model, demand, fleet),
    mechanisms: mechanismsOf(model, demand, { fleet, context }),
  }
}

function mechanismsOf(
  model: Model,
  demand: Demand,
  { fleet, context }: { readonly fleet: number; readonly context: Context },
): Sizing['mechanisms'] {
  const { outcome, centre, drawn, level, blocks } = context
  const { pricePerInstanceHour: price, ratePerSecond } = demand
  const requestsPerHour = (demand.meanRatePerSecond ?? ratePerSecond) * secondsPerHour
  const mixUs = model.mechanisms.reduce(
    (sum, { share }, index) => sum + share * (outcome.mechanismUs[index] ?? 0),
    0,
  )
  return model.mechanisms.map(({ label, share }, index) => {
    const us = outcome.mechanismUs[index] ?? 0
    const cpuUsPerRequest = ratioInterval(us, {
      samples: drawn.map(({ mechanismUs }) => mechanismUs[index] ?? 0),
      centre: centre.mechanismUs[index] ?? 0,
      level,
      blocks,
    })
    const pricePerUs = ((price ?? 0) * fleet * million) / requestsPerHour / mixUs
    return {
      label,
      share,
      cpuUsPerRequest,
      coresUsedAtPeak: (ratePerSecond * share * us) / million,
      // The fleet is paid for as it is: its price is shared by the CPU that each takes of it.
      pricePerMillion: price === null ? null : scaled(given(us, context), pricePerUs),
    }
  })
}

function memoryOf(model: Model, demand: Demand, fleet: number): Sizing['memory'] {
  const connections = connectionsOf(demand)
  const { connectionBytes, rssBytes } = model
  const working = fleet - demand.spareInstances
  return {
    processBytes: rssBytes,
    bytesPerConnection: connectionBytes,
    bytesPerInstance:
      connections === null || connectionBytes === null
        ? null
        : demand.coresPerInstance * rssBytes + (connections / working) * connectionBytes,
  }
}

function validRange(
  { ratePerSecond, coresPerInstance }: Demand,
  { model, fit, fleet }: { readonly model: Model; readonly fit: Fit; readonly fleet: number },
): Sizing['valid'] {
  const [run] = fit.runs.values()
  return {
    highestMeasuredPerSecond: model.highestRatePerSecond,
    highestAllowedPerSecond: highestRate(model),
    atPeakPerSecond: ratePerSecond / (fleet * coresPerInstance),
    measuredProcesses: fit.scaling.processes,
    cpuModel: run?.environment.cpuModel ?? '',
  }
}

function estimateOf(
  { outcome, centre, drawn, level, blocks }: Context,
  name: OutcomeName,
): Estimate {
  const samples = drawn.map((one) => one[name])
  return ratioInterval(outcome[name], { samples, centre: centre[name], level, blocks })
}

function instancesOf({ centre, drawn, level, blocks }: Context, fleet: number): Estimate {
  const samples = drawn.map(({ instances }) => instances)
  return countInterval(fleet, { samples, centre: centre.instances, level, blocks })
}

/** What is not measured has no interval of its own. */
function given(value: number, { blocks }: Context): Estimate {
  return { estimate: value, low: null, high: null, level: null, blocks }
}

function scaled(estimate: Estimate, factor: number): Estimate {
  const times = (value: number | null) => (value === null ? null : value * factor)
  return {
    ...estimate,
    estimate: estimate.estimate * factor,
    low: times(estimate.low),
    high: times(estimate.high),
  }
}

/** A sample in which no fleet meets the objective has no size. */
function unlessUnattainable(work: () => Outcome): Outcome[] {
  try {
    return [work()]
  } catch (error) {
    if (error instanceof BenchError) return []
    throw error
  }
}

/** Throws a usage error: several processes beside each other are not as many times one. */
function assertScaling({ coresPerInstance, scaling }: Demand, { scaling: measured }: Fit): void {
  if (scaling !== null || coresPerInstance <= measured.processes) return
  throw new BenchError(
    'usage',
    `cores per instance ${coresPerInstance}: ${measured.processes} ${measured.processes === 1 ? 'process of an instance is' : 'processes of an instance are'} all that was measured; give --scaling 0.9, what ${coresPerInstance} processes do over ${coresPerInstance} times one, or measure --set workers=1,${coresPerInstance > 2 ? 4 : 2} on a machine with a core for each`,
  )
}

/** The schema's type has no readonly lists. */
function mutable(demand: Demand): Sizing['demand'] {
  return {
    ...demand,
    mechanisms: demand.mechanisms.map((one) => ({ ...one, parameters: { ...one.parameters } })),
  }
}

const thousand = 1_000
const million = 1_000_000
const secondsPerHour = 3_600
