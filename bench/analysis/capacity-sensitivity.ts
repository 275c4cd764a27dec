import type { Demand } from '../demand.ts'
import { wholeSample } from './capacity-draw.ts'
import type { Fit, MechanismFit } from './capacity-gather.ts'
import { instancesFor, issuerLoad, limitsOf } from './capacity-limits.ts'
import { rateAt } from './capacity-load.ts'
import { modelOf, type Simulation } from './capacity-model.ts'
import type { Sizing } from './sizing-schema.ts'
import { BenchError } from '../errors.ts'

/** A demand that is otherwise in one thing, and what its requests then are of. */
interface Variation {
  readonly what: string
  readonly demand: Demand
  readonly fit: Fit
}

/** What would change if one thing were otherwise: cores of work at the headroom, instances, issuer cores. */
export function sensitivityOf(
  demand: Demand,
  fit: Fit,
  simulation: Simulation,
): Sizing['sensitivity'] {
  const base = needed({ what: '', demand, fit }, simulation)
  if (base === null) return []
  return variationsOf(demand, fit).flatMap((variation) => {
    const other = needed(variation, simulation)
    if (other === null) return []
    return [
      {
        what: variation.what,
        cores: other.cores - base.cores,
        instances: other.instances - base.instances,
        issuerCores: other.issuerCores - base.issuerCores,
      },
    ]
  })
}

/** Null where no fleet meets the objective then. */
function needed({ demand, fit }: Variation, simulation: Simulation) {
  const model = modelOf(demand, fit, wholeSample)
  try {
    return {
      cores: demand.ratePerSecond / rateAt(model.load, 1 - demand.headroomShare),
      instances: instancesFor(limitsOf(model, demand, simulation)),
      issuerCores: issuerLoad(model, demand).coresNeeded,
    }
  } catch (error) {
    if (error instanceof BenchError) return null
    throw error
  }
}

function variationsOf(demand: Demand, fit: Fit): Variation[] {
  const { hitRatio, requestsPerConnection, resumedShare, tokenLifetimeUs, clients } = demand
  const vary = (what: string, changes: Partial<Demand>): Variation => ({
    what,
    fit,
    demand: { ...demand, ...changes },
  })
  const lower = hitRatio === null ? null : Math.max(0, hitRatio - hitRatioStep)
  return [
    vary('rate + 10 %', { ratePerSecond: demand.ratePerSecond * 1.1 }),
    ...(hitRatio === null || lower === null || lower === hitRatio || !hasBothParts(fit)
      ? []
      : [
          {
            ...vary(`hit ratio ${percent(hitRatio)} → ${percent(lower)} %`, { hitRatio: lower }),
            fit: withHitRatio(fit, lower),
          },
        ]),
    ...(requestsPerConnection === null || requestsPerConnection < 2
      ? []
      : [
          vary(
            `requests per connection ${count(requestsPerConnection)} → ${count(requestsPerConnection / 2)}`,
            { requestsPerConnection: requestsPerConnection / 2 },
          ),
        ]),
    ...(resumedShare > 0 && fit.mechanisms.every(({ connections }) => connections.full !== null)
      ? [vary(`resumed ${percent(resumedShare)} → 0 %`, { resumedShare: 0 })]
      : []),
    ...(tokenLifetimeUs === null || clients === null
      ? []
      : [
          vary(`token lifetime ${time(tokenLifetimeUs)} → ${time(tokenLifetimeUs / 2)}`, {
            tokenLifetimeUs: tokenLifetimeUs / 2,
          }),
        ]),
    ...(demand.spareInstances > 0 ? [] : [vary('one spare instance', { spareInstances: 1 })]),
  ]
}

/** What hits and misses ask was measured apart, so that any share of them can be told. */
function hasBothParts({ mechanisms }: Fit): boolean {
  return mechanisms.every(
    ({ parts }) =>
      parts.length === 2 || parts.every(({ parameters }) => parameters['hitRatio'] === undefined),
  )
}

function withHitRatio(fit: Fit, hitRatio: number): Fit {
  const reweighed = (mechanism: MechanismFit): MechanismFit => ({
    ...mechanism,
    parts: mechanism.parts.map((part) => {
      const ratio = part.parameters['hitRatio']
      if (ratio === undefined) return part
      return { ...part, share: ratio === '1' ? hitRatio : 1 - hitRatio }
    }),
  })
  return { ...fit, mechanisms: fit.mechanisms.map(reweighed) }
}

function percent(share: number): string {
  return String(Number((share * 100).toFixed(1)))
}

function count(value: number): string {
  return Number(value.toPrecision(3)).toLocaleString('en-US')
}

function time(us: number): string {
  const seconds = us / 1e6
  return seconds >= 120 && seconds % 60 === 0
    ? `${seconds / 60} min`
    : `${Number(seconds.toPrecision(3))} s`
}

const hitRatioStep = 0.1
