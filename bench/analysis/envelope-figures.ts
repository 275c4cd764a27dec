import { Type, type TSchema } from '@sinclair/typebox'
import { RunSchema } from '../results.ts'
import { mapMetrics } from './metrics.ts'

// What the figures of a case are made of, in the order in which `--json` prints them.

const strict = { additionalProperties: false } as const
const nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()])
const text = Type.String()
const count = Type.Integer({ minimum: 0 })

/** An estimate with its interval. */
export const EstimateSchema = Type.Object(
  {
    estimate: Type.Number(),
    low: nullable(Type.Number()),
    high: nullable(Type.Number()),
    /** Coverage reached, not the one asked for. */
    level: nullable(Type.Number({ minimum: 0, maximum: 1 })),
    blocks: count,
  },
  strict,
)
/** An estimate, or null where nothing is known. */
export const figure = nullable(EstimateSchema)
/** Every metric by name; null where it was not measured. */
export const MetricsSchema = Type.Object(
  mapMetrics(() => figure),
  strict,
)
/** Windows of offered load at one rate. */
export const OpenLoopSchema = Type.Object(
  {
    ratePerSecond: Type.Number(),
    arrivals: Type.Union([Type.Literal('constant'), Type.Literal('poisson')]),
    durationMs: Type.Number(),
    seed: count,
    connections: count,
    maxConnections: count,
    timeoutMs: Type.Number(),
    /** Processes that offered it together; absent: one. */
    generators: Type.Optional(count),
    /** The same on other machines; `seatsRecord` holds what each of them was. */
    seats: Type.Optional(count),
    windows: count,
    requests: count,
    answered: count,
    timeouts: count,
    errors: Type.Record(text, count),
    answeredShare: Type.Number(),
    queueWaitP99Us: nullable(Type.Number()),
    serviceP99Us: nullable(Type.Number()),
    maxOutstanding: count,
    /** CPU of the client's thread without what it spent looking at the clock, over wall time. */
    clientBusyShare: Type.Number(),
    /** Whether the figures are of the server; if not, `invalid` says of what else. */
    valid: Type.Boolean(),
    invalid: Type.Array(text),
    seatsRecord: RunSchema.properties.blocks.items.properties.windows.items.properties.seats,
  },
  strict,
)

const connectionPolicy = Type.Union([
  Type.Literal('full'),
  Type.Literal('resumed'),
  Type.Literal('keep-alive'),
])

/** New connections under one policy. */
export const ChurnSchema = Type.Object(
  {
    policy: connectionPolicy,
    /** Null: connections stay. */
    requestsPerConnection: nullable(count),
    /** Of a reconnect storm: clients that connect at once. */
    clients: Type.Optional(count),
    concurrency: count,
    connections: count,
    requests: count,
    /** Refused handshakes by either side's count. */
    connectionsRefused: count,
    handshakesFailed: nullable(count),
    tcpP50Us: figure,
    tcpP99Us: figure,
    tlsP50Us: figure,
    tlsP99Us: figure,
    firstByteP50Us: figure,
    firstByteP99Us: figure,
    /** From connect to the end of the first answer. */
    servedP50Us: figure,
    servedP99Us: figure,
    /** Of a storm: until all of its clients are served. */
    recoveryUs: figure,
    blocks: count,
  },
  strict,
)

const CurvePointSchema = Type.Object({ openLoop: OpenLoopSchema, metrics: MetricsSchema }, strict)

/** Latency against offered rate. */
export const CurveSchema = Type.Object(
  {
    /** Ascending by rate. */
    points: Type.Array(CurvePointSchema),
    /** Rate of the highest power, rate over mean response time. */
    kneePerSecond: figure,
    objective: nullable(
      Type.Object(
        {
          sloP99Us: Type.Number(),
          /** Null where no rate of the grid is known to meet it. */
          highest: nullable(
            Type.Object(
              {
                ratePerSecond: Type.Number(),
                /** By the windows that confirm alone. */
                meets: Type.Boolean(),
                confirmation: CurvePointSchema,
              },
              strict,
            ),
          ),
          isBeyondGrid: Type.Boolean(),
          /** Above the highest the generator could not tell. */
          isGeneratorLimited: Type.Boolean(),
        },
        strict,
      ),
    ),
  },
  strict,
)

/** One primitive operation, called alone. */
export const PrimitiveSchema = Type.Object(
  {
    id: text,
    /** Of all threads of the process that did nothing else. */
    cpuUsPerCall: EstimateSchema,
    wallP50UsPerCall: EstimateSchema,
    calls: count,
  },
  strict,
)

/** What a request of a case is made of, in µs of server CPU. */
export const LedgerSchema = Type.Object(
  {
    case: text,
    totalCpuUs: EstimateSchema,
    entries: Type.Array(Type.Object({ kind: text, label: text, cpuUs: EstimateSchema }, strict)),
    restCpuUs: EstimateSchema,
    explainedShare: EstimateSchema,
  },
  strict,
)

/** Where the costs of two cases cross. */
export const BreakEvenSchema = Type.Object(
  {
    cheaperAbove: text,
    cheaperBelow: text,
    policy: Type.Union([Type.Literal('full'), Type.Literal('resumed')]),
    requestsPerConnection: Type.Number(),
    low: Type.Number(),
    high: Type.Number(),
    level: Type.Number({ minimum: 0, maximum: 1 }),
    blocks: count,
  },
  strict,
)

/** One hop of a topology. */
export const HopSchema = Type.Object(
  {
    hop: text,
    cpuUsPerRequest: figure,
    /** Median time in its process, without waiting for the next hop. */
    ownP50Us: figure,
    /** With all that is behind it. */
    wholeP50Us: figure,
    /** As ownP50Us, at one connection. */
    singleOwnP50Us: figure,
    /** What it refuses an attacker who has all hops before it; null for the first. */
    bypassed: nullable(Type.Object({ holds: text, tried: count, refused: count }, strict)),
  },
  strict,
)
