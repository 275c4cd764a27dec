import { allows, caseId, describeValues, expand } from './cases.ts'
import type { Case, Parameters, Scenario } from './scenario.ts'
import { findScenario } from './scenarios.ts'
import type { ArmRecord } from './results.ts'
import { BenchError } from './errors.ts'
import type { SourceTree } from './trees.ts'

/** An arm as it is planned: a case, and what it is to the other arms of the run. */
export interface PlannedArm {
  readonly id: string
  readonly case: Case
  /** Where its servers come from. */
  readonly tree: SourceTree
  readonly role: ArmRecord['role']
  readonly against: string | null
  readonly parts: readonly string[]
}

/** What to measure, as the user said it. */
export interface Selection {
  readonly scenarios: readonly Scenario[]
  readonly settings: Readonly<Record<string, readonly string[]>>
  /** `scenario` or `scenario/name=value/…`, in the place of each scenario's own baseline. */
  readonly against: string | null
  readonly tree: SourceTree
}

/** Name of the scenario that is an arm of every run: the scale across days and machines. */
export const referenceName = 'reference'

/**
 * The arms of a run: every case asked for, its baseline, its parts, and the reference; each case
 * once, but for `--against` itself, which makes an A/A of two arms of one case.
 */
export function planArms(selection: Selection, all: readonly Scenario[]): PlannedArm[] {
  const arms = new Map<string, PlannedArm>()
  const add = (planned: Omit<PlannedArm, 'tree'>) => {
    const arm = { ...planned, tree: selection.tree }
    const known = arms.get(arm.id)
    if (known === undefined || rank(arm) > rank(known)) {
      // Set anew, so that cases keep the order in which they were asked for.
      arms.delete(arm.id)
      arms.set(arm.id, arm)
    }
    return arm.id
  }
  for (const trial of selection.scenarios.flatMap((scenario) =>
    expand(scenario, selection.settings),
  )) {
    if (selection.against !== null) {
      const other = caseOf(selection.against, trial, all)
      const id = other.id === trial.id ? `${other.id}#2` : other.id
      add({ id, case: other, role: 'baseline', against: null, parts: [] })
      add({ id: trial.id, case: trial, role: 'case', against: id, parts: [] })
      continue
    }
    const baseline = relative(trial.scenario.baseline, trial, all)
    const against =
      baseline === null
        ? null
        : add({ id: baseline.id, case: baseline, role: 'baseline', against: null, parts: [] })
    const parts = trial.scenario.parts(trial.parameters).flatMap((name) => {
      const part = relative(name, trial, all)
      if (part === null) return []
      return add({ id: part.id, case: part, role: 'part', against, parts: [] })
    })
    add({ id: trial.id, case: trial, role: 'case', against, parts })
  }
  const [reference] = expand(findScenario(referenceName, all), {})
  if (reference !== undefined && !arms.has(reference.id)) {
    add({ id: reference.id, case: reference, role: 'reference', against: null, parts: [] })
  }
  return [...arms.values()].sort((a, b) => rank(b) - rank(a))
}

/** The cases alone, for loads under which nothing is told against a baseline. */
export function planLoneArms(selection: Selection, all: readonly Scenario[]): PlannedArm[] {
  if (selection.against !== null)
    throw new BenchError('usage', '--against is for closed loops: elsewhere nothing is paired')
  return planArms(selection, all)
    .filter(({ role }) => role === 'case')
    .map((arm) => ({ ...arm, against: null, parts: [] }))
}

/** The cases of two trees to hold against each other, with the reference; one tree may lack some. */
export interface LiveSelection {
  readonly before: { readonly tree: SourceTree; readonly scenarios: readonly Scenario[] }
  readonly after: { readonly tree: SourceTree; readonly scenarios: readonly Scenario[] }
  readonly names: readonly string[]
  readonly settings: Readonly<Record<string, readonly string[]>>
}

