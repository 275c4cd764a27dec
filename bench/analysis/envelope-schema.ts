import { Type, type Static, type TSchema } from '@sinclair/typebox'
import { RunSchema } from '../results.ts'
import { mapMetrics, metricNames } from './metrics.ts'

// What `--json` prints (DESIGN section 8): every unit in its name, unknown is null.

const strict = { additionalProperties: false } as const
const nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()])
const text = Type.String()
const count = Type.Integer({ minimum: 0 })
const { environment, warnings, arms } = RunSchema.properties
const armProperties = arms.items.properties

const EstimateSchema = Type.Object(
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
const figure = nullable(EstimateSchema)
const MetricsSchema = Type.Object(
  mapMetrics(() => figure),
  strict,
)
const VerdictSchema = Type.Union([
  Type.Literal('better'),
  Type.Literal('worse'),
  Type.Literal('same'),
  Type.Literal('undecided'),
])
const metricName = Type.Union(metricNames.map((name) => Type.Literal(name)))

const OpenLoopSchema = Type.Object(
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

const ChurnSchema = Type.Object(
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

const CurveSchema = Type.Object(
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

const PrimitiveSchema = Type.Object(
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
const LedgerSchema = Type.Object(
  {
    case: text,
    totalCpuUs: EstimateSchema,
    entries: Type.Array(Type.Object({ kind: text, label: text, cpuUs: EstimateSchema }, strict)),
    restCpuUs: EstimateSchema,
    explainedShare: EstimateSchema,
  },
  strict,
)

const BreakEvenSchema = Type.Object(
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

const HopSchema = Type.Object(
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

const CaseSchema = Type.Object(
  {
    id: text,
    scenario: text,
    role: armProperties.role,
    baseline: nullable(text),
    source: armProperties.source,
    outcome: armProperties.outcome,
    reason: nullable(text),
    parameters: armProperties.parameters,
    preflight: nullable(
      Type.Object(
        {
          controlsPassed: count,
          tried: count,
          refused: count,
          recorded: count,
          handlerCalls: count,
          /** Every partner's credential at every other's resources. */
          pairs: Type.Optional(
            Type.Object({ partners: count, tried: count, refused: count }, strict),
          ),
          /** Of a product: its name and version, and what it does not refuse as it must. */
          product: Type.Optional(text),
          gaps: Type.Optional(
            Type.Array(
              Type.Object(
                {
                  id: text,
                  gap: Type.Union([
                    Type.Literal('accepted'),
                    Type.Literal('refused otherwise'),
                    Type.Literal('not tried'),
                  ]),
                  outcome: text,
                },
                strict,
              ),
            ),
          ),
        },
        strict,
      ),
    ),
    metrics: MetricsSchema,
    /** At one connection, where the case has more. */
    singleConnection: nullable(MetricsSchema),
    /** The client was the limit of requestsPerSecond; null without that figure. */
    clientLimited: nullable(Type.Boolean()),
    /** The client was the limit in the slices that latencies are from. */
    latencyClientLimited: nullable(Type.Boolean()),
    /** Under offered load; null in closed loops. */
    openLoop: nullable(OpenLoopSchema),
    /** Latency against offered rate; null unless that was measured. */
    curve: nullable(CurveSchema),
    /** With new connections: how they were used, and what a connection took; else null. */
    churn: nullable(ChurnSchema),
    /** Of each hop, from the client's side; empty where the case is one server. */
    hops: Type.Array(HopSchema),
    warnings,
    /** Of a server that is the user's own; absent for scenarios. */
    target: armProperties.target,
  },
  strict,
)

const ComparisonSchema = Type.Object(
  {
    case: text,
    against: text,
    metric: metricName,
    ratio: figure,
    difference: figure,
    verdict: VerdictSchema,
    /** Share; a difference beyond it is ruled out. */
    rulesOutMoreThan: nullable(Type.Number()),
    clientLimited: Type.Boolean(),
  },
  strict,
)

const DecompositionSchema = Type.Object(
  {
    case: text,
    against: text,
    totalCpuUsPerRequest: EstimateSchema,
    parts: Type.Array(Type.Object({ arm: text, cpuUsPerRequest: figure, share: figure }, strict)),
    interactionCpuUsPerRequest: figure,
  },
  strict,
)

const ThresholdsSchema = Type.Object(
  {
    level: Type.Number(),
    effect: Type.Number(),
    equivalence: Type.Number(),
    minimumLevel: Type.Number(),
  },
  strict,
)

/** JSON Schema of what `bench --json` and `compare --live --json` print. */
export const RunEnvelopeSchema = Type.Object(
  {
    schema: Type.Literal(1),
    command: Type.Union([Type.Literal('run'), Type.Literal('compare')]),
    runId: text,
    file: nullable(text),
    mode: RunSchema.properties.mode,
    complete: Type.Boolean(),
    incompleteReason: nullable(text),
    blocksMeasured: count,
    blocksFailed: count,
    environment,
    cases: Type.Array(CaseSchema),
    comparisons: Type.Array(ComparisonSchema),
    decompositions: Type.Array(DecompositionSchema),
    /** Where the server CPU of two cases crosses, over requests per connection. */
    breakEvens: Type.Array(BreakEvenSchema),
    /** Primitives alone, and the cases told by them; empty unless `micro` measured. */
    primitives: Type.Array(PrimitiveSchema),
    ledgers: Type.Array(LedgerSchema),
    thresholds: ThresholdsSchema,
    charts: Type.Array(text),
    warnings,
  },
  { ...strict, $id: 'run-envelope' },
)

const SideSchema = Type.Object(
  {
    runId: text,
    label: text,
    commit: nullable(text),
    dirty: nullable(Type.Boolean()),
    startedAt: text,
    complete: Type.Boolean(),
  },
  strict,
)

/** JSON Schema of what `compare --json` prints of two stored runs. */
export const CompareEnvelopeSchema = Type.Object(
  {
    schema: Type.Literal(1),
    command: Type.Literal('compare'),
    before: SideSchema,
    after: SideSchema,
    comparisons: Type.Array(
      Type.Object(
        {
          case: text,
          /** Run id of the side before. */
          against: text,
          metric: metricName,
          /** Cost over that of the reference, in each side's own run. */
          beforeOverReference: figure,
          afterOverReference: figure,
          /** Of targets, which have no reference: in the metric's unit. */
          before: Type.Optional(figure),
          after: Type.Optional(figure),
          ratio: figure,
          verdict: VerdictSchema,
          rulesOutMoreThan: nullable(Type.Number()),
          clientLimited: Type.Boolean(),
        },
        strict,
      ),
    ),
    missing: Type.Array(Type.Object({ case: text, reason: text }, strict)),
    forced: Type.Array(text),
    thresholds: ThresholdsSchema,
    warnings,
  },
  { ...strict, $id: 'compare-envelope' },
)

/** What `bench --json` prints. */
export type RunEnvelope = Static<typeof RunEnvelopeSchema>

/** What `compare --json` prints of two stored runs. */
export type CompareEnvelope = Static<typeof CompareEnvelopeSchema>
