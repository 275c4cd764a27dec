import { expand } from '../cases.ts'
import type { Case, Parameters, Scenario } from '../scenario.ts'
import { findScenario } from '../scenarios.ts'

/** The case of a scenario with these parameters, the others at their defaults. */
export function caseOf(name: string, parameters: Parameters, scenarios: readonly Scenario[]): Case {
  const settings = Object.fromEntries(
    Object.entries(parameters).map(([parameter, value]) => [parameter, [value]]),
  )
  const [trial] = expand(findScenario(name, scenarios), settings)
  if (trial === undefined) throw new Error(`scenario ${name} has no case`)
  return trial
}
