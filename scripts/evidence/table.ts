import type { Calibration } from '../../bench/analysis/calibration.ts'
import { plainTable } from '../../bench/render/table.ts'

/** Raw output of the steps; null where one was not run. */
export interface Evidence {
  readonly calibration: Calibration | null
  readonly full: { readonly seconds: number; readonly blocks: number } | null
  readonly reanalysis: {
    readonly analyses: readonly { readonly seconds: number; readonly sha256: string }[]
  } | null
  readonly drivers: {
    readonly claims: readonly {
      readonly name: string
      readonly ratio: {
        readonly estimate: number
        readonly low: number | null
        readonly high: number | null
      } | null
      readonly holds: boolean | null
    }[]
  } | null
}

/** What was asked, what was seen, and whether it holds; null = not measured. */
export interface EvidenceRow {
  readonly asked: string
  readonly seen: string
  readonly holds: boolean | null
}

/** Rows of everything that was asked for: what was not measured is a row too. */
export function evidenceRows(evidence: Evidence): EvidenceRow[] {
  return [
    ...calibrationRows(evidence.calibration),
    timeRow(evidence.full),
    reanalysisRow(evidence.reanalysis),
    ...driverRows(evidence.drivers),
  ]
}

/** The rows as a table for a terminal. Ends with a line feed. */
export function renderEvidence(evidence: Evidence): string {
  const columns = [
    { head: 'asked', align: 'left' },
    { head: 'seen', align: 'left' },
    { head: '', align: 'left' },
  ] as const
  const rows = evidenceRows(evidence).map(({ asked, seen, holds }) => [
    asked,
    seen,
    holds === null ? 'not shown' : holds ? 'holds' : 'missed',
  ])
  return `${plainTable(columns, rows, { color: false }).join('\n')}\n`
}

function calibrationRows(calibration: Calibration | null): EvidenceRow[] {
  const asked = {
    flagged: 'A/A, 10 comparisons: 0 worse or better',
    resampled: 'A/A resampled from 150 blocks or more: ≤ 0.5 %',
    undecided: 'A/A undecided: ≤ 10 %',
    width: '99 % half-width at 16 blocks: median ≤ 1.2 %',
    gain: 'sd, sequential ÷ paired: ≥ 5',
    five: '+5 %, 10 tries: all found, ≤ 60 s per mechanism',
    three: '+3 %, 10 tries: 9 found, ≤ 120 s per mechanism',
  }
  if (calibration === null) return Object.values(asked).map(notMeasured)
  const { falsePositives, halfWidthAt16Blocks: width, pairing } = calibration
  const { comparisons, verdicts, flagged, undecided, resampledShare, blocks } = falsePositives
  return [
    {
      asked: asked.flagged,
      seen: `${flagged} of ${verdicts} verdicts in ${comparisons} comparisons`,
      holds: comparisons < 10 ? null : flagged === 0,
    },
    {
      asked: asked.resampled,
      seen:
        resampledShare === null
          ? 'too few blocks'
          : `${percent(resampledShare)} of ${blocks} blocks`,
      holds: resampledShare === null || blocks < 150 ? null : resampledShare <= 0.005,
    },
    {
      asked: asked.undecided,
      seen: `${undecided} of ${verdicts}`,
      holds: verdicts === 0 ? null : undecided <= 0.1 * verdicts,
    },
    {
      asked: asked.width,
      seen:
        width === null
          ? 'too few blocks'
          : `${percent(width.median)}, worst ${percent(width.worst)}`,
      holds: width === null ? null : width.median <= 0.012,
    },
    {
      asked: asked.gain,
      seen: pairing.map((each) => `${scenarioOf(each.case)} ${each.gain.toFixed(1)}`).join(', '),
      holds: pairing.length === 0 ? null : pairing.every(({ gain }) => gain >= 5),
    },
    powerRow(asked.five, calibration, { share: 0.05, missesAllowed: 0, seconds: 60 }),
    powerRow(asked.three, calibration, { share: 0.03, missesAllowed: 1, seconds: 120 }),
  ]
}

function powerRow(
  asked: string,
  { power }: Calibration,
  wanted: { readonly share: number; readonly missesAllowed: number; readonly seconds: number },
): EvidenceRow {
  const rows = power.filter(({ injectedShare }) => injectedShare === wanted.share)
  const tries = rows.reduce((sum, row) => sum + row.tries, 0)
  if (tries === 0) return notMeasured(asked)
  const found = rows.reduce((sum, row) => sum + row.found, 0)
  const worst = Math.max(0, ...rows.map(({ secondsPerMechanism }) => secondsPerMechanism.worst))
  const first = Math.max(0, ...rows.map((row) => row.firstSecondsPerMechanism.worst))
  return {
    asked,
    seen: `${found} of ${tries}, at most ${first.toFixed(0)} s to the verdict, ${worst.toFixed(0)} s confirmed`,
    holds: tries < 10 ? null : found >= tries - wanted.missesAllowed && worst <= wanted.seconds,
  }
}

function timeRow(full: Evidence['full']): EvidenceRow {
  const asked = 'five mechanisms and the baseline, --full: ≤ 600 s'
  if (full === null) return notMeasured(asked)
  return {
    asked,
    seen: `${full.seconds.toFixed(0)} s, ${full.blocks} blocks`,
    holds: full.seconds <= 600,
  }
}

function reanalysisRow(reanalysis: Evidence['reanalysis']): EvidenceRow {
  const asked = 'the same run analysed again: same bytes, < 2 s'
  if (reanalysis === null) return notMeasured(asked)
  const { analyses } = reanalysis
  const slowest = Math.max(...analyses.map(({ seconds }) => seconds))
  const equal = new Set(analyses.map(({ sha256 }) => sha256)).size === 1
  return {
    asked,
    seen: `${equal ? 'same bytes' : 'other bytes'}, ${slowest.toFixed(2)} s at most of ${analyses.length}`,
    holds: analyses.length < 2 ? null : equal && slowest < 2,
  }
}

function driverRows(drivers: Evidence['drivers']): EvidenceRow[] {
  if (drivers === null) return [notMeasured('client CPU beside autocannon and wrk')]
  return drivers.claims.map(({ name, ratio, holds }) => ({
    asked: name,
    seen:
      ratio?.low == null || ratio.high === null
        ? 'no interval'
        : `${ratio.estimate.toFixed(3)} [${ratio.low.toFixed(3)}, ${ratio.high.toFixed(3)}]`,
    holds,
  }))
}

function notMeasured(asked: string): EvidenceRow {
  return { asked, seen: 'not measured', holds: null }
}

function percent(share: number): string {
  return `${(share * 100).toFixed(2)} %`
}

function scenarioOf(caseId: string): string {
  return caseId.split('/')[0] ?? caseId
}
