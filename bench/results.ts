import { Type, type Static, type TSchema } from '@sinclair/typebox'
import { Ajv } from 'ajv'
import { BenchError } from './errors.ts'

// The wall. Left of it things are measured, right of it they are explained; what passes is one JSON
// file a run, in the shapes below. Unknown is null, never 0; every unit is in its name.

const nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()])
const count = Type.Integer({ minimum: 0 })
const amount = Type.Number({ minimum: 0 })
const counts = Type.Record(Type.String(), count)
const text = Type.String()
const strict = { additionalProperties: false } as const

/** A warning is data and carries advice. */
const Warning = Type.Object({ code: text, message: text, advice: text }, strict)

/** Machine, runtime and source, read at measuring time. */
const Environment = Type.Object(
  {
    /** Fingerprint of the hardware and operating system: runs of unequal ones are not compared. */
    machineId: text,
    cpuModel: text,
    cores: count,
    memoryBytes: count,
    os: text,
    arch: text,
    node: text,
    openssl: text,
    v8: text,
    /** Versions of the packages that take part in what is measured. */
    packages: Type.Record(Type.String(), Type.String()),
    commit: nullable(text),
    branch: nullable(text),
    dirty: nullable(Type.Boolean()),
    /** Whether servers and client were pinned to cores of their own. */
    pinned: Type.Boolean(),
    serverCpus: nullable(Type.Array(count)),
    clientCpus: nullable(Type.Array(count)),
  },
  strict,
)

/** One attempt of preflight with a bad credential, as counts for its id. */
const Refusal = Type.Object(
  {
    id: text,
    kind: Type.Union([Type.Literal('refuse'), Type.Literal('record')]),
    /** Other ids that are this very attempt under this scenario (C2 is M1). */
    sameAs: Type.Array(text),
    describe: text,
    expected: text,
    outcome: text,
    passed: Type.Boolean(),
    handlerCalls: count,
    /** Reasons found in the server's log, or the client's own refusal. */
    reasons: Type.Array(text),
    /** Of a product, where it did not pass: it got in; it was refused in another way; it could not be tried. */
    gap: Type.Optional(
      Type.Union([
        Type.Literal('accepted'),
        Type.Literal('refused otherwise'),
        Type.Literal('not tried'),
      ]),
    ),
  },
  strict,
)

/** What one hop catches when all before it are in the hands of an attacker. */
const HopRefusals = Type.Object(
  {
    hop: text,
    /** What the attacker has, of the hop before. */
    holds: text,
    tried: count,
    refused: count,
    /** `refuse`: what this hop is there to check. `record`: what it leaves to those before it. */
    refusals: Type.Array(Refusal),
  },
  strict,
)

/** Every partner's credential at every other partner's resources. */
const PairRefusals = Type.Object({ partners: count, tried: count, refused: count }, strict)

const Preflight = Type.Object(
  {
    controlsPassed: count,
    tried: count,
    refused: count,
    recorded: count,
    handlerCalls: count,
    /** Name and version of a product that serves instead of a server of ours: what it accepts is marked, and told beside its numbers. */
    product: Type.Optional(text),
    refusals: Type.Array(Refusal),
    /** Of a case with several hops: each behind the first. */
    hops: Type.Optional(Type.Array(HopRefusals)),
    /** Of a case with partners. */
    pairs: Type.Optional(PairRefusals),
  },
  strict,
)

/** What is known of a target; no secret, and of its URL nothing behind a question mark. */
const TargetRecord = Type.Object(
  {
    url: text,
    method: text,
    expectedStatuses: Type.Array(count),
    /** Protocol and cipher; null for plain HTTP. */
    tls: nullable(text),
    /** What is sent at most; null on this machine, where nothing is held back. */
    cap: nullable(
      Type.Object({ ratePerSecond: amount, durationMs: amount, connections: count }, strict),
    ),
    /** How its CPU is known. */
    cpu: Type.Union([
      Type.Literal('unknown'),
      Type.Literal('processes'),
      Type.Literal('prometheus'),
    ]),
    /** Null: no token is sent. */
    tokens: nullable(
      Type.Object(
        {
          fetched: count,
          /** Of the newest; null where it does not say. */
          lifetimeMs: nullable(Type.Number()),
          /** Failed refreshes, by reason. */
          failures: counts,
        },
        strict,
      ),
    ),
  },
  strict,
)

