import type { Demand } from '../demand.ts'
import { BenchError } from '../errors.ts'
import { rateAt, utilisation } from './capacity-load.ts'
import {
  highestRateWithin,
  latencyAt,
  mostUsed,
  type Model,
  type Simulation,
} from './capacity-model.ts'

/** What may keep a fleet from being smaller. */
export type LimitName =
  | 'CPU'
  | 'CPU in bursts'
  | 'latency'
  | 'measured range'
  | 'connections'
  | 'memory'
  | 'authorization server'

/** One limit: the instances that it asks for, spare ones included; null where no number of them is enough. */
export interface Limit {
  readonly name: LimitName
  readonly instances: number | null
  /** The same before it is rounded up to whole ones. */
  readonly unrounded: number | null
  /** Requests per second that it leaves one process; null where it is not about rate. */
  readonly ratePerProcess: number | null
}

/** What the authorization server has to do at peak. */
export interface IssuerLoad {
  readonly introspectionsPerSecond: number
  readonly grantsPerSecond: number
  readonly coresUsed: number
  /** With the headroom that the gateways have. */
  readonly coresNeeded: number
}

/**
 * The limits of a fleet, in the order in which they are told. Peak keeps the headroom, bursts may use it, both
 * without the spare instances. Throws usage errors where no fleet can meet the objective.
 */
export function limitsOf(model: Model, demand: Demand, simulation: Simulation): Limit[] {
  const { burst, headroomShare } = demand
  const cpu = byRate(demand, 'CPU', rateAt(model.load, 1 - headroomShare), 1)
  const bursts = byRate(demand, 'CPU in bursts', rateAt(model.load, mostUsed), burst)
  const range = byRate(demand, 'measured range', highestRate(model), burst)
  const issuer = issuerLoad(model, demand)
  const isIssuerFull = demand.issuerCores !== null && issuer.coresNeeded > demand.issuerCores
  return [
    cpu,
    bursts,
    ...latencyLimit(model, demand, { simulation, least: [cpu, bursts, range] }),
    range,
    ...connectionLimit(demand),
    ...memoryLimit(model, demand),
    ...(isIssuerFull
      ? [
          {
            name: 'authorization server',
            instances: null,
            unrounded: null,
            ratePerProcess: null,
          } as const,
        ]
      : []),
  ]
}

/** The limit that asks for most, before anything is rounded; of equals the first. */
export function bindingLimit(limits: readonly Limit[]): Limit {
  const [first, ...others] = limits
  if (first === undefined) throw new RangeError('a fleet has limits')
  return others.reduce(
    (most, limit) => ((limit.unrounded ?? Infinity) > (most.unrounded ?? Infinity) ? limit : most),
    first,
  )
}

/** Instances that meet every limit that more of them can meet. */
export function instancesFor(limits: readonly Limit[]): number {
  return Math.max(...limits.map(({ instances }) => instances ?? 1))
}

/** Beyond it nothing is said of a process: models of capacity are wrong by 17 to 33 % there. */
export function highestRate({ highestRatePerSecond }: Model): number {
  return highestRatePerSecond * mostExtrapolation
}

/** Throws a usage error where a given fleet would have a process do more than it can, or was ever near. */
export function assertWithinRange(model: Model, demand: Demand): void {
  const { instances, spareInstances, coresPerInstance, ratePerSecond, burst } = demand
  if (instances === null) return
  const working = (instances - spareInstances) * coresPerInstance
  const rate = (ratePerSecond * burst) / working
  const used = utilisation(model.load, rate)
  if (used > mostUsed * (1 + tolerance)) {
    throw new BenchError(
      'usage',
      `instances ${instances}: its processes would be used to ${Math.round(used * 100)} % in bursts without the spare ones, give at least ${byRate(demand, 'CPU in bursts', rateAt(model.load, mostUsed), burst).instances ?? ''}`,
    )
  }
  if (rate <= highestRate(model) * (1 + tolerance)) return
  throw new BenchError(
    'usage',
    `instances ${instances}: ${Math.round(rate)} requests/s of a process in bursts, and the highest that was measured of this mix is ${Math.round(model.highestRatePerSecond)}; nothing is said beyond ${mostExtrapolation} times that, give at least ${Math.ceil((ratePerSecond * burst) / highestRate(model) / coresPerInstance - tolerance) + spareInstances}`,
  )
}

/** What the authorization server has to do at peak, on the same CPU as the gateways. */
export function issuerLoad(model: Model, demand: Demand): IssuerLoad {
  const { ratePerSecond, clients, tokenLifetimeUs, cpuFactor, headroomShare } = demand
  const grantsPerSecond =
    clients === null || tokenLifetimeUs === null ? 0 : (clients * usPerSecond) / tokenLifetimeUs
  const usedUs = ratePerSecond * model.issuerUsPerRequest + grantsPerSecond * (model.grantUs ?? 0)
  const coresUsed = ((cpuFactor ?? 1) * usedUs) / usPerSecond
  return {
    introspectionsPerSecond: ratePerSecond * model.introspectionsPerRequest,
    grantsPerSecond,
    coresUsed,
    coresNeeded: coresUsed / (1 - headroomShare),
  }
}

