import { Type, type Static } from '@sinclair/typebox'
import { Ajv } from 'ajv'
import { BenchError } from './errors.ts'
import { RunSchema } from './results.ts'

// The wall for trials: what no load tells, as the cost of a refusal, a cold start, or a count. What passes
// is one JSON file, in the shape below.

const strict = { additionalProperties: false } as const
const text = Type.String()

const TrialRecord = Type.Object(
  {
    name: text,
    what: text,
    series: Type.Array(
      Type.Object(
        {
          name: text,
          /** Empty for a count. */
          unit: Type.Union([Type.Literal('µs'), Type.Literal('ms'), Type.Literal('')]),
          /** One a repetition, in their order: those of two series at one place belong together. */
          values: Type.Array(Type.Number(), { minItems: 1 }),
        },
        strict,
      ),
    ),
  },
  strict,
)

/** JSON Schema of a file of trials. */
export const TrialsSchema = Type.Object(
  {
    schema: Type.Literal(1),
    kind: Type.Literal('trials'),
    trialsId: text,
    startedAt: text,
    environment: RunSchema.properties.environment,
    trials: Type.Array(TrialRecord),
  },
  { ...strict, $id: 'trials' },
)

/** A trial with what it told. */
export type TrialRecord = Static<typeof TrialRecord>
export type TrialSeries = TrialRecord['series'][number]
export type TrialsFile = Static<typeof TrialsSchema>

const validate = new Ajv({ allErrors: false }).compile<TrialsFile>(TrialsSchema)

/** A file of trials out of unknown JSON; throws `results-unreadable` with the first place that does not fit. */
export function parseTrials(value: unknown, origin: string): TrialsFile {
  if (validate(value)) return value
  const [first] = validate.errors ?? []
  throw new BenchError(
    'results-unreadable',
    `${origin}: no trials of schema 1: ${first?.instancePath ?? ''} ${first?.message ?? ''}`.trimEnd(),
  )
}