/** A Case out of one source tree, as it took part in the run. */
const ArmRecord = Type.Object(
  {
    /** Unique in the run; the case id unless the same case takes part twice. */
    id: text,
    caseId: text,
    scenario: text,
    parameters: Type.Record(Type.String(), Type.String()),
    role: Type.Union([
      Type.Literal('case'),
      Type.Literal('baseline'),
      Type.Literal('part'),
      Type.Literal('reference'),
    ]),
    /** Arm that its cost is told against. */
    against: nullable(text),
    /** Arms whose costs should add up to this one's. */
    parts: Type.Array(text),
    source: Type.Object(
      { label: text, commit: nullable(text), dirty: nullable(Type.Boolean()) },
      strict,
    ),
    /** SHA-256 of the request head and of the response body: what was asked, what was answered. */
    requestDigest: text,
    responseDigest: nullable(text),
    outcome: Type.Union([
      Type.Literal('measured'),
      Type.Literal('failed'),
      Type.Literal('skipped'),
    ]),
    reason: nullable(text),
    preflight: nullable(Preflight),
    warnings: Type.Array(Warning),
    /** Of a server that is the user's own; absent for scenarios. */
    target: Type.Optional(TargetRecord),
  },
  strict,
)

/** What each hop of a case used of `cpuUs`, from the client's side. */
const HopShares = Type.Optional(Type.Array(Type.Object({ hop: text, cpuUs: amount }, strict)))

/** A short, fixed number of requests to one arm. */
const Slice = Type.Object(
  {
    arm: text,
    /** Place in the block's order of slices, from 0. */
    position: count,
    /** `duet`: our own persistent connections, the paired slices; `saturation`: autocannon, with new connections in each slice. */
    load: Type.Union([Type.Literal('duet'), Type.Literal('saturation')]),
    connections: count,
    requests: count,
    /** From the first send to the last response. */
    wallUs: amount,
    /** All threads of all server processes of the arm; the authorization server apart. Null for servers that are not ours. */
    cpuUs: nullable(amount),
    hops: HopShares,
    issuerCpuUs: nullable(amount),
    clientCpuUs: amount,
    /** Time that runnable server threads waited for a core. */
    runQueueUs: nullable(amount),
    /** Time the hypervisor gave this machine's cores to others. */
    stealUs: nullable(amount),
    /** CPU that processes outside this run used; from 10 ms ticks, so in one slice it may fall below zero. */
    foreignCpuUs: nullable(Type.Number()),
    /** Time that the client's thread was runnable and had no core: its latencies hold that too. */
    clientRunQueueUs: nullable(amount),
    /** Null for products, which have no event loop or collector that tells. */
    eventLoopUtilization: nullable(amount),
    clientEventLoopUtilization: amount,
    gcUs: nullable(amount),
    rssBytes: nullable(count),
    /** By the server's count; by the client's for servers that are not ours. */
    handshakesFull: count,
    handshakesResumed: count,
    statuses: counts,
    latencyP50Us: amount,
    bytesReceived: count,
  },
  strict,
)

