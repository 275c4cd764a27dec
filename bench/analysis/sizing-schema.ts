import { Type, type Static, type TSchema } from '@sinclair/typebox'
import { RunSchema } from '../results.ts'
import { ValidationErrorsSchema } from '../validations.ts'

// What `size --json` prints (DESIGN section 8): every unit in its name, unknown is null.

const strict = { additionalProperties: false } as const
const nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()])
const text = Type.String()
const count = Type.Integer({ minimum: 0 })
const amount = Type.Number()

const EstimateSchema = Type.Object(
  {
    estimate: amount,
    low: nullable(amount),
    high: nullable(amount),
    level: nullable(Type.Number({ minimum: 0, maximum: 1 })),
    blocks: count,
  },
  strict,
)

const DemandSchema = Type.Object(
  {
    mechanisms: Type.Array(
      Type.Object({ scenario: text, parameters: Type.Record(text, text), share: amount }, strict),
    ),
    ratePerSecond: amount,
    meanRatePerSecond: nullable(amount),
    burst: amount,
    requestsPerConnection: nullable(amount),
    resumedShare: amount,
    connections: nullable(count),
    clients: nullable(count),
    tokenLifetimeUs: nullable(amount),
    hitRatio: nullable(amount),
    issuerLatencyUs: amount,
    sloP99Us: nullable(amount),
    sloErrorShare: nullable(amount),
    timeoutUs: amount,
    headroomShare: amount,
    spareInstances: count,
    coresPerInstance: count,
    memoryPerInstanceBytes: nullable(amount),
    connectionsPerInstance: nullable(count),
    instances: nullable(count),
    issuerCores: nullable(amount),
    pricePerInstanceHour: nullable(amount),
    scaling: nullable(amount),
    cpuFactor: nullable(amount),
    balancing: Type.Union([Type.Literal('connection'), Type.Literal('least-loaded')]),
  },
  strict,
)

const limitName = Type.Union(
  (
    [
      'CPU',
      'CPU in bursts',
      'latency',
      'measured range',
      'connections',
      'memory',
      'authorization server',
    ] as const
  ).map((name) => Type.Literal(name)),
)

/** A size and what it rests on. */
export const SizingSchema = Type.Object(
  {
    demand: DemandSchema,
    /** Whether the fleet meets every limit. */
    feasible: Type.Boolean(),
    instances: EstimateSchema,
    cores: EstimateSchema,
    bindingLimit: limitName,
    limits: Type.Array(
      Type.Object(
        {
          name: limitName,
          instances: nullable(count),
          /** Before it is rounded up, spare ones included. */
          unrounded: nullable(amount),
          ratePerProcess: nullable(amount),
        },
        strict,
      ),
    ),
    /** Cores at the headroom, in fractions: what the demand is worth before it is rounded to instances. */
    coresNeeded: EstimateSchema,
    coresUsedAtPeak: EstimateSchema,
    cpuShareAtPeak: EstimateSchema,
    cpuShareAtMean: nullable(EstimateSchema),
    coresPerThousandPerSecond: EstimateSchema,
    saturationPerSecond: EstimateSchema,
    latency: Type.Object(
      {
        /** At peak, all instances there. */
        p50Us: EstimateSchema,
        p99Us: EstimateSchema,
        /** In bursts, without the spare instances. */
        burstP99Us: EstimateSchema,
        /** At peak if all processes took from one queue, the best that a balancer can do. */
        oneQueueP99Us: EstimateSchema,
      },
      strict,
    ),
    issuer: Type.Object(
      {
        introspectionsPerSecond: amount,
        grantsPerSecond: amount,
        coresUsed: EstimateSchema,
        coresNeeded: EstimateSchema,
      },
      strict,
    ),
    memory: Type.Object(
      {
        /** Null where the number of connections or their size is not known. */
        bytesPerInstance: nullable(amount),
        bytesPerConnection: nullable(amount),
        processBytes: amount,
      },
      strict,
    ),
    mechanisms: Type.Array(
      Type.Object(
        {
          label: text,
          share: amount,
          /** At peak, its part of connections included. */
          cpuUsPerRequest: EstimateSchema,
          coresUsedAtPeak: amount,
          pricePerMillion: nullable(EstimateSchema),
        },
        strict,
      ),
    ),
    sensitivity: Type.Array(
      Type.Object(
        {
          what: text,
          cores: amount,
          instances: Type.Integer(),
          issuerCores: amount,
        },
        strict,
      ),
    ),
    valid: Type.Object(
      {
        /** Of one process. */
        highestMeasuredPerSecond: amount,
        highestAllowedPerSecond: amount,
        atPeakPerSecond: amount,
        measuredProcesses: count,
        cpuModel: text,
      },
      strict,
    ),
    /** What is taken to be so without having been measured. */
    assumptions: Type.Array(text),
    /** The newest on this machine; null: there is none. */
    validation: nullable(
      Type.Object({ validationId: text, startedAt: text, errors: ValidationErrorsSchema }, strict),
    ),
    runs: Type.Array(text),
    seed: count,
  },
  strict,
)

/** JSON Schema of what `size --json` prints, and of a stored size. */
export const SizeEnvelopeSchema = Type.Object(
  {
    schema: Type.Literal(1),
    command: Type.Literal('size'),
    kind: Type.Literal('sizing'),
    sizingId: text,
    startedAt: text,
    environment: RunSchema.properties.environment,
    /** Of an access log, if one was read. */
    log: nullable(
      Type.Object(
        {
          lines: count,
          requests: count,
          garbage: count,
          firstGarbage: Type.Array(count),
          late: count,
          seconds: count,
          peak1PerSecond: amount,
          peak10PerSecond: amount,
          meanPerSecond: amount,
          dispersion: amount,
          requestsPerConnection: nullable(amount),
          isApproximate: Type.Boolean(),
          resumedShare: nullable(amount),
          serverErrorShare: nullable(amount),
        },
        strict,
      ),
    ),
    sizing: SizingSchema,
    charts: Type.Array(text),
    warnings: RunSchema.properties.warnings,
  },
  { ...strict, $id: 'size-envelope' },
)

/** A size and what it rests on. */
export type Sizing = Static<typeof SizingSchema>
export type SizeEnvelope = Static<typeof SizeEnvelopeSchema>
