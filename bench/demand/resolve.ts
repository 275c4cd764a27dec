import type { Demand, DemandInput, MechanismShare } from '../demand.ts'
import { BenchError } from '../errors.ts'
import { bytesOf, numberOf, shareOf, timeUsOf, wholeOf } from './quantities.ts'

/** Layers of a demand, of which the later say more; what says the same in other words gives way. */
export function mergeDemands(layers: readonly DemandInput[]): DemandInput {
  return layers.reduce<DemandInput>((below, above) => {
    const isOfConnections =
      above.requestsPerConnection !== undefined || above.newConnections !== undefined
    if (!isOfConnections) return { ...below, ...above }
    const { requestsPerConnection: _, newConnections: __, ...rest } = below
    return { ...rest, ...above }
  }, {})
}

/** Reads every quantity, fills in defaults, and refuses what contradicts itself; throws usage errors. */
export function resolveDemand(input: DemandInput): Demand {
  const fault = contradictions.find(({ holds }) => holds(input))
  if (fault !== undefined) throw new BenchError('usage', fault.message(input))
  const optional = <Value, T>(value: Value | undefined, read: (value: Value) => T): T | null =>
    value === undefined ? null : read(value)
  const rate = (name: string) => (value: string | number) =>
    numberOf(name, value, { least: 0.001, most: 1e9 })
  const whole = (name: string, least: number) => (value: string | number) =>
    wholeOf(name, value, { least, most: 1e9 })
  const demand: Demand = {
    mechanisms: mechanismsOf(input),
    ratePerSecond: rate('rate')(input.rate ?? 0),
    meanRatePerSecond: optional(input.meanRate, rate('mean rate')),
    burst: numberOf('burst', input.burst ?? 1, { least: 1, most: 1_000 }),
    requestsPerConnection: requestsPerConnectionOf(input),
    resumedShare: shareOf('resumed', input.resumed ?? 0),
    connections: optional(input.connections, whole('connections', 1)),
    clients: optional(input.clients, whole('clients', 1)),
    tokenLifetimeUs: optional(input.tokenLifetime, (value) => timeUsOf('token lifetime', value)),
    hitRatio: optional(input.hitRatio, (value) => shareOf('hit ratio', value)),
    issuerLatencyUs: timeUsOf('issuer latency', input.issuerLatency ?? '0us'),
    sloP99Us: optional(input.p99, (value) => timeUsOf('p99', value)),
    sloErrorShare: optional(input.errors, (value) => shareOf('errors', value)),
    timeoutUs: timeUsOf('timeout', input.timeout ?? defaultTimeout),
    headroomShare: headroomOf(input),
    spareInstances: wholeOf('spare', spareText(input.spare), { least: 0, most: 1_000 }),
    coresPerInstance: wholeOf('cores per instance', input.coresPerInstance ?? 1, {
      least: 1,
      most: 1_024,
    }),
    memoryPerInstanceBytes: optional(input.memoryPerInstance, (value) =>
      bytesOf('memory per instance', value),
    ),
    connectionsPerInstance: optional(
      input.connectionsPerInstance,
      whole('connections per instance', 1),
    ),
    instances: optional(input.instances, whole('instances', 1)),
    issuerCores: optional(input.issuerCores, (value) =>
      numberOf('issuer cores', value, { least: 0.01, most: 1e6 }),
    ),
    pricePerInstanceHour: optional(input.price, (value) =>
      numberOf('price', value, { least: 0, most: 1e6 }),
    ),
    scaling: optional(input.scaling, scalingOf),
    cpuFactor: optional(input.cpuFactor, (value) =>
      numberOf('CPU factor', value, { least: 0.05, most: 20 }),
    ),
    balancing: input.balancing ?? 'connection',
  }
  assertConsistent(demand)
  return demand
}

function mechanismsOf({ mechanisms = [] }: DemandInput): MechanismShare[] {
  return mechanisms.map(({ scenario, parameters = {}, share: own }) => ({
    scenario,
    parameters,
    share: own === undefined ? 1 : shareOf(`share of ${scenario}`, own),
  }))
}

function requestsPerConnectionOf({
  rate = 0,
  requestsPerConnection,
  newConnections,
}: DemandInput): number | null {
  if (requestsPerConnection !== undefined) {
    return numberOf('requests per connection', requestsPerConnection, { least: 1, most: 1e9 })
  }
  if (newConnections === undefined) return null
  const perSecond = numberOf('new connections', newConnections, { least: 0, most: 1e9 })
  const requests = numberOf('rate', rate, { least: 0 })
  if (perSecond > requests) {
    throw new BenchError(
      'usage',
      `new connections ${perSecond}: more than the ${requests} requests a second, each connection carries one at least`,
    )
  }
  return perSecond === 0 ? null : requests / perSecond
}

