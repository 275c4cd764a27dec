import { Command } from 'commander'
import { referenceName } from '../arms.ts'
import { BenchError, exitCodeOf } from '../errors.ts'
import { failuresOf, preflight } from '../preflight.ts'
import { createServerStarter } from '../processes.ts'
import { refusalTable } from '../render/refusals.ts'
import type { Preflight } from '../results.ts'
import { caseId, expand, parseSettings, type Case, type Scenario } from '../scenario.ts'
import { findScenario, loadScenarios } from '../scenarios.ts'
import { collect, type CommandResult, type Io } from './io.ts'

/** `verify`: the refusals alone, as a table; exit 3 when one bad credential was accepted. */
export function verifyCommand(io: Io, done: (result: CommandResult) => void): Command {
  return new Command('verify')
    .description('try every bad credential against the reference servers')
    .argument('[scenario...]', 'names from npm run bench -- --list; default: all')
    .option('--set <name=value,…>', 'set a parameter', collect, [])
    .option('--json', 'print one JSON object on stdout')
    .addHelpText('after', '\nExample:\n  npm run verify -- combined')
    .action(async (names: string[], options: { set: string[]; json?: true }) => {
      done(await verify(names, options, io))
    })
}

async function verify(
  names: readonly string[],
  options: { set: string[]; json?: true },
  io: Io,
): Promise<CommandResult> {
  const all = await loadScenarios(io.root)
  const scenarios =
    names.length === 0
      ? all.filter(({ name }) => name !== referenceName)
      : names.map((name) => findScenario(name, all))
  const settings = parseSettings(options.set, scenarios)
  const cases = scenarios.flatMap((scenario) => verifiedCases(scenario, settings))
  await using start = createServerStarter(io.signal)
  const outcomes: { case: Case; preflight: Preflight }[] = []
  for (const trial of cases) {
    const outcome = await preflight(trial, start.server)
    outcomes.push({ case: trial, preflight: outcome })
    if (options.json !== true) io.out(`${refusalTable(trial.id, outcome)}\n`)
  }
  const accepted = outcomes.flatMap(({ case: trial, preflight: outcome }) =>
    failuresOf(outcome).map(({ id }) => `${trial.scenario.name} ${id}`),
  )
  if (options.json === true) io.out(`${JSON.stringify(envelope(outcomes))}\n`)
  if (accepted.length === 0) return { exitCode: 0 }
  const error = new BenchError(
    'preflight-failed',
    `not refused as it must be: ${[...new Set(accepted)].join(', ')}; no number of these scenarios is worth anything until it is`,
  )
  io.err(`trustbench: ${error.message}\n`)
  return { exitCode: exitCodeOf(error) }
}

/** The cases whose refusals are tried: what the scenario declares for it, or what the user set. */
function verifiedCases(
  scenario: Scenario,
  settings: Readonly<Record<string, readonly string[]>>,
): Case[] {
  const cells = expand(scenario, settings)
  const extra = scenario.verify ?? [{}]
  const cases = cells.flatMap(({ parameters }) =>
    extra.map((fixed) => {
      const given = Object.fromEntries(
        Object.entries(fixed).filter(([name]) => settings[name] === undefined),
      )
      const merged = { ...parameters, ...given }
      return { id: caseId(scenario.name, merged), scenario, parameters: merged }
    }),
  )
  return [...new Map(cases.map((trial) => [trial.id, trial])).values()]
}

function envelope(outcomes: readonly { case: Case; preflight: Preflight }[]) {
  return {
    schema: 1,
    command: 'verify',
    complete: outcomes.every(({ preflight: outcome }) => failuresOf(outcome).length === 0),
    cases: outcomes.map(({ case: { id, scenario, parameters }, preflight }) => ({
      id,
      scenario: scenario.name,
      parameters,
      preflight: countsOf(preflight),
    })),
    refusals: outcomes.flatMap(({ case: trial, preflight: { refusals, hops = [] } }) => [
      ...refusals.map((refusal) => ({ case: trial.id, ...refusal })),
      ...hops.flatMap(({ hop, holds, refusals: behind }) =>
        behind.map((refusal) => ({ case: trial.id, hop, holds, ...refusal })),
      ),
    ]),
  }
}

function countsOf({ controlsPassed, tried, refused, recorded, handlerCalls, pairs }: Preflight) {
  const counts = { controlsPassed, tried, refused, recorded, handlerCalls }
  return pairs === undefined ? counts : { ...counts, pairs }
}
