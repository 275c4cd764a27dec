import type { Demand } from '../demand.ts'
import { demandUs, rateAt, utilisation } from './capacity-load.ts'
import { instancesFor, issuerLoad, limitsOf } from './capacity-limits.ts'
import { latencyAt, type Model, type Simulation } from './capacity-model.ts'

/** Figures of one model, by name: what is drawn again and again for intervals. */
export type Outcome = Readonly<Record<OutcomeName, number>> & {
  /** CPU in µs of a request at peak, of each mechanism. */
  readonly mechanismUs: readonly number[]
}

/** Figures of a fleet that are one number. */
export type OutcomeName =
  | 'instances'
  | 'coresNeeded'
  | 'coresUsed'
  | 'cpuShareAtMean'
  | 'saturation'
  | 'p50Us'
  | 'p99Us'
  | 'burstP99Us'
  | 'oneQueueP99Us'
  | 'issuerCoresUsed'
  | 'issuerCoresNeeded'

/** What a fleet of so many instances does, by one model; `instances` itself is what the model asks for. */
export function outcomeOf(
  model: Model,
  demand: Demand,
  { fleet, simulation }: { readonly fleet: number; readonly simulation: Simulation },
): Outcome {
  const { ratePerSecond, meanRatePerSecond, burst, timeoutUs, spareInstances } = demand
  const processes = fleet * demand.coresPerInstance
  const working = (fleet - spareInstances) * demand.coresPerInstance
  const atPeak = ratePerSecond / processes
  const latency = (rate: number, together: number) =>
    latencyAt(model, rate, { processes: together, timeoutUs, simulation })
  const peak = latency(atPeak, 1)
  const issuer = issuerLoad(model, demand)
  return {
    instances: instancesFor(limitsOf(model, demand, simulation)),
    coresNeeded: ratePerSecond / rateAt(model.load, 1 - demand.headroomShare),
    coresUsed: processes * utilisation(model.load, atPeak),
    cpuShareAtMean: utilisation(model.load, (meanRatePerSecond ?? ratePerSecond) / processes),
    saturation: processes * rateAt(model.load, 1),
    p50Us: peak.p50Us,
    p99Us: peak.p99Us,
    burstP99Us: latency((ratePerSecond * burst) / working, 1).p99Us,
    oneQueueP99Us: latency(atPeak, Math.min(processes, mostInOneQueue)).p99Us,
    issuerCoresUsed: issuer.coresUsed,
    issuerCoresNeeded: issuer.coresNeeded,
    mechanismUs: model.mechanisms.map(({ load }) =>
      demandUs(load, { ratePerSecond: atPeak, used: Math.min(1, utilisation(model.load, atPeak)) }),
    ),
  }
}

/** From there on requests hardly ever wait in one queue, and more processes only take longer to simulate. */
const mostInOneQueue = 256
