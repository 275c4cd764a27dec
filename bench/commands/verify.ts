import { Command } from 'commander'
import { referenceName } from '../arms.ts'
import { BenchError, exitCodeOf } from '../errors.ts'
import { caveatOf, obstacleOf } from '../gateways.ts'
import { failuresOf, preflight } from '../preflight.ts'
import { createServerStarter } from '../processes.ts'
import { refusalTable } from '../render/refusals.ts'
import type { Preflight } from '../results.ts'
import { caseId, expand, parseSettings } from '../cases.ts'
import type { Case, Scenario } from '../scenario.ts'
import { findScenario, loadScenarios } from '../scenarios.ts'
import { gatewayOption, withGateway } from './gateway-option.ts'
import { collect, type CommandResult, type Io } from './io.ts'

/** `verify`: the refusals alone, as a table; exit 3 when one bad credential was accepted. */
export function verifyCommand(io: Io, done: (result: CommandResult) => void): Command {
  return new Command('verify')
    .description('try every bad credential against the reference servers')
    .argument('[scenario...]', 'names from npm run bench -- --list; default: all')
    .option('--set <name=value,…>', 'set a parameter', collect, [])
    .option('--gateway <product,…>', gatewayOption)
    .option('--json', 'print one JSON object on stdout')
    .addHelpText('after', '\nExample:\n  npm run verify -- combined')
    .action(async (names: string[], options: VerifyOptions) => {
      done(await verify(names, options, io))
    })
}

interface VerifyOptions {
  readonly set: readonly string[]
  readonly gateway?: string
  readonly json?: true
}

async function verify(
  names: readonly string[],
  options: VerifyOptions,
  io: Io,
): Promise<CommandResult> {
  const all = await loadScenarios(io.root)
  const scenarios =
    names.length === 0
      ? all.filter(({ name }) => name !== referenceName)
      : names.map((name) => findScenario(name, all))
  const settings = parseSettings(withGateway(options), scenarios)
  const cases = scenarios.flatMap((scenario) => verifiedCases(scenario, settings))
  await using start = createServerStarter(io.signal)
  const outcomes: { case: Case; preflight: Preflight }[] = []
  const skipped: string[] = []
  for (const trial of cases) {
    const obstacle = obstacleOf(trial)
    if (obstacle !== null) {
      skipped.push(obstacle)
      io.err(`${trial.id} skipped: ${obstacle}\n`)
      continue
    }
    const outcome = await preflight(trial, start.server)
    outcomes.push({ case: trial, preflight: outcome })
    if (options.json !== true) io.out(`${refusalTable(trial.id, outcome)}\n`)
    const caveat = caveatOf(trial)
    if (caveat !== null) io.err(`warning: ${caveat.message}\n`)
  }
  if (outcomes.length === 0 && skipped.length > 0)
    throw new BenchError('preflight-failed', [...new Set(skipped)].join('; '))
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

function countsOf(preflight: Preflight) {
  const { controlsPassed, tried, refused, recorded, handlerCalls, pairs, product } = preflight
  return {
    ...{ controlsPassed, tried, refused, recorded, handlerCalls },
    ...(pairs === undefined ? {} : { pairs }),
    ...(product === undefined ? {} : { product }),
  }
}
