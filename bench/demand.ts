import { Type, type Static } from '@sinclair/typebox'
import { Ajv } from 'ajv'
import { bytesOf, numberOf, shareOf, timeUsOf, wholeOf } from './demand/quantities.ts'
import { BenchError } from './errors.ts'

// What a gateway must carry: from options, from a file of the schema below, from an access log, or from
// several of them, of which the later say more.

const text = Type.String()
const amount = Type.Union([Type.Number(), text])
const share = Type.Union([Type.Number({ minimum: 0, maximum: 1 }), text], {
  description: 'a share from 0 to 1, or a percentage as "30%"',
})
const time = Type.String({ description: 'a time as "250us", "25ms", "5s", "5m", "1h"' })
const memory = Type.String({ description: 'memory as "512MiB", "16GiB"' })

/** JSON Schema of a demand file; every field but the mechanisms may be left out, or come from elsewhere. */
export const DemandSchema = Type.Object(
  {
    $schema: Type.Optional(text),
    mechanisms: Type.Optional(
      Type.Array(
        Type.Object(
          {
            scenario: text,
            parameters: Type.Optional(Type.Record(text, text)),
            share: Type.Optional(share),
          },
          { additionalProperties: false },
        ),
        { minItems: 1, description: 'what requests bring; shares sum to 1' },
      ),
    ),
    rate: Type.Optional(amount),
    meanRate: Type.Optional(amount),
    burst: Type.Optional(amount),
    requestsPerConnection: Type.Optional(amount),
    newConnections: Type.Optional(amount),
    resumed: Type.Optional(share),
    connections: Type.Optional(amount),
    clients: Type.Optional(amount),
    tokenLifetime: Type.Optional(time),
    hitRatio: Type.Optional(share),
    issuerLatency: Type.Optional(time),
    p99: Type.Optional(time),
    errors: Type.Optional(share),
    timeout: Type.Optional(time),
    headroom: Type.Optional(share),
    spare: Type.Optional(amount),
    coresPerInstance: Type.Optional(amount),
    memoryPerInstance: Type.Optional(memory),
    connectionsPerInstance: Type.Optional(amount),
    instances: Type.Optional(amount),
    issuerCores: Type.Optional(amount),
    price: Type.Optional(amount),
    scaling: Type.Optional(share),
    cpuFactor: Type.Optional(amount),
    balancing: Type.Optional(
      Type.Union([Type.Literal('connection'), Type.Literal('least-loaded')]),
    ),
  },
  { additionalProperties: false, $id: 'demand' },
)

/** A demand as somebody wrote it. */
export type DemandInput = Static<typeof DemandSchema>

/** Requests of one kind, and their share of all. */
export interface MechanismShare {
  readonly scenario: string
  /** Those that are set; the others have their defaults. */
  readonly parameters: Readonly<Record<string, string>>
  readonly share: number
}

/** What a gateway must carry, with every unit in its name; null is unknown, or no matter. */
export interface Demand {
  readonly mechanisms: readonly MechanismShare[]
  /** The highest rate that lasts. */
  readonly ratePerSecond: number
  readonly meanRatePerSecond: number | null
  /** Rate of bursts over the peak: they may use the headroom, and must meet the objective. */
  readonly burst: number
  /** Null: connections stay. */
  readonly requestsPerConnection: number | null
  /** Of new connections, those that resume a TLS session. */
  readonly resumedShare: number
  readonly connections: number | null
  readonly clients: number | null
  readonly tokenLifetimeUs: number | null
  /** Of requests that bring a token, those whose answer is in the cache; null: no cache. */
  readonly hitRatio: number | null
  /** What an introspection takes beyond what it took on loopback. */
  readonly issuerLatencyUs: number
  readonly sloP99Us: number | null
  readonly sloErrorShare: number | null
  readonly timeoutUs: number
  /** Share of CPU that peaks leave free. */
  readonly headroomShare: number
  /** Instances that may be lost at peak. */
  readonly spareInstances: number
  readonly coresPerInstance: number
  readonly memoryPerInstanceBytes: number | null
  readonly connectionsPerInstance: number | null
  /** A fleet that is given; null: the smallest that will do is looked for. */
  readonly instances: number | null
  readonly issuerCores: number | null
  readonly pricePerInstanceHour: number | null
  /** What the processes of an instance do together, over as many times one alone; null: as measured. */
  readonly scaling: number | null
  /** CPU time of a request there over here; null: the same CPU. */
  readonly cpuFactor: number | null
  /** `connection`: a request goes where its connection is; `least-loaded`: all wait in one queue. */
  readonly balancing: 'connection' | 'least-loaded'
}

const validate = new Ajv({ allErrors: false, allowUnionTypes: true }).compile<DemandInput>(
  DemandSchema,
)

/** A demand out of unknown JSON; throws a usage error with the first place that does not fit. */
export function parseDemand(value: unknown, origin: string): DemandInput {
  if (validate(value)) return value
  const [first] = validate.errors ?? []
  const unknown: unknown = first?.params['additionalProperty']
  const what =
    typeof unknown === 'string'
      ? `has no field ${JSON.stringify(unknown)}, it may have ${Object.keys(DemandSchema.properties).join(', ')}`
      : `${first?.instancePath ?? ''} ${first?.message ?? ''}`.trim()
  throw new BenchError('usage', `${origin}: no demand: ${what}`)
}

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
