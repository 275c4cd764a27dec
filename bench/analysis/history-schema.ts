import { Type, type Static, type TSchema } from '@sinclair/typebox'
import { RunSchema, type Warning } from '../results.ts'
import type { History, HistoryChange, HistoryPoint, MachineSeries } from './history.ts'
import { PRIMARY_METRIC } from './metrics.ts'

// What `compare --history --json` prints (DESIGN section 8): every unit in its name, unknown is null.

const strict = { additionalProperties: false } as const
const nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()])
const text = Type.String()
const count = Type.Integer({ minimum: 0 })
const share = Type.Number({ minimum: 0, maximum: 1 })
const ratio = Type.Number({ exclusiveMinimum: 0 })

const PointSchema = Type.Object(
  {
    runId: text,
    startedAt: text,
    complete: Type.Boolean(),
    commit: nullable(text),
    dirty: nullable(Type.Boolean()),
    /** Cost over that of the reference in the same blocks. */
    overReference: Type.Object(
      {
        estimate: ratio,
        low: nullable(ratio),
        high: nullable(ratio),
        /** Coverage reached, not the one asked for. */
        level: nullable(share),
        blocks: count,
      },
      strict,
    ),
  },
  strict,
)

const SegmentSchema = Type.Object(
  { firstRunId: text, lastRunId: text, runs: count, meanOverReference: ratio },
  strict,
)

const ChangePointSchema = Type.Object(
  {
    /** The last run before the change and the first after it. */
    beforeRunId: text,
    afterRunId: text,
    beforeCommit: nullable(text),
    afterCommit: nullable(text),
    pValue: share,
    /** Mean after over mean before; its unit of inference is the run. */
    ratio: Type.Object(
      {
        estimate: ratio,
        low: ratio,
        high: ratio,
        level: share,
        runsBefore: count,
        runsAfter: count,
      },
      strict,
    ),
    verdict: Type.Union([
      Type.Literal('better'),
      Type.Literal('worse'),
      Type.Literal('same'),
      Type.Literal('undecided'),
    ]),
    /** Both are of one clean commit: not of the code, unless the place is a run off. */
    sameCommit: Type.Boolean(),
    alsoChanged: Type.Array(text),
  },
  strict,
)

/** JSON Schema of what `compare --history --json` prints. */
export const HistoryEnvelopeSchema = Type.Object(
  {
    schema: Type.Literal(1),
    command: Type.Literal('compare'),
    metric: Type.Literal(PRIMARY_METRIC),
    /** Stored runs that are in a series. */
    runs: count,
    history: Type.Array(
      Type.Object(
        {
          case: text,
          scenario: text,
          /** Changes are looked for on each machine by itself. */
          machines: Type.Array(
            Type.Object(
              {
                machineId: text,
                cpuModel: text,
                points: Type.Array(PointSchema),
                segments: Type.Array(SegmentSchema),
                changePoints: Type.Array(ChangePointSchema),
              },
              strict,
            ),
          ),
        },
        strict,
      ),
    ),
    /** What is stored and in no series, by reason. */
    excluded: Type.Array(
      Type.Object(
        {
          reason: Type.Union(
            (
              [
                'smoke',
                'nothing-measured',
                'no-reference',
                'other-version',
                'other-reference',
                'duplicate',
                'case-not-measured',
                'other-request',
              ] as const
            ).map((reason) => Type.Literal(reason)),
          ),
          unit: Type.Union([Type.Literal('run'), Type.Literal('case')]),
          count,
          names: Type.Array(text),
        },
        strict,
      ),
    ),
    detection: Type.Object(
      {
        significance: share,
        permutations: count,
        minimumSegment: count,
        fewestRuns: count,
        level: share,
      },
      strict,
    ),
    charts: Type.Array(text),
    warnings: RunSchema.properties.warnings,
  },
  { ...strict, $id: 'history-envelope' },
)

/** What `compare --history --json` prints. */
export type HistoryEnvelope = Static<typeof HistoryEnvelopeSchema>

/** The one object that `compare --history --json` prints. */
export function historyEnvelope(
  history: History,
  context: { readonly charts: readonly string[]; readonly warnings: readonly Warning[] },
): HistoryEnvelope {
  return {
    schema: 1,
    command: 'compare',
    metric: PRIMARY_METRIC,
    runs: history.runs.length,
    history: history.series.map(({ case: id, scenario, machines }) => ({
      case: id,
      scenario,
      machines: machines.map((machine) => machineOf(machine, history)),
    })),
    excluded: history.excluded.map((exclusion) => ({ ...exclusion, names: [...exclusion.names] })),
    detection: { ...history.detection },
    charts: [...context.charts],
    warnings: [...context.warnings],
  }
}

type Machine = HistoryEnvelope['history'][number]['machines'][number]

function machineOf(
  { machineId, cpuModel, points, segments, changes }: MachineSeries,
  history: History,
): Machine {
  const runIdAt = (index: number) => runOf(points[index], history)?.runId ?? ''
  return {
    machineId,
    cpuModel,
    points: points.map((point) => {
      const { runId = '', startedAt = '', complete = false } = runOf(point, history) ?? {}
      const { commit, dirty, ratio: overReference } = point
      return { runId, startedAt, complete, commit, dirty, overReference }
    }),
    segments: segments.map(({ first, last, ratio: meanOverReference }) => ({
      firstRunId: runIdAt(first),
      lastRunId: runIdAt(last),
      runs: last - first + 1,
      meanOverReference,
    })),
    changePoints: changes.map((change) => ({
      beforeRunId: runIdAt(change.before),
      afterRunId: runIdAt(change.after),
      ...changePointOf(change, points),
    })),
  }
}

function changePointOf(
  { before, after, pValue, size, verdict, sameCommit, alsoChanged }: HistoryChange,
  points: readonly HistoryPoint[],
) {
  return {
    beforeCommit: points[before]?.commit ?? null,
    afterCommit: points[after]?.commit ?? null,
    pValue,
    ratio: { ...size },
    verdict,
    sameCommit,
    alsoChanged: [...alsoChanged],
  }
}

function runOf(point: HistoryPoint | undefined, { runs }: History) {
  return point === undefined ? undefined : runs[point.run]
}
