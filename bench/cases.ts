import { BenchError } from './errors.ts'
import type { Case, Parameter, Parameters, Scenario } from './scenario.ts'

/** Derives the id of a case: the scenario, then each parameter that is set, in alphabetical order. */
export function caseId(scenario: string, parameters: Parameters): string {
  const parts = Object.entries(parameters)
    .filter(([, value]) => value !== '')
    .sort(([a], [b]) => (a < b ? -1 : 1))
    // A slash separates parameters.
    .map(([name, value]) => `${name}=${value.replaceAll('/', '%2F')}`)
  return [scenario, ...parts].join('/')
}

/**
 * The cases of a scenario: the Cartesian product of the values set, defaults elsewhere. Settings the
 * scenario does not declare are ignored, so one `--set` serves several scenarios; `parseSettings`
 * has already refused those that no scenario declares.
 */
export function expand(
  scenario: Scenario,
  settings: Readonly<Record<string, readonly string[]>>,
): Case[] {
  let cells: Parameters[] = [{}]
  for (const [name, parameter] of Object.entries(scenario.parameters)) {
    const values = settings[name] ?? [parameter.default]
    cells = cells.flatMap((cell) => values.map((value) => ({ ...cell, [name]: value })))
  }
  return cells.map((parameters) => ({
    id: caseId(scenario.name, parameters),
    scenario,
    parameters,
  }))
}

/**
 * Parses `--set name=a,b` arguments against the scenarios they are for.
 * Throws usage errors that name the argument and the allowed values.
 */
export function parseSettings(
  argumentsGiven: readonly string[],
  scenarios: readonly Scenario[],
): Record<string, string[]> {
  const settings: Record<string, string[]> = {}
  for (const argument of argumentsGiven) {
    const equals = argument.indexOf('=')
    const name = argument.slice(0, Math.max(equals, 0))
    const declared = scenarios.flatMap((scenario) => scenario.parameters[name] ?? [])
    const [parameter] = declared
    if (equals < 1 || parameter === undefined) {
      throw new BenchError(
        'usage',
        `--set ${argument}: expected name=value[,value], with a name of ${knownNames(scenarios).join(', ')}`,
      )
    }
    if (settings[name] !== undefined) {
      throw new BenchError(
        'usage',
        `--set ${argument}: ${name} is set twice, use ${name}=a,b for both`,
      )
    }
    const values = [...new Set(argument.slice(equals + 1).split(','))]
    for (const value of values) {
      if (!allows(parameter, value)) {
        throw new BenchError(
          'usage',
          `--set ${withoutUser(argument)}: ${value === '' ? 'empty value' : withoutUser(value)} is not allowed, ${name} takes ${describeValues(parameter)}`,
        )
      }
    }
    settings[name] = values
  }
  return settings
}

/** Says which values a parameter takes, for messages and `--list`. */
export function describeValues({ values }: Parameter): string {
  return values instanceof RegExp ? `text like ${values.source}` : values.filter(Boolean).join(', ')
}

/** Whether a parameter can have a value; the empty text is never one that a user gives. */
export function allows({ values }: Parameter, value: string): boolean {
  if (value === '') return false
  return values instanceof RegExp ? values.test(value) : values.includes(value)
}

/** Text without the user and password of URLs in it: what is refused may be a secret. */
function withoutUser(text: string): string {
  return text.replaceAll(/\/\/[^@/]*@/g, '//…@')
}

function knownNames(scenarios: readonly Scenario[]): string[] {
  return [...new Set(scenarios.flatMap(({ parameters }) => Object.keys(parameters)))].sort()
}