/** What one arm did with an offered load: one schedule of intended sends, whatever the server does. */
const Window = Type.Object(
  {
    arm: text,
    plan: Type.Object(
      {
        ratePerSecond: amount,
        arrivals: Type.Union([Type.Literal('constant'), Type.Literal('poisson')]),
        durationMs: amount,
        /** Of the schedule: the same seed gives the same intended sends. */
        seed: count,
        connections: count,
        maxConnections: count,
        timeoutMs: amount,
        /** Processes that offer it together; absent: the one that measures. */
        generators: Type.Optional(count),
      },
      strict,
    ),
    /** Of a curve: the rates of all blocks, the search for the highest that meets p99 ≤ so much, its confirmation. */
    stage: Type.Optional(
      Type.Union([Type.Literal('grid'), Type.Literal('search'), Type.Literal('confirm')]),
    ),
    sloP99Us: Type.Optional(amount),
    requests: count,
    answered: count,
    /** By reason. */
    errors: counts,
    timeouts: count,
    wallUs: amount,
    /** From the start to the last intended send, and to the last send. */
    scheduleUs: amount,
    sendingUs: amount,
    bytesReceived: count,
    connectionsOpened: count,
    /** Requests under way or waiting, at most; of several generators the sum of what each had at most. */
    maxOutstanding: count,
    /** What each of several generators did and used; `clientCpuUs` and `spinUs` are their sums. */
    generators: Type.Optional(
      Type.Array(
        Type.Object({ requests: count, wallUs: amount, cpuUs: amount, spinUs: amount }, strict),
      ),
    ),
    /** Null for servers that are not ours. */
    cpuUs: nullable(amount),
    hops: HopShares,
    issuerCpuUs: nullable(amount),
    clientCpuUs: amount,
    /** Of the client's time, what it spent looking at the clock and nothing else. */
    spinUs: amount,
    runQueueUs: nullable(amount),
    stealUs: nullable(amount),
    foreignCpuUs: nullable(Type.Number()),
    clientRunQueueUs: nullable(amount),
    clientEventLoopUtilization: amount,
    handshakesFull: nullable(count),
    handshakesResumed: nullable(count),
    gcUs: nullable(amount),
    rssBytes: nullable(count),
    /** Compressed V2 HdrHistograms in base64, whole µs. All but `service` count from the intended send. */
    histograms: Type.Object(
      { response: text, service: text, queueWait: text, lateness: text },
      strict,
    ),
  },
  strict,
)

/** What was done on connections, under one arm: each cell of these is interleaved with the others. */
const ChurnUse = {
  /** `keep-alive`: connections that were open before and stay open. */
  policy: Type.Union([Type.Literal('full'), Type.Literal('resumed'), Type.Literal('keep-alive')]),
  /** Null where connections stay. */
  requestsPerConnection: nullable(count),
  /** Of a reconnect storm: clients that connect at once and stay until all are served. */
  clients: Type.Optional(count),
}

/** One slice of new connections. Handshakes are the server's count, or the client's for servers that are not ours. */
const ChurnSlice = Type.Object(
  {
    /** Place in the block's order of slices, from 0. */
    position: count,
    /** New ones, of which so many at a time. */
    connections: count,
    concurrency: count,
    requests: count,
    wallUs: amount,
    cpuUs: nullable(amount),
    hops: HopShares,
    issuerCpuUs: nullable(amount),
    clientCpuUs: amount,
    runQueueUs: nullable(amount),
    stealUs: nullable(amount),
    foreignCpuUs: nullable(Type.Number()),
    clientRunQueueUs: nullable(amount),
    /** Null for products, which have no event loop or collector that tells. */
    eventLoopUtilization: nullable(amount),
    clientEventLoopUtilization: amount,
    gcUs: nullable(amount),
    rssBytes: nullable(count),
    handshakesFull: count,
    handshakesResumed: count,
    /** Refused handshakes: what the client saw, what the server counted. */
    connectionsRefused: count,
    handshakesFailed: nullable(count),
    bytesReceived: count,
  },
  strict,
)

/** All slices of one arm with one use of connections in one block. */
const ChurnCell = Type.Object(
  {
    arm: text,
    ...ChurnUse,
    slices: Type.Array(ChurnSlice),
    /** Compressed V2 HdrHistograms in base64, whole µs; null without new connections, `tls` also without TLS. */
    histograms: Type.Object(
      {
        tcp: nullable(text),
        tls: nullable(text),
        firstByte: nullable(text),
        response: text,
        /** From connect to the end of the first answer. */
        served: Type.Optional(nullable(text)),
      },
      strict,
    ),
  },
  strict,
)

/** One thing that servers do, alone: CPU of all threads of its process. */
const PrimitiveReading = Type.Object(
  { id: text, calls: count, cpuUsPerCall: amount, wallP50UsPerCall: amount },
  strict,
)

