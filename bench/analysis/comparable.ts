import type { ArmRecord, Run } from '../results.ts'
import { caseId } from '../cases.ts'
import type { Parameters } from '../scenario.ts'
import { measuredBlocks } from './reading.ts'

/** Declared defaults of a scenario's parameters; null for a scenario that is not known any more. */
export type DefaultsOf = (scenario: string) => Parameters | null

/** A case of one run; its id has every parameter filled in. */
export interface CaseArm {
  readonly id: string
  readonly arm: ArmRecord
}

/** A case that two runs have in common. */
export interface Match {
  readonly id: string
  readonly before: ArmRecord
  readonly after: ArmRecord
}

/** What two runs have in common, and what they have not. */
export interface Matching {
  readonly matches: readonly Match[]
  readonly onlyBefore: readonly CaseArm[]
  readonly onlyAfter: readonly CaseArm[]
}

/** What speaks against comparing two runs. */
export interface Objection {
  readonly message: string
  /** Whether there is anything to compute all the same. */
  readonly forcible: boolean
}

/** Scenario that is an arm of every run (DESIGN section 2, `servers/reference.ts`). */
export const REFERENCE_SCENARIO = 'reference'

/**
 * Matches the cases of two runs by scenario and full parameters; a parameter that an older run
 * lacks had its default.
 */
export function matchCases(before: Run, after: Run, defaults: DefaultsOf): Matching {
  const [old, current] = [casesOf(before, defaults), casesOf(after, defaults)]
  return {
    matches: [...current].flatMap(([id, arm]) => {
      const other = old.get(id)
      return other === undefined ? [] : [{ id, before: other, after: arm }]
    }),
    onlyBefore: entriesOutside(old, current),
    onlyAfter: entriesOutside(current, old),
  }
}

/** Also matches the only two cases that a scenario has left in either run, whatever their parameters. */
export function matchLoneCases(matching: Matching): Matching {
  const lone = matching.onlyAfter.flatMap(({ id, arm }): Match[] => {
    const rivals = ofScenario(matching.onlyAfter, arm.scenario)
    const [other, ...others] = ofScenario(matching.onlyBefore, arm.scenario)
    if (other === undefined || others.length > 0 || rivals.length > 1) return []
    return [{ id, before: other.arm, after: arm }]
  })
  return {
    matches: [...matching.matches, ...lone],
    onlyBefore: matching.onlyBefore.filter(({ arm }) => !lone.some(({ before }) => before === arm)),
    onlyAfter: matching.onlyAfter.filter(({ arm }) => !lone.some(({ after }) => after === arm)),
  }
}

/** Whether both runs measured the case. */
export function isMeasured({ before, after }: Match): boolean {
  return before.outcome === 'measured' && after.outcome === 'measured'
}

/** Whether the case is the scale rather than something to compare. */
export function isReference({ after }: Match): boolean {
  return after.scenario === REFERENCE_SCENARIO
}

/** Whether a run is of servers that are the user's own, beside which no reference is measured. */
export function isOfTargets({ arms }: Run): boolean {
  return arms.length > 0 && arms.every(({ target }) => target !== undefined)
}

/** Everything that speaks against comparing. A changed commit does not: that is what one compares. */
export function objectionsTo(before: Run, after: Run, matching: Matching): Objection[] {
  const usable = matching.matches.filter(isMeasured)
  const needsReference = !isOfTargets(before) || !isOfTargets(after)
  return [
    ...[before, after].flatMap(unusable),
    ...unequal('machine differs', before.environment.machineId, after.environment.machineId),
    ...unequal('measuring version differs', before.measuringVersion, after.measuringVersion),
    ...(needsReference
      ? unequal(
          'servers/reference.ts differs',
          short(before.referenceDigest),
          short(after.referenceDigest),
        )
      : []),
    ...otherParameters(matching),
    ...usable.flatMap(({ id, before: a, after: b }) => [
      ...unequal(`${id}: request differs`, short(a.requestDigest), short(b.requestDigest)),
      ...unequal(`${id}: response differs`, short(a.responseDigest), short(b.responseDigest)),
    ]),
    ...(usable.some(isReference) || !needsReference
      ? []
      : [impossible('the reference was not measured in both')]),
    ...(usable.every(isReference) ? [impossible('no case was measured in both')] : []),
  ]
}

/** One arm a case: of several, as in an A/A, the one that the run was about. */
function casesOf({ arms }: Run, defaults: DefaultsOf): Map<string, ArmRecord> {
  const cases = new Map<string, ArmRecord>()
  for (const arm of arms) {
    const id = caseId(arm.scenario, { ...defaults(arm.scenario), ...arm.parameters })
    if (!cases.has(id) || arm.role === 'case') cases.set(id, arm)
  }
  return cases
}

function entriesOutside(
  cases: ReadonlyMap<string, ArmRecord>,
  others: ReadonlyMap<string, ArmRecord>,
): CaseArm[] {
  return [...cases].filter(([id]) => !others.has(id)).map(([id, arm]) => ({ id, arm }))
}

function ofScenario(cases: readonly CaseArm[], scenario: string): CaseArm[] {
  return cases.filter(({ arm }) => arm.scenario === scenario)
}

function unusable({ runId, mode, blocks }: Run): Objection[] {
  if (measuredBlocks(blocks).length === 0) return [impossible(`${runId} has no measured block`)]
  return mode === 'smoke'
    ? [{ message: `${runId} is a smoke run, which measures nothing`, forcible: true }]
    : []
}

/** Scenarios that both runs have without any case in common. */
function otherParameters({ matches, onlyBefore, onlyAfter }: Matching): Objection[] {
  const matched = new Set(matches.map(({ after }) => after.scenario))
  const scenarios = new Set(onlyAfter.map(({ arm }) => arm.scenario))
  return [...scenarios]
    .filter((scenario) => !matched.has(scenario))
    .flatMap((scenario) => {
      const old = ofScenario(onlyBefore, scenario).map(({ id }) => id)
      const current = ofScenario(onlyAfter, scenario).map(({ id }) => id)
      return old.length === 0 ? [] : unequal('parameters differ', old.join(' '), current.join(' '))
    })
}

function unequal(what: string, before: string | number, after: string | number): Objection[] {
  if (before === after) return []
  return [{ message: `${what} (${before} and ${after})`, forcible: true }]
}

function impossible(message: string): Objection {
  return { message, forcible: false }
}

/** Enough of a digest to tell it from another. */
function short(digest: string | null): string {
  return digest?.slice(0, 12) ?? 'unknown'
}
