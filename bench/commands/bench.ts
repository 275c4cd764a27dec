import { join } from 'node:path'
import { Command } from 'commander'
import { planArms, referenceName } from '../arms.ts'
import { BenchError } from '../errors.ts'
import { createProgress } from '../progress.ts'
import { presentRun } from '../present.ts'
import { relativePrecision } from '../analysis/summary.ts'
import { RunSchema, type Run } from '../results.ts'
import { closedLoops, runBench } from '../run.ts'
import { describeValues, parseSettings, type Scenario } from '../scenario.ts'
import { findScenario, loadScenarios } from '../scenarios.ts'
import { workingTree } from '../trees.ts'
import { createRunFile, createRunId, prepareFolder } from '../store.ts'
import { benchOpen, openArms } from './bench-open.ts'
import { collect, type CommandResult, type Io } from './io.ts'
import { takeMachine } from './machine.ts'
import {
  addOpenOptions,
  isOpen,
  openArguments,
  openPlanOf,
  targetOf,
  type OpenCommandOptions,
} from './open-options.ts'
import { addPlanOptions, planArguments, planOf, type PlanOptions } from './plan-options.ts'

interface BenchOptions extends PlanOptions, OpenCommandOptions {
  readonly list?: true
  readonly schema?: true
  readonly json?: true
  readonly set: readonly string[]
  readonly against?: string
  readonly results: string
}

/** `bench`: measures scenarios against their baselines. */
export function benchCommand(io: Io, done: (result: CommandResult) => void): Command {
  const command = new Command('bench')
    .description('measure scenarios against their baselines, on this machine')
    .argument('[scenario...]', 'names from --list, or all')
    .option('--set <name=value,…>', 'set a parameter; several values make a matrix', collect, [])
    .option(
      '--against <case>',
      'another baseline: scenario or scenario/name=value; the same one makes an A/A',
    )
    .option('--schema', 'print the JSON Schema of a Run file')
    .option('--list', 'show scenarios and their parameters')
    .option('--results <folder>', 'where runs are kept', join(io.root, 'results'))
    .option('--json', 'print one JSON object on stdout')
    .addHelpText(
      'after',
      '\nExample:\n  npm run bench -- combined\n  npm run bench -- tls mtls jwt --set alg=RS256 --set tls=1.2',
    )
    .action(async (names: string[], options: BenchOptions) => {
      done(await bench(names, options, io))
    })
  return addOpenOptions(addPlanOptions(command))
}

async function bench(
  names: readonly string[],
  options: BenchOptions,
  io: Io,
): Promise<CommandResult> {
  if (options.schema === true) {
    io.out(`${JSON.stringify(RunSchema, null, 1)}\n`)
    return { exitCode: 0 }
  }
  const all = await loadScenarios(io.root)
  if (options.list === true) {
    io.out(listScenarios(all))
    return { exitCode: 0 }
  }
  const { mode, plan, precision } = planOf(options, 'default')
  const open = isOpen(options) ? openPlanOf(options, { mode, seed: plan.seed }) : null
  const target = targetOf(options)
  if (target !== null && names.length > 0)
    throw new BenchError('usage', `${names.join(' ')}: a --target is measured instead of scenarios`)
  const scenarios = target === null ? select(names, all) : []
  const settings = parseSettings(options.set, scenarios)
  const tree = workingTree(io.root)
  const selection = { scenarios, settings, against: options.against ?? null, tree }
  const command = ['bench', ...names, ...argumentsOf(options)]
  if (open !== null) {
    const subject = {
      name: target === null ? scenarios.map(({ name }) => name).join('-') : 'target',
      arms: target === null ? openArms(selection, all) : [],
      target,
    }
    const shown = { io, mode, results: options.results, json: options.json === true, command }
    return outcomeOf(await benchOpen(subject, open, shown), io)
  }
  const arms = planArms(selection, all)
  prepareFolder(options.results)
  const subject = scenarios.map(({ name }) => name).join('-')
  const progress = createProgress({ io, plan })
  await using machine = await takeMachine('bench', mode)
  const file = createRunFile(options.results)
  const run = await runBench({
    root: io.root,
    runId: (environment) => createRunId(new Date(), environment, subject),
    command,
    mode,
    ...closedLoops(
      plan,
      (measured) => precision !== null && (relativePrecision(measured) ?? Infinity) <= precision,
    ),
    arms,
    warnings: machine.warnings,
    signal: io.signal,
    onEvent: progress.event,
    save: file.save,
  }).finally(progress.stop)
  await presentRun(run, {
    io,
    folder: options.results,
    file: file.path(),
    json: options.json === true,
  })
  if (!io.signal.aborted) file.assertSaved()
  return outcomeOf(run, io)
}

function outcomeOf(run: Run, io: Io): CommandResult {
  if (run.complete) return { exitCode: 0 }
  if (io.signal.aborted) throw io.signal.reason
  const code = run.blocks.length === 0 ? 'preflight-failed' : 'measurement-failed'
  throw new BenchError(code, run.incompleteReason ?? 'the run is incomplete')
}

function select(names: readonly string[], all: readonly Scenario[]): Scenario[] {
  if (names.length === 0) {
    throw new BenchError(
      'usage',
      `no scenario named: there are ${all.map(({ name }) => name).join(', ')}, or all`,
    )
  }
  if (names.includes('all')) return all.filter(({ name }) => name !== referenceName)
  return [...new Set(names)].map((name) => findScenario(name, all))
}

function argumentsOf(options: BenchOptions): string[] {
  return [
    ...options.set.flatMap((setting) => ['--set', setting]),
    ...(options.against === undefined ? [] : ['--against', options.against]),
    ...openArguments(options),
    ...planArguments(options),
  ]
}

function listScenarios(all: readonly Scenario[]): string {
  return (
    all
      .map(({ name, question, parameters }) => {
        const lines = Object.entries(parameters).map(
          ([key, parameter]) =>
            `    ${key}=${parameter.default || '(as key)'}  ${parameter.describe}: ${describeValues(parameter)}`,
        )
        return [name, `  ${question}`, ...lines].join('\n')
      })
      .join('\n\n') + '\n'
  )
}
