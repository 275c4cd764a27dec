import { Type, type Static } from '@sinclair/typebox'
import { Ajv } from 'ajv'
import { BenchError } from './errors.ts'
import type { ChurnCell, ChurnSlice, Slice, Window } from './result-blocks.ts'
import { Block } from './result-blocks.ts'
import { SeenClients } from './result-seats.ts'
import { amount, count, counts, nullable, strict, text } from './result-values.ts'

// The wall. Left of it things are measured, right of it they are explained; what passes is one JSON
// file a run, in the shapes below. Unknown is null, never 0; every unit is in its name.

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
    /** Of many clients how many took part, by what was sent of them; null where they have none of their own. */
    clients: Type.Optional(SeenClients),
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
