import { Type, type Static } from '@sinclair/typebox'
import { plainTable, wrapWords, type Column } from '../render/table.ts'
import type { CheckResult } from './checks.ts'

const nullable = <T extends ReturnType<typeof Type.String>>(schema: T) =>
  Type.Union([schema, Type.Null()])

/** JSON Schema of what `doctor --json` prints. */
export const DoctorEnvelopeSchema = Type.Object(
  {
    schema: Type.Literal(1),
    command: Type.Literal('doctor'),
    /** False when one check is unfit. */
    fit: Type.Boolean(),
    checks: Type.Array(
      Type.Object(
        {
          id: Type.String(),
          state: Type.Union([
            Type.Literal('ok'),
            Type.Literal('warn'),
            Type.Literal('unfit'),
            Type.Literal('unknown'),
          ]),
          measured: Type.Union([Type.Number(), Type.String(), Type.Null()]),
          unit: nullable(Type.String()),
          advice: nullable(Type.String()),
        },
        { additionalProperties: false },
      ),
    ),
  },
  { additionalProperties: false, $id: 'doctor-envelope' },
)

/** What `doctor --json` prints. */
export type DoctorEnvelope = Static<typeof DoctorEnvelopeSchema>

/** The one object that `--json` prints. */
export function doctorEnvelope(results: readonly CheckResult[], fit: boolean): DoctorEnvelope {
  return { schema: 1, command: 'doctor', fit, checks: results.map((result) => ({ ...result })) }
}

/** The checks as a table of 100 columns, and the sum of it in a line. */
export function doctorTable(results: readonly CheckResult[]): string {
  const rows = results.map(({ id, state, measured, unit, advice }) => [
    id,
    state === 'unfit' ? 'UNFIT' : state,
    wrapWords(measuredText(measured, unit), widths.measured).join('\n'),
    wrapWords(advice ?? '', widths.advice).join('\n'),
  ])
  return [...plainTable(columns, rows, { color: false }), '', summaryOf(results), ''].join('\n')
}

function measuredText(measured: CheckResult['measured'], unit: string | null): string {
  if (measured === null) return 'not readable'
  const text = typeof measured === 'number' ? measured.toLocaleString('en-US') : measured
  return unit === null ? text : `${text} ${unit}`
}

function summaryOf(results: readonly CheckResult[]): string {
  const named = (state: CheckResult['state']) =>
    results.filter((result) => result.state === state).map(({ id }) => id)
  const [unfit, warned, unknown] = [named('unfit'), named('warn'), named('unknown')]
  const parts = [
    unfit.length > 0
      ? `This machine is unfit to measure: ${unfit.join(', ')}.`
      : 'This machine can measure.',
    ...(warned.length > 0 ? [`To mend for narrower intervals: ${warned.join(', ')}.`] : []),
    ...(unknown.length > 0 ? [`Not known here: ${unknown.join(', ')}.`] : []),
  ]
  return parts.join('\n')
}

const widths = { measured: 20, advice: 46 } as const
const columns: readonly Column[] = [
  { head: 'check', align: 'left' },
  { head: 'state', align: 'left' },
  { head: 'measured', align: 'left' },
  { head: 'advice', align: 'left' },
]