/** Connections that are open at a time: as told, or one a client; null where neither is known. */
export function connectionsOf({ connections, clients }: Demand): number | null {
  return connections ?? clients
}

function byRate(demand: Demand, name: LimitName, ratePerProcess: number, burst: number): Limit {
  const { ratePerSecond, coresPerInstance, spareInstances } = demand
  const working = (ratePerSecond * burst) / (ratePerProcess * coresPerInstance)
  return { name, ...withSpares(working, spareInstances), ratePerProcess }
}

/** Throws a usage error where the objective is below what a request takes with nobody else there. */
function latencyLimit(
  model: Model,
  demand: Demand,
  { simulation, least }: { readonly simulation: Simulation; readonly least: readonly Limit[] },
): Limit[] {
  const { sloP99Us, sloErrorShare, timeoutUs, burst } = demand
  if (sloP99Us === null && sloErrorShare === null) return []
  const rate = highestRateWithin(model, demand, simulation)
  if (rate === null) {
    const idle = latencyAt(model, rateAt(model.load, leastUsed), {
      processes: 1,
      timeoutUs,
      simulation,
    })
    throw new BenchError(
      'usage',
      `p99 ${(sloP99Us ?? timeoutUs) / 1_000} ms: no number of instances meets it, a request alone takes ${(idle.p99Us / 1_000).toPrecision(2)} ms at p99`,
    )
  }
  const own = byRate(demand, 'latency', rate, burst)
  if (demand.balancing === 'connection') return [own]
  const few = instancesFor(least)
  const many = Math.max(few, own.instances ?? few)
  const instances = fewestOfOneQueue(model, demand, { few, many, simulation })
  return [{ ...own, instances, unrounded: instances, ratePerProcess: null }]
}

/** Between what CPU asks for and what queues of their own do: the fewest that one queue makes do with. */
function fewestOfOneQueue(
  model: Model,
  demand: Demand,
  {
    few,
    many,
    simulation,
  }: { readonly few: number; readonly many: number; readonly simulation: Simulation },
): number {
  const { ratePerSecond, burst, coresPerInstance, spareInstances, sloP99Us, timeoutUs } = demand
  const holds = (instances: number) => {
    const processes = (instances - spareInstances) * coresPerInstance
    const rate = (ratePerSecond * burst) / processes
    const at = latencyAt(model, rate, { processes, timeoutUs, simulation })
    return (
      (sloP99Us === null || at.p99Us <= sloP99Us) && at.timeoutShare <= (demand.sloErrorShare ?? 1)
    )
  }
  let [low, high] = [few, many]
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    if (holds(middle)) high = middle
    else low = middle + 1
  }
  return high
}

function connectionLimit(demand: Demand): Limit[] {
  const { connectionsPerInstance, spareInstances } = demand
  const connections = connectionsOf(demand)
  if (connectionsPerInstance === null) return []
  if (connections === null) {
    throw new BenchError(
      'usage',
      `connections per instance ${connectionsPerInstance}: how many there are is not told, add connections or clients`,
    )
  }
  const spares = withSpares(connections / connectionsPerInstance, spareInstances)
  return [{ name: 'connections', ...spares, ratePerProcess: null }]
}

/** Throws a usage error where the processes of an instance do not fit into its memory without a connection. */
function memoryLimit(model: Model, demand: Demand): Limit[] {
  const { memoryPerInstanceBytes, coresPerInstance, spareInstances } = demand
  if (memoryPerInstanceBytes === null) return []
  const left = memoryPerInstanceBytes - coresPerInstance * model.rssBytes
  if (left <= 0) {
    throw new BenchError(
      'usage',
      `memory per instance ${Math.round(memoryPerInstanceBytes / mebibyte)} MiB: its ${coresPerInstance} processes need ${Math.round((coresPerInstance * model.rssBytes) / mebibyte)} MiB before the first connection`,
    )
  }
  const needed = (connectionsOf(demand) ?? 0) * (model.connectionBytes ?? 0)
  return [{ name: 'memory', ...withSpares(needed / left, spareInstances), ratePerProcess: null }]
}

/** Up to whole ones, one at least, but for the error of a quotient; and the spare ones. */
function withSpares(working: number, spares: number): Pick<Limit, 'instances' | 'unrounded'> {
  const whole = Math.max(1, Math.ceil(working * (1 - tolerance)))
  return { instances: whole + spares, unrounded: working + spares }
}

const usPerSecond = 1e6
const mebibyte = 2 ** 20
/** As DESIGN's anchors: interpolation is within 2 %, beyond a quarter more it is not. */
export const mostExtrapolation = 1.25
const tolerance = 1e-9
const leastUsed = 0.02
