import { Type, type TSchema } from '@sinclair/typebox'
import { RunSchema } from '../results.ts'
import { ClockSchema } from '../seats/clock.ts'

// What `--json` prints of the commands that show no run; those of runs are in analysis/envelope-schema.ts.

const strict = { additionalProperties: false } as const
const nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()])
const text = Type.String()
const count = Type.Integer({ minimum: 0 })
const share = Type.Number()
const { refusals: tried, pairs } = preflightOf(RunSchema)
const refusal = tried.items

/** JSON Schema of what `verify --json` prints. */
export const VerifyEnvelopeSchema = Type.Object(
  {
    schema: Type.Literal(1),
    command: Type.Literal('verify'),
    /** Whether every bad credential was refused as it must be. */
    complete: Type.Boolean(),
    cases: Type.Array(
      Type.Object(
        {
          id: text,
          scenario: text,
          parameters: Type.Record(text, text),
          preflight: Type.Object(
            {
              controlsPassed: count,
              tried: count,
              refused: count,
              recorded: count,
              handlerCalls: count,
              pairs,
              product: Type.Optional(text),
            },
            strict,
          ),
        },
        strict,
      ),
    ),
    refusals: Type.Array(
      Type.Object(
        {
          case: text,
          /** Tried behind the hops before this one, by an attacker who has what `holds` says. */
          hop: Type.Optional(text),
          holds: Type.Optional(text),
          ...refusal.properties,
        },
        strict,
      ),
    ),
  },
  { ...strict, $id: 'verify-envelope' },
)

/** JSON Schema of what `server --json` prints, once, when it listens. */
export const ServerEnvelopeSchema = Type.Object(
  {
    schema: Type.Literal(1),
    command: Type.Literal('server'),
    case: text,
    url: text,
    issuer: nullable(text),
    folder: text,
    curl: Type.Array(Type.Object({ about: text, line: text }, strict)),
  },
  { ...strict, $id: 'server-envelope' },
)

/** JSON Schema of what `export --json` prints. */
export const ExportEnvelopeSchema = Type.Object(
  {
    schema: Type.Literal(1),
    command: Type.Literal('export'),
    tool: Type.Literal('k6'),
    exports: Type.Array(
      Type.Object(
        {
          case: text,
          scenario: text,
          folder: text,
          script: text,
          /** A ConfigMap with the script, and a TestRun of k6-operator. */
          manifests: text,
          /** Those that must be set when it runs. */
          variables: Type.Array(text),
          /** Files that it reads from the folder that CREDENTIALS names. */
          credentials: Type.Array(text),
          load: Type.Object(
            {
              ratePerSecond: Type.Number(),
              durationMs: Type.Number(),
              sloP99Us: Type.Number(),
              errorShare: share,
              seats: count,
              virtualUsers: count,
              maxVirtualUsers: count,
            },
            strict,
          ),
        },
        strict,
      ),
    ),
  },
  { ...strict, $id: 'export-envelope' },
)

/** JSON Schema of what `seat --json` prints when its result is handed over. */
export const SeatEnvelopeSchema = Type.Object(
  {
    schema: Type.Literal(1),
    command: Type.Literal('seat'),
    runId: text,
    index: count,
    seats: count,
    requests: count,
    answered: count,
    timeouts: count,
    errors: Type.Record(text, count),
    /** On the monotonic clock of its machine. */
    startedAtUs: Type.Number(),
    clock: ClockSchema,
    driftUs: Type.Number(),
  },
  { ...strict, $id: 'seat-envelope' },
)

const seconds = Type.Object({ median: Type.Number(), worst: Type.Number() }, strict)

/** JSON Schema of what `selftest --json` prints. Shares are fractions: 0.03 is 3 %. */
export const SelftestEnvelopeSchema = Type.Object(
  {
    schema: Type.Literal(1),
    command: Type.Literal('selftest'),
    complete: Type.Boolean(),
    environment: nullable(RunSchema.properties.environment),
    trials: Type.Array(
      Type.Object(
        {
          injectedShare: share,
          secondsPerMechanism: Type.Number(),
          firstSecondsPerMechanism: Type.Number(),
          runId: text,
          blocks: count,
          changes: Type.Array(Type.Object({ case: text, metric: text, verdict: text })),
        },
        strict,
      ),
    ),
    calibration: Type.Object(
      {
        falsePositives: Type.Object(
          {
            comparisons: count,
            verdicts: count,
            flagged: count,
            undecided: count,
            resampledShare: nullable(share),
            blocks: count,
          },
          strict,
        ),
        power: Type.Array(
          Type.Object(
            {
              injectedShare: share,
              case: text,
              tries: count,
              found: count,
              measuredShare: nullable(share),
              secondsPerMechanism: seconds,
              firstSecondsPerMechanism: seconds,
            },
            strict,
          ),
        ),
        smallestDetectable: Type.Array(Type.Object({ case: text, share: nullable(share) }, strict)),
        blocksPerVerdict: count,
        halfWidthAt16Blocks: nullable(seconds),
        pairing: Type.Array(
          Type.Object(
            { case: text, pairedSd: share, sequentialSd: share, gain: Type.Number() },
            strict,
          ),
        ),
      },
      strict,
    ),
  },
  { ...strict, $id: 'selftest-envelope' },
)

const ClaimValueSchema = Type.Union([
  Type.Number(),
  Type.Object(
    {
      estimate: Type.Number(),
      low: nullable(Type.Number()),
      high: nullable(Type.Number()),
      level: nullable(Type.Number()),
      blocks: count,
    },
    strict,
  ),
])

/** JSON Schema of what `claims --json` prints. */
export const ClaimsEnvelopeSchema = Type.Object(
  {
    schema: Type.Literal(1),
    command: Type.Literal('claims'),
    /** Whether every experiment asked for has a run. */
    complete: Type.Boolean(),
    environment: RunSchema.properties.environment,
    claims: Type.Array(
      Type.Object(
        {
          id: text,
          sentence: text,
          source: text,
          verdict: Type.Union(
            ['supported', 'refuted', 'depends', 'undecided', 'not measured', 'not testable'].map(
              (verdict) => Type.Literal(verdict),
            ),
          ),
          seen: text,
          numbers: Type.Array(
            Type.Object({ label: text, unit: text, value: ClaimValueSchema }, strict),
          ),
          turnsAt: nullable(
            Type.Object({ variable: text, value: nullable(ClaimValueSchema) }, strict),
          ),
          /** Of fewer blocks than a verdict should have. */
          provisional: Type.Boolean(),
          reproduce: Type.Array(text),
          runs: Type.Array(text),
        },
        strict,
      ),
    ),
  },
  { ...strict, $id: 'claims-envelope' },
)

/** The properties of a preflight, which a run holds or null. */
function preflightOf(schema: typeof RunSchema) {
  const [preflight] = schema.properties.arms.items.properties.preflight.anyOf
  return preflight.properties
}
