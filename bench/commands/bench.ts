import { dirname, join } from 'node:path'
import { Command } from 'commander'
import { relativePrecision } from '../analysis/summary.ts'
import { planArms, planLoneArms, referenceName, type Selection } from '../arms.ts'
import { BenchError } from '../errors.ts'
import { assertFits, describeEstimate, estimateRun } from '../estimate.ts'
import { RunSchema, type Run } from '../results.ts'
import { closedLoops, runBench } from '../run.ts'
import { describeValues, parseSettings } from '../cases.ts'
import type { Scenario } from '../scenario.ts'
import { findScenario, loadScenarios } from '../scenarios.ts'
import { findRun, type StoredRun } from '../store.ts'
import { workingTree } from '../trees.ts'
import { benchChurn } from './bench-churn.ts'
import { benchOpen } from './bench-open.ts'
import { benchCurve } from './bench-curve.ts'
import { benchSeats } from './bench-seats.ts'
import { benchTargets } from './bench-target.ts'
import { churnPlanOf } from './churn-options.ts'
import { tellTargets } from './config-options.ts'
import { curvePlanOf } from './curve-options.ts'
import { gatewayOption, withGateway } from './gateway-option.ts'
import { collect, type CommandResult, type Io } from './io.ts'
import {
  addLoadOptions,
  loadArguments,
  loadOf,
  type LoadCommandOptions,
  type LoadKind,
} from './load-options.ts'
import { measureAndShow, type Shown } from './measuring.ts'
import {
  addMetricsOptions,
  metricsArguments,
  metricsOf,
  type MetricsCommandOptions,
} from './metrics-options.ts'
import { openPlanOf } from './open-options.ts'
import {
  addPlanOptions,
  planArguments,
  planOf,
  type ChosenPlan,
  type PlanOptions,
} from './plan-options.ts'
import { assertScenario } from './target-scenario.ts'

interface BenchOptions extends PlanOptions, LoadCommandOptions, MetricsCommandOptions {
  readonly list?: true
  readonly schema?: true
  readonly json?: true
  readonly open?: true
  readonly set: readonly string[]
  readonly gateway?: string
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
    .option('--gateway <product,…>', gatewayOption)
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
      '\nExample:\n  npm run bench -- combined\n  npm run bench -- tls mtls jwt --set alg=RS256 --set tls=1.2\n  npm run bench -- tls --load open --rate 200 --blocks 8 --metrics-prometheus 9464\n  npm run bench -- --target https://gw.example/pay --cert c.pem --key k.pem --ca ca.pem \\\n    --issuer https://login.example --client-id billing --client-secret-file secret --i-own-this-target',
    )
    .action(async (names: string[], options: BenchOptions) => {
      if (options.resume !== undefined) {
        await resume(options.resume, { names, options, io, done })
        return
      }
      const isDefault = (name: string) => command.getOptionValueSource(name) === 'default'
      done(await bench(names, options, { io, resumed, isDefault }))
    })
  return addMetricsOptions(addLoadOptions(addPlanOptions(command)))
}

/** Runs the command of a stored run again, into that run. */
async function resume(
  word: string,
  {
    names,
    options: { results, json, open, ...more },
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
  const alone = ['--curve', '--target', '--config'].find((option) => words.includes(option))
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
    ...metricsArguments(more),
  ]
  await again.parseAsync([...words, ...where], { from: 'user' })
}

async function bench(
  names: readonly string[],
  given: BenchOptions,
  {
    io,
    resumed,
    isDefault,
  }: {
    readonly io: Io
    readonly resumed: StoredRun | null
    readonly isDefault: (name: string) => boolean
  },
): Promise<CommandResult> {
  if (given.schema === true) {
    io.out(`${JSON.stringify(RunSchema, null, 1)}\n`)
    return { exitCode: 0 }
  }
  const all = await loadScenarios(io.root)
  if (given.list === true) {
    io.out(listScenarios(all))
    return { exitCode: 0 }
  }
  const { options, targets } = await tellTargets({
    options: given,
    isDefault,
    // Beside seats a name says which credentials are meant, and is measured by nobody.
    names: given.seats === undefined ? names : [],
    folder: process.cwd(),
  })
  const chosen = planOf(
    resumed === null ? options : { ...options, seed: String(resumed.run.seed) },
    'default',
  )
  const load = loadOf(options, targets.length > 0)
  const metrics = metricsOf(options)
  const shown = {
    io,
    mode: chosen.mode,
    results: options.results,
    json: options.json === true,
    open: options.open === true,
    metrics,
    command: ['bench', ...names, ...argumentsOf(options)],
    resumed: resumed?.run ?? null,
  }
  if (options.seats !== undefined && targets.length === 0)
    throw new BenchError('usage', `--seats ${options.seats} needs --target`)
  if (options.seats !== undefined) {
    assertNoScenario([], options)
    for (const name of names) for (const target of targets) assertScenario(name, target)
    return outcomeOf(await benchSeats({ options, chosen, targets }, shown), io)
  }
  if (targets.length > 0) {
    assertNoScenario(names, options)
    return outcomeOf(await benchTargets({ load, options, chosen, targets }, shown), io)
  }
  const scenarios = select(names, all)
  const selection = {
    scenarios,
    settings: parseSettings(withGateway(options), scenarios),
    against: options.against ?? null,
    tree: workingTree(io.root),
  }
  const run = await runOf(load, { options, chosen, selection, all, shown })
  return outcomeOf(run, io)
}

function runOf(
  load: LoadKind,
  {
    options,
    chosen: { mode, plan, precision },
    selection,
    all,
    shown,
  }: {
    readonly options: BenchOptions
    readonly chosen: ChosenPlan
    readonly selection: Selection
    readonly all: readonly Scenario[]
    readonly shown: Shown
  },
): Promise<Run> {
  const { scenarios } = selection
  const name = scenarios.map((scenario) => scenario.name).join('-')
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
      return benchOpen({ name, arms: planLoneArms(selection, all) }, open, shown)
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

/** What belongs to scenarios says nothing of a target. */
function assertNoScenario(names: readonly string[], { set, against }: BenchOptions): void {
  if (names.length > 0)
    throw new BenchError('usage', `${names.join(' ')}: a --target is measured instead of scenarios`)
  if (set.length > 0)
    throw new BenchError('usage', `--set ${set.join(' ')}: is of scenarios, a --target is as it is`)
  if (against !== undefined) {
    throw new BenchError(
      'usage',
      `--against ${against}: is of scenarios; the first --target is what others are told against`,
    )
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
    ...(options.gateway === undefined ? [] : ['--gateway', options.gateway]),
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