/** Fresh processes for every arm, warm-up, then interleaved slices or windows: the only unit of inference. */
const Block = Type.Object(
  {
    index: count,
    startedAt: text,
    /** Order in which the arms' processes were started. */
    startOrder: Type.Array(text),
    outcome: Type.Union([Type.Literal('measured'), Type.Literal('failed')]),
    reason: nullable(text),
    slices: Type.Array(Slice),
    /** Of a run under offered load, which has no slices. */
    windows: Type.Optional(Type.Array(Window)),
    /** Of a run with new connections, which has no slices either. */
    churn: Type.Optional(Type.Array(ChurnCell)),
    /** Of `micro`: measured after the slices, in a fresh process on the servers' cores. */
    primitives: Type.Optional(Type.Array(PrimitiveReading)),
    /** CPU of targets over the whole block, where it is known no finer; null in a block too short to tell. */
    counted: Type.Optional(
      Type.Array(
        Type.Object(
          {
            arm: text,
            cpuUs: nullable(amount),
            requests: count,
            wallUs: amount,
            resolutionMs: nullable(amount),
          },
          strict,
        ),
      ),
    ),
    /** Merged over the block's slices, per arm, load and number of connections: compressed V2 HdrHistogram in base64, µs. */
    histograms: Type.Array(
      Type.Object(
        {
          arm: text,
          load: Type.Union([Type.Literal('duet'), Type.Literal('saturation')]),
          connections: count,
          histogram: text,
        },
        strict,
      ),
    ),
    /** Times that the hops of an arm took themselves, in duet slices, merged like `histograms`. */
    spans: Type.Optional(
      Type.Array(
        Type.Object(
          {
            arm: text,
            connections: count,
            hop: text,
            /** From the head of a request to the end of its answer, and that without waiting for the next hop. */
            whole: text,
            own: text,
          },
          strict,
        ),
      ),
    ),
  },
  strict,
)

/** JSON Schema of a Run file. */
export const RunSchema = Type.Object(
  {
    schema: Type.Literal(1),
    /** Version of the measuring procedure: figures of unequal ones are not compared. */
    measuringVersion: count,
    runId: text,
    command: Type.Array(text),
    mode: Type.Union([
      Type.Literal('smoke'),
      Type.Literal('quick'),
      Type.Literal('default'),
      Type.Literal('full'),
    ]),
    startedAt: text,
    finishedAt: nullable(text),
    complete: Type.Boolean(),
    incompleteReason: nullable(text),
    seed: count,
    /** SHA-256 of the sources of the reference server: another one is another scale. */
    referenceDigest: text,
    environment: Environment,
    arms: Type.Array(ArmRecord),
    blocks: Type.Array(Block),
    warnings: Type.Array(Warning),
  },
  { ...strict, $id: 'run' },
)

/** One measuring session: environment and blocks. One JSON file. */
export type Run = Static<typeof RunSchema>
export type Warning = Static<typeof Warning>
export type Environment = Static<typeof Environment>
export type Refusal = Static<typeof Refusal>
export type Preflight = Static<typeof Preflight>
export type HopRefusals = Static<typeof HopRefusals>
export type PairRefusals = Static<typeof PairRefusals>
export type ArmRecord = Static<typeof ArmRecord>
export type Slice = Static<typeof Slice>
export type Window = Static<typeof Window>
export type ChurnCell = Static<typeof ChurnCell>
export type ChurnSlice = Static<typeof ChurnSlice>
export type Block = Static<typeof Block>
export type Mode = Run['mode']

const validate = new Ajv({ allErrors: false }).compile<Run>(RunSchema)

/** A Run out of unknown JSON; throws `results-unreadable` with the first place that does not fit. */
export function parseRun(value: unknown, origin: string): Run {
  if (validate(value)) return value
  const [first] = validate.errors ?? []
  throw new BenchError(
    'results-unreadable',
    `${origin}: not a trustbench run of schema 1: ${first?.instancePath ?? ''} ${first?.message ?? ''}`.trimEnd(),
  )
}