function headroomOf({ headroom = defaultHeadroom }: DemandInput): number {
  const value = shareOf('headroom', headroom)
  if (value <= mostHeadroom) return value
  throw new BenchError('usage', `headroom ${headroom}: expected at most ${mostHeadroom * 100} %`)
}

function scalingOf(value: string | number): number {
  const scaling = shareOf('scaling', value)
  if (scaling > 0) return scaling
  throw new BenchError('usage', `scaling ${value}: expected more than 0, as 0.9`)
}

/** N+1 is what people say of one spare instance. */
function spareText(spare: string | number = 0): string | number {
  return typeof spare === 'string' ? spare.replace(/^N\+/i, '') : spare
}

function assertConsistent({
  mechanisms,
  ratePerSecond,
  meanRatePerSecond,
  requestsPerConnection,
  resumedShare,
  sloP99Us,
  timeoutUs,
  spareInstances,
  instances,
}: Demand): void {
  const sum = mechanisms.reduce((total, one) => total + one.share, 0)
  const keys = mechanisms.map(({ scenario, parameters }) => JSON.stringify([scenario, parameters]))
  const fault = [
    Math.abs(sum - 1) > rounding
      ? `shares of mechanisms: they sum to ${Number(sum.toFixed(4))}, expected 1`
      : null,
    mechanisms.some((one) => one.share === 0)
      ? 'shares of mechanisms: one is 0, leave it out'
      : null,
    new Set(keys).size < keys.length
      ? 'mechanisms: one is named twice with equal parameters, add its shares up'
      : null,
    meanRatePerSecond !== null && meanRatePerSecond > ratePerSecond
      ? `mean rate ${meanRatePerSecond}: above the peak rate of ${ratePerSecond}`
      : null,
    resumedShare > 0 && requestsPerConnection === null
      ? `resumed ${resumedShare}: connections stay, so none is resumed; add requests per connection or new connections`
      : null,
    sloP99Us !== null && sloP99Us > timeoutUs
      ? `p99 ${sloP99Us / 1_000} ms: longer than the timeout of ${timeoutUs / 1_000} ms`
      : null,
    instances !== null && instances <= spareInstances
      ? `instances ${instances}: none is left to work when ${spareInstances} are spare`
      : null,
  ].find((message) => message !== null)
  if (fault !== undefined) throw new BenchError('usage', fault)
}

/** What is missing, or said twice; each names the fields. */
const contradictions: readonly {
  readonly holds: (input: DemandInput) => boolean
  readonly message: (input: DemandInput) => string
}[] = [
  {
    holds: ({ mechanisms }) => mechanisms === undefined,
    message: () =>
      'no mechanism: give --scenario combined, --mix jwt=0.7,mtls=0.3, or mechanisms in a demand file',
  },
  {
    holds: ({ rate }) => rate === undefined,
    message: () => 'no rate: give --rate, requests per second at peak, or --log with an access log',
  },
  {
    holds: ({ requestsPerConnection, newConnections }) =>
      requestsPerConnection !== undefined && newConnections !== undefined,
    message: ({ requestsPerConnection, newConnections }) =>
      `requests per connection ${requestsPerConnection ?? ''} and new connections ${newConnections ?? ''}: one follows from the other, give one`,
  },
  {
    holds: ({ tokenLifetime, clients }) => tokenLifetime !== undefined && clients === undefined,
    message: ({ tokenLifetime }) =>
      `token lifetime ${tokenLifetime ?? ''}: grants follow from clients and lifetime, add clients`,
  },
  {
    holds: ({ tokenLifetime }) =>
      tokenLifetime !== undefined && timeUsOf('token lifetime', tokenLifetime) === 0,
    message: () => 'token lifetime 0: expected a time above zero, as 5m',
  },
  {
    holds: ({ mechanisms = [] }) =>
      mechanisms.length > 1 && mechanisms.some((one) => one.share === undefined),
    message: () => 'mechanisms: each of several needs its share, and they sum to 1',
  },
]

const defaultTimeout = '10s'
const defaultHeadroom = '30%'
/** Beyond it a fleet would be ten times what it needs. */
const mostHeadroom = 0.9
/** Thirds that people write as 0.333. */
const rounding = 0.002
