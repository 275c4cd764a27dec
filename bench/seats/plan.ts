import { Type, type Static } from '@sinclair/typebox'
import { Ajv } from 'ajv'
import { BenchError } from '../errors.ts'
import { PlannedClients } from './clients.ts'
import { amount, count, nullable, strict, text } from '../result-values.ts'
import { SourceSchema } from './source.ts'

// As much as the command line takes: whoever else writes to a Redis may not ask for more.
const mostPerSecond = 1e6
const mostConnections = 100_000
/** In ms. */
const time = Type.Number({ minimum: 0, maximum: 86_400_000 })

/** Version of the plan and of everything else that passes between coordinator and seats. */
export const planFormat = 1

const PlannedTarget = Type.Object(
  {
    /** Without what is behind its question mark, which may be a secret. */
    url: text,
    label: text,
    method: text,
    /** Those that are no secrets. */
    headers: Type.Record(Type.String(), Type.String()),
    expectedStatuses: Type.Array(Type.Integer({ minimum: 100, maximum: 599 }), { minItems: 1 }),
    expectedBodySha256: nullable(text),
    /** SHA-256 of method, path, names of headers, and body: every seat must come to the same. */
    requestDigest: text,
  },
  strict,
)

/** JSON Schema of what a coordinator asks of its seats; credentials by name alone. */
export const SeatPlanSchema = Type.Object(
  {
    format: Type.Literal(planFormat),
    source: SourceSchema,
    runId: text,
    /** A word that no other plan has: what is said of another of the same name is none of this one's. */
    nonce: Type.String({ pattern: '^\\w{8,64}$' }),
    schedule: Type.Object(
      {
        ratePerSecond: Type.Number({ minimum: 0, maximum: mostPerSecond }),
        arrivals: Type.Union([Type.Literal('constant'), Type.Literal('poisson')]),
        durationMs: time,
        seed: count,
      },
      strict,
    ),
    seats: Type.Integer({ minimum: 1, maximum: 10_000 }),
    /** Of all seats together, as is the number of connections at most. */
    connections: Type.Integer({ minimum: 1, maximum: mostConnections }),
    maxConnections: Type.Integer({ minimum: 1, maximum: mostConnections }),
    timeoutMs: time,
    target: PlannedTarget,
    /** Options that a seat must have been given itself: what they hold never passes through Redis. */
    credentials: Type.Array(text),
    /** Distinct clients of all seats together; null: one, without a number. */
    clients: nullable(PlannedClients),
    /** How long seats wait for each other, and the coordinator for results after the last answer. */
    waitMs: time,
    resultWaitMs: time,
    /** How long anything of the run stays in Redis. */
    keepMs: amount,
    /** Whether seats say the name of their host. */
    withNames: Type.Boolean(),
    /** Before the plan proper: seat 0 finds out alone how much one seat can offer. */
    trial: nullable(Type.Object({ ratesPerSecond: Type.Array(amount), stageMs: amount }, strict)),
  },
  { ...strict, $id: 'seat-plan' },
)

export type SeatPlan = Static<typeof SeatPlanSchema>

/** A plan out of what is in Redis; throws `usage` for another format, `measurement-failed` for anything else. */
export function parsePlan(written: string, runId: string): SeatPlan {
  const value = parseJson(written)
  if (isOtherFormat(value)) {
    throw new BenchError(
      'usage',
      `the plan of run ${runId} is of format ${JSON.stringify(value.format)}, this seat reads ${planFormat}: start seats of the coordinator's version`,
    )
  }
  if (validate(value) && value.runId === runId) return value
  const [first] = validate.errors ?? []
  const where = first === undefined ? 'another run' : `${first.instancePath} ${first.message ?? ''}`
  throw new BenchError(
    'measurement-failed',
    `the plan of run ${runId} is not one (${where.trim()}): somebody else writes to these keys, give another --run-id`,
  )
}

/** JSON, or null: nothing of what it is instead is repeated. */
export function parseJson(written: string): unknown {
  try {
    return JSON.parse(written)
  } catch {
    return null
  }
}

function isOtherFormat(value: unknown): value is { readonly format: number } {
  return (
    typeof value === 'object' &&
    value !== null &&
    'format' in value &&
    typeof value.format === 'number' &&
    value.format !== planFormat
  )
}

const validate = new Ajv().compile<SeatPlan>(SeatPlanSchema)
