import { Type, type Static, type TSchema } from '@sinclair/typebox'
import { Ajv } from 'ajv'
import { BenchError } from './errors.ts'
import { RunSchema } from './results.ts'

// The wall for validations of sizes: what was predicted of a machine before it was measured, and what was
// measured then. What passes is one JSON file, in the shape below.

const strict = { additionalProperties: false } as const
const nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()])
const text = Type.String()
const count = Type.Integer({ minimum: 0 })
const amount = Type.Number()

/** Errors of predictions as shares of what was observed: 0.05 is 5 %. Null where nothing could be judged. */
export const ValidationErrorsSchema = Type.Object(
  {
    cpuMean: nullable(amount),
    cpuWorst: nullable(amount),
    saturationWorst: nullable(amount),
    p50Worst: nullable(amount),
    p99Worst: nullable(amount),
    /** Share of what was observed that lay in its 90 % interval. */
    coverage: nullable(amount),
    predictions: count,
  },
  strict,
)

/** A load that was never seen before: one case at a rate, or several on one core. */
const Cell = Type.Object(
  {
    name: text,
    kind: Type.Union([Type.Literal('rate'), Type.Literal('saturation'), Type.Literal('mix')]),
    loads: Type.Array(Type.Object({ case: text, ratePerSecond: amount }, strict)),
    /** Utilisation of the core that was predicted, 0 to 1; beyond it for saturation. */
    utilisation: amount,
  },
  strict,
)

const Prediction = Type.Object(
  {
    cell: text,
    metric: Type.Union([
      Type.Literal('cpuShare'),
      Type.Literal('saturationPerSecond'),
      Type.Literal('latencyP50Us'),
      Type.Literal('latencyP99Us'),
    ]),
    predicted: amount,
    /** Ends of its 90 % interval, the noise of what is observed included. */
    low: amount,
    high: amount,
    /** Null where it could not be observed. */
    observed: nullable(amount),
    /** Why it is not judged; null where it is. */
    excluded: nullable(text),
  },
  strict,
)

/** JSON Schema of a validation, which is also what `size --validate --json` prints. */
export const ValidationSchema = Type.Object(
  {
    schema: Type.Literal(1),
    command: Type.Literal('size'),
    kind: Type.Literal('validation'),
    validationId: text,
    mode: Type.Union([Type.Literal('smoke'), Type.Literal('default')]),
    startedAt: text,
    environment: RunSchema.properties.environment,
    /** Whether every block that was begun was measured whole. */
    complete: Type.Boolean(),
    /** What the predictions are from. */
    fittedRuns: Type.Array(text),
    /** What was measured then, beside this file. */
    run: text,
    blocks: count,
    level: amount,
    seed: count,
    cells: Type.Array(Cell),
    predictions: Type.Array(Prediction),
    errors: ValidationErrorsSchema,
  },
  { ...strict, $id: 'validation' },
)

/** A validation of sizes. */
export type Validation = Static<typeof ValidationSchema>
export type ValidationCell = Validation['cells'][number]
export type ValidationPrediction = Validation['predictions'][number]
export type ValidationErrors = Static<typeof ValidationErrorsSchema>

const validate = new Ajv({ allErrors: false }).compile<Validation>(ValidationSchema)

/** A validation out of unknown JSON; throws `results-unreadable` with the first place that does not fit. */
export function parseValidation(value: unknown, origin: string): Validation {
  if (validate(value)) return value
  const [first] = validate.errors ?? []
  throw new BenchError(
    'results-unreadable',
    `${origin}: no validation of schema 1: ${first?.instancePath ?? ''} ${first?.message ?? ''}`.trimEnd(),
  )
}
