import { resolveDemand } from '../demand/resolve.ts'
import type { ValidationCell } from '../validations.ts'
import { wholeSample, type Draw } from './capacity-draw.ts'
import type { Fit, MechanismFit } from './capacity-gather.ts'
import { rateAt, utilisationsOnOneCore, type ProcessLoad } from './capacity-load.ts'
import { modelOf, type Model } from './capacity-model.ts'

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

/** The model of requests of one case alone. */
export function modelOfOne(fit: Fit, scenario: string, draw: Draw): Model {
  const own = fit.mechanisms.filter(({ mechanism }) => mechanism.scenario === scenario)
  return modelOf(lone, { ...fit, mechanisms: own.map(whole) }, draw)
}

function whole(one: MechanismFit): MechanismFit {
  return { ...one, mechanism: { ...one.mechanism, share: 1 } }
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
          const { id, load } = loads.get(name) ?? {
            id: '',
            load: { awakeUs: 1, wakingUs: 0, coldUs: 0 },
          }
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

/** Three digits: what people would ask for. */
function rounded(ratePerSecond: number): number {
  return Number(ratePerSecond.toPrecision(3))
}

/** A demand that asks for nothing but requests. */
const lone = resolveDemand({ mechanisms: [{ scenario: 'any' }], rate: 1, headroom: 0 })
const shares = [0.15, 0.3, 0.5, 0.7] as const
const mixShares = [0.4, 0.7] as const
/** Offered rate over the capacity that was predicted: the server is busy until its last answer. */
const beyond = 1.15
/** What one generator offers in time; beyond it its own limit would be measured. */
const mostOfGenerator = 12_000
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
