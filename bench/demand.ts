import { Type, type Static } from '@sinclair/typebox'
import { Ajv } from 'ajv'
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