/**
 * The arms of a live comparison: every case out of the tree after, against the same case out of the
 * tree before. A case that one tree does not have is named in `missing`, never dropped.
 */
export function planLiveArms({ before, after, names, settings }: LiveSelection): {
  readonly arms: PlannedArm[]
  readonly missing: { readonly case: string; readonly reason: string }[]
} {
  const casesOf = (scenarios: readonly Scenario[]) =>
    new Map(
      scenarios
        .filter(({ name }) => names.includes(name))
        .flatMap((scenario) => expand(scenario, settings))
        .map((trial) => [setParameters(trial), trial]),
    )
  const [old, current] = [casesOf(before.scenarios), casesOf(after.scenarios)]
  const arms: PlannedArm[] = []
  for (const [key, trial] of current) {
    const other = old.get(key)
    if (other === undefined) continue
    const { id } = trial
    const against = `${id}@${before.tree.label}`
    const shared = { parts: [] }
    arms.push({ ...shared, id, case: trial, tree: after.tree, role: 'case', against })
    arms.push({
      ...shared,
      id: against,
      case: other,
      tree: before.tree,
      role: 'baseline',
      against: null,
    })
  }
  const [reference] = expand(findScenario(referenceName, after.scenarios), {})
  if (reference !== undefined) {
    arms.push({
      id: reference.id,
      case: reference,
      tree: after.tree,
      role: 'reference',
      against: null,
      parts: [],
    })
  }
  const only = (cases: Map<string, Case>, others: Map<string, Case>, label: string) =>
    [...cases]
      .filter(([key]) => !others.has(key))
      .map(([, { id }]) => ({ case: id, reason: `only in ${label}` }))
  return {
    arms,
    missing: [...only(current, old, after.tree.label), ...only(old, current, before.tree.label)],
  }
}

/**
 * What a case is beside the defaults of its own tree: a parameter that only one tree has means its default in
 * the other, so that a commit which adds one can be compared.
 */
function setParameters({ scenario, parameters }: Case): string {
  const set = Object.entries(parameters).filter(
    ([name, value]) => value !== scenario.parameters[name]?.default,
  )
  return caseId(scenario.name, Object.fromEntries(set))
}

/** A case told as `scenario/name=value/…`, its other parameters as in `like` where it declares them. */
export function caseOf(told: string, like: Case, all: readonly Scenario[]): Case {
  const [name = '', ...settings] = told.split('/')
  const scenario = findScenario(name, all)
  const given: Record<string, string> = {}
  for (const setting of settings) {
    const [key = '', encoded = ''] = setting.split('=', 2)
    const value = encoded.replaceAll('%2F', '/')
    const parameter = scenario.parameters[key]
    if (parameter === undefined) {
      throw new BenchError(
        'usage',
        `--against ${told}: ${setting} is no parameter of ${name}, which has ${Object.keys(scenario.parameters).join(', ')}`,
      )
    }
    if (!allows(parameter, value)) {
      throw new BenchError(
        'usage',
        `--against ${told}: ${setting} is not allowed, ${key} takes ${describeValues(parameter)}`,
      )
    }
    given[key] = value
  }
  return withParameters(scenario, { ...like.parameters, ...given })
}

function relative(name: string | null, trial: Case, all: readonly Scenario[]): Case | null {
  if (name === null) return null
  return withParameters(findScenario(name, all), trial.parameters)
}

function withParameters(scenario: Scenario, wanted: Parameters): Case {
  const parameters = Object.fromEntries(
    Object.entries(scenario.parameters).map(([name, { default: fallback }]) => [
      name,
      wanted[name] ?? fallback,
    ]),
  )
  return { id: caseId(scenario.name, parameters), scenario, parameters }
}

function rank({ role }: PlannedArm): number {
  switch (role) {
    case 'case':
      return 3
    case 'part':
      return 2
    case 'baseline':
      return 1
    case 'reference':
      return 0
  }
}
