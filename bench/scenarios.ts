import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { closest, distance } from 'fastest-levenshtein'
import { BenchError } from './errors.ts'
import type { Scenario, ScenarioDefinition } from './scenario.ts'

/** Every scenario of a source tree, sorted by name. The folder is the registry. */
export async function loadScenarios(root: string): Promise<Scenario[]> {
  const folder = join(root, 'scenarios')
  const names = readdirSync(folder)
    .filter((file) => /^[a-z][a-z0-9-]*\.ts$/.test(file))
    .map((file) => file.slice(0, -'.ts'.length))
  return Promise.all(
    names.sort().map(async (name) => {
      const file = `${name}.ts`
      const module = (await import(pathToFileURL(join(folder, file)).href)) as {
        scenario?: ScenarioDefinition
      }
      if (module.scenario === undefined) {
        throw new BenchError(
          'usage',
          `scenarios/${file}: exports no scenario; write export const scenario = defineScenario({…})`,
        )
      }
      return { name, ...module.scenario }
    }),
  )
}

/** The scenario of a name; throws a usage error with the nearest name. */
export function findScenario(name: string, scenarios: readonly Scenario[]): Scenario {
  const found = scenarios.find((scenario) => scenario.name === name)
  if (found !== undefined) return found
  const names = scenarios.map((scenario) => scenario.name)
  const nearest = closest(name, names)
  const hint =
    distance(name, nearest) <= Math.max(2, name.length / 2) ? `did you mean ${nearest}? ` : ''
  throw new BenchError(
    'usage',
    `unknown scenario ${JSON.stringify(name)}: ${hint}there are ${names.join(', ')}`,
  )
}
