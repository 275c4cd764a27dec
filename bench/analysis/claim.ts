import type { Run } from '../results.ts'
import type { TrialRecord } from '../trials.ts'
import type { EventWindow } from './event-windows.ts'
import type { Estimate } from './stats.ts'

/** What an experiment made of a sentence of the sources. */
export type ClaimVerdict =
  | 'supported'
  | 'refuted'
  /** True on one side of a value of a variable, which is told. */
  | 'depends'
  /** The intervals do not allow any of these. */
  | 'undecided'
  | 'not measured'
  | 'not testable'

/** A figure that a verdict rests on. */
export interface ClaimNumber {
  readonly label: string
  readonly unit: 'µs' | 'ms' | 's' | 'millicores' | '×' | '' | '%' | 'requests' | 'of'
  /** A number that was counted, or an estimate with its interval. */
  readonly value: Estimate | number
}

/** A verdict with its grounds. */
export interface Decision {
  readonly verdict: ClaimVerdict
  /** What was seen, in one sentence. */
  readonly seen: string
  readonly numbers: readonly ClaimNumber[]
  /** Of `depends`: the variable, and where it turns. */
  readonly turnsAt: { readonly variable: string; readonly value: Estimate | null } | null
}

/** Runs by the name of their experiment; one that was not measured is not in it. */
export type Evidence = ReadonlyMap<string, Run>

/** Windows of events by their name. */
export type Windows = ReadonlyMap<string, EventWindow>

/** Trials by their name. */
export type Trials = ReadonlyMap<string, TrialRecord>

/** A sentence of the sources, and how it is decided. */
export interface Claim {
  readonly id: string
  /** In our own words. */
  readonly sentence: string
  readonly source: 'A' | 'B' | 'A, B'
  /** Experiments that decide it; empty where there is none. */
  readonly experiments: readonly string[]
  /** Experiments that add figures to it where they were made; default: none. */
  readonly also?: readonly string[]
  /** Events under load that decide it; default: none. */
  readonly events?: readonly string[]
  /** Trials that decide it; default: none. */
  readonly trials?: readonly string[]
  /** Called only with all of them. */
  readonly decide: (evidence: Evidence, windows: Windows, trials: Trials) => Decision
}

/** Verdict on a claim; `not measured` where a run is missing, which is named. */
export function decideClaim(
  claim: Claim,
  evidence: Evidence,
  windows: Windows = new Map(),
  trials: Trials = new Map(),
): Decision {
  const missing = [
    ...claim.experiments.filter((name) => !evidence.has(name)),
    ...(claim.events ?? []).filter((name) => !windows.has(name)),
    ...(claim.trials ?? []).filter((name) => !trials.has(name)),
  ]
  if (missing.length === 0) return claim.decide(evidence, windows, trials)
  return {
    verdict: 'not measured',
    seen: `no run of ${missing.join(', ')}`,
    numbers: [],
    turnsAt: null,
  }
}

/** A decision without a turning point. */
export function decided(
  verdict: ClaimVerdict,
  seen: string,
  numbers: readonly ClaimNumber[] = [],
): Decision {
  return { verdict, seen, numbers, turnsAt: null }
}

/** A decision that turns at a value of a variable. */
export function depending(
  turnsAt: NonNullable<Decision['turnsAt']>,
  seen: string,
  numbers: readonly ClaimNumber[] = [],
): Decision {
  return { verdict: 'depends', seen, numbers, turnsAt }
}

/** A figure of a decision; none where there is no estimate. */
export function numberOf(
  label: string,
  unit: ClaimNumber['unit'],
  value: Estimate | null,
): ClaimNumber[] {
  return value === null ? [] : [{ label, unit, value }]
}

/** On which side of a value a whole interval lies; null where it does not say, or has none. */
export function sideOf(estimate: Estimate | null, value: number): 'below' | 'above' | null {
  if (estimate?.low == null || estimate.high === null) return null
  if (estimate.low > value) return 'above'
  return estimate.high < value ? 'below' : null
}
