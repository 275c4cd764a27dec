import { dirname, join } from 'node:path'
import { Command } from 'commander'
import { relativePrecision } from '../analysis/summary.ts'
import { planArms, planLoneArms, referenceName, type Selection } from '../arms.ts'
import { BenchError } from '../errors.ts'
import { assertFits, describeEstimate, estimateRun } from '../estimate.ts'
import type { UserTarget } from '../open-target.ts'
import { RunSchema, type Run } from '../results.ts'
import { closedLoops, runBench } from '../run.ts'
import { describeValues, parseSettings, type Scenario } from '../scenario.ts'
import { findScenario, loadScenarios } from '../scenarios.ts'
import { findRun, type StoredRun } from '../store.ts'
import { workingTree } from '../trees.ts'
import { benchChurn } from './bench-churn.ts'
import { benchOpen } from './bench-open.ts'
import { benchCurve } from './bench-curve.ts'
import { churnPlanOf } from './churn-options.ts'
import { curvePlanOf } from './curve-options.ts'
import { collect, type CommandResult, type Io } from './io.ts'
import {
  addLoadOptions,
  loadArguments,
  loadOf,
  type LoadCommandOptions,
  type LoadKind,
} from './load-options.ts'
import { measureAndShow, type Shown } from './measuring.ts'
import { openPlanOf, targetOf } from './open-options.ts'
import {
  addPlanOptions,
  planArguments,
  planOf,
  type ChosenPlan,
  type PlanOptions,
} from './plan-options.ts'

interface BenchOptions extends PlanOptions, LoadCommandOptions {
  readonly list?: true
  readonly schema?: true
  readonly json?: true
  readonly open?: true
  readonly set: readonly string[]
  readonly against?: string
  readonly resume?: string
  readonly results: string
}

/** `bench`: measures scenarios against their baselines; `resumed` is a run that is to go on. */
export function benchCommand(
  io: Io,
  done: (result: CommandResult) => void,
  resumed: StoredRun | null = null,
): Command {
  const command = new Command('bench')
    .description('measure scenarios against their baselines, on this machine')
    .argument('[scenario...]', 'names from --list, or all')
    .option('--set <name=value,…>', 'set a parameter; several values make a matrix', collect, [])
    .option(
      '--against <case>',
      'another baseline: scenario or scenario/name=value; the same one makes an A/A',
    )
    .option('--resume <run>', 'go on with a run that was interrupted, without repeating its blocks')
    .option('--schema', 'print the JSON Schema of a Run file')
    .option('--list', 'show scenarios and their parameters')
    .option('--results <folder>', 'where runs are kept', join(io.root, 'results'))
    .option('--json', 'print one JSON object on stdout')
    .option('--open', 'show the run on a page of this machine while it is measured')
    .addHelpText(
      'after',
      '\nExample:\n  npm run bench -- combined\n  npm run bench -- tls mtls jwt --set alg=RS256 --set tls=1.2',
    )
    .action(async (names: string[], options: BenchOptions) => {
      if (options.resume === undefined) done(await bench(names, options, { io, resumed }))
      else await resume(options.resume, { names, options, io, done })
    })
  return addLoadOptions(addPlanOptions(command))
}

/** Runs the command of a stored run again, into that run. */
async function resume(
  word: string,
  {
    names,
    options: { results, json, open },
    io,
    done,
  }: {
    readonly names: readonly string[]
    readonly options: BenchOptions
    readonly io: Io
    readonly done: (result: CommandResult) => void
  },
): Promise<void> {
  const stored = findRun(word, [results], () => null)
  const [command, ...words] = stored.run.command
  if (names.length > 0)
    throw new BenchError('usage', `--resume ${word}: ${names.join(' ')} is told by the run itself`)
  const alone = ['--curve', '--target'].find((option) => words.includes(option))
  if (command !== 'bench' || alone !== undefined) {
    throw new BenchError(
      'usage',
      `--resume ${word}: it is a run of ${[command, alone].filter(Boolean).join(' ')}, which cannot go on; start a new one`,
    )
  }
  const again = benchCommand(io, done, stored).exitOverride()
  const where = [
    ...['--results', dirname(stored.file)],
    ...(json === true ? ['--json'] : []),
    ...(open === true ? ['--open'] : []),
  ]
  await again.parseAsync([...words, ...where], { from: 'user' })
}

async function bench(
  names: readonly string[],
  options: BenchOptions,
  { io, resumed }: { readonly io: Io; readonly resumed: StoredRun | null },
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
  const chosen = planOf(
    resumed === null ? options : { ...options, seed: String(resumed.run.seed) },
    'default',
  )
  const load = loadOf(options)
  const target = targetOf(options)
  if (target !== null && names.length > 0)
    throw new BenchError('usage', `${names.join(' ')}: a --target is measured instead of scenarios`)
  const scenarios = target === null ? select(names, all) : []
  const shown = {
    io,
    mode: chosen.mode,
    results: options.results,
    json: options.json === true,
    open: options.open === true,
    command: ['bench', ...names, ...argumentsOf(options)],
    resumed: resumed?.run ?? null,
  }
  const selection = {
    scenarios,
    settings: parseSettings(options.set, scenarios),
    against: options.against ?? null,
    tree: workingTree(io.root),
  }
  const run = await runOf(load, { options, chosen, selection, target, all, shown })
  return outcomeOf(run, io)
}

function runOf(
  load: LoadKind,
  {
    options,
    chosen: { mode, plan, precision },
    selection,
    target,
    all,
    shown,
  }: {
    readonly options: BenchOptions
    readonly chosen: ChosenPlan
    readonly selection: Selection
    readonly target: UserTarget | null
    readonly all: readonly Scenario[]
    readonly shown: Shown
  },
): Promise<Run> {
  const { scenarios } = selection
  const name = target === null ? scenarios.map((scenario) => scenario.name).join('-') : 'target'
  switch (load) {
    case 'closed': {
      const subject = { subject: name, limits: plan }
      const loops = closedLoops(
        plan,
        (run) => precision !== null && (relativePrecision(run) ?? Infinity) <= precision,
      )
      const arms = planArms(selection, all)
      const estimate = estimateRun(arms, plan)
      assertFits(estimate)
      if (mode !== 'smoke') shown.io.err(`${describeEstimate(estimate)}\n`)
      return measureAndShow(shown, subject, (common) => runBench({ ...common, ...loops, arms }))
    }
    case 'open': {
      const open = openPlanOf(options, { mode, seed: plan.seed })
      const arms = target === null ? planLoneArms(selection, all) : []
      return benchOpen({ name, arms, target }, open, shown)
    }
    case 'curve': {
      const curve = curvePlanOf(options, { mode, seed: plan.seed })
      return benchCurve({ name, arms: planLoneArms(selection, all) }, curve, shown)
    }
    case 'churn': {
      if (options.precision !== undefined) {
        throw new BenchError(
          'usage',
          `--precision ${options.precision} is for closed loops: give --quick, --full or --budget`,
        )
      }
      const hasBudget = options.budget !== undefined
      const churn = churnPlanOf(options, { mode, plan, scenarios, hasBudget })
      return benchChurn({ name, arms: planLoneArms(selection, all) }, churn, shown)
    }
  }
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
    ...loadArguments(options),
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
