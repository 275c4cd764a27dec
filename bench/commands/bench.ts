import { randomInt } from 'node:crypto'
import { join } from 'node:path'
import { Command } from 'commander'
import { planArms, referenceName } from '../arms.ts'
import { BenchError } from '../errors.ts'
import { modes } from '../modes.ts'
import { createProgress } from '../progress.ts'
import { presentRun } from '../present.ts'
import { relativePrecision } from '../analysis/summary.ts'
import type { Mode, Run } from '../results.ts'
import { runBench } from '../run.ts'
import { describeValues, parseSettings, type Scenario } from '../scenario.ts'
import { findScenario, loadScenarios } from '../scenarios.ts'
import { workingTree } from '../trees.ts'
import { createRunId, prepareFolder, saveRun } from '../store.ts'
import { collect, type CommandResult, type Io } from './io.ts'

interface BenchOptions {
  readonly list?: true
  readonly quick?: true
  readonly full?: true
  readonly smoke?: true
  readonly json?: true
  readonly set: readonly string[]
  readonly against?: string
  readonly precision?: string
  readonly budget?: string
  readonly results: string
  readonly seed?: string
}

/** `bench`: measures scenarios against their baselines. */
export function benchCommand(io: Io, done: (result: CommandResult) => void): Command {
  return new Command('bench')
    .description('measure scenarios against their baselines, on this machine')
    .argument('[scenario...]', 'names from --list, or all')
    .option('--set <name=value,…>', 'set a parameter; several values make a matrix', collect, [])
    .option(
      '--against <case>',
      'another baseline: scenario or scenario/name=value; the same one makes an A/A',
    )
    .option('--list', 'show scenarios and their parameters')
    .option('--quick', '8 blocks')
    .option('--full', '12 to 40 blocks, until the intervals are narrow')
    .option('--smoke', '1 block of few requests: proves that it runs, measures nothing')
    .option('--precision <percent>', 'stop at this half-width of the 99 % interval, as 1%')
    .option('--budget <time>', 'begin no block that would end later, as 90s or 5m')
    .option('--seed <number>', 'order of arms and slices')
    .option('--results <folder>', 'where runs are kept', join(io.root, 'results'))
    .option('--json', 'print one JSON object on stdout')
    .addHelpText(
      'after',
      '\nExample:\n  npm run bench -- combined\n  npm run bench -- tls mtls jwt --set alg=RS256 --set tls=1.2',
    )
    .action(async (names: string[], options: BenchOptions) => {
      done(await bench(names, options, io))
    })
}

async function bench(
  names: readonly string[],
  options: BenchOptions,
  io: Io,
): Promise<CommandResult> {
  const all = await loadScenarios(io.root)
  if (options.list === true) {
    io.out(listScenarios(all))
    return { exitCode: 0 }
  }
  const scenarios = select(names, all)
  const settings = parseSettings(options.set, scenarios)
  const tree = workingTree(io.root)
  const arms = planArms({ scenarios, settings, against: options.against ?? null, tree }, all)
  const mode = modeOf(options)
  const { precision, ...plan } = planOf(mode, options)
  prepareFolder(options.results)
  const subject = scenarios.map(({ name }) => name).join('-')
  const progress = createProgress({ io, arms: arms.length, plan })
  let file: string | null = null
  const run = await runBench({
    root: io.root,
    runId: (environment) => createRunId(new Date(), environment, subject),
    command: ['bench', ...names, ...argumentsOf(options)],
    mode,
    plan,
    arms,
    signal: io.signal,
    preciseEnough: (measured) =>
      precision !== null && (relativePrecision(measured) ?? Infinity) <= precision,
    onEvent: progress.event,
    save: (measured) => {
      file = saveRun(options.results, measured)
    },
  }).finally(progress.stop)
  await presentRun(run, { io, folder: options.results, file, json: options.json === true })
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

function modeOf(options: BenchOptions): Mode {
  const named = (['quick', 'full', 'smoke'] as const).filter((name) => options[name] === true)
  if (named.length > 1)
    throw new BenchError(
      'usage',
      `--${named.join(' and --')}: give one of --quick, --full, --smoke`,
    )
  return named[0] ?? 'default'
}

function planOf(mode: Mode, options: BenchOptions) {
  const plan = modes[mode]
  const seed = options.seed === undefined ? randomInt(2 ** 31) : wholeNumber('--seed', options.seed)
  const budgetMs = options.budget === undefined ? plan.budgetMs : durationMs(options.budget)
  if (options.precision === undefined) return { ...plan, seed, budgetMs }
  if (mode === 'smoke')
    throw new BenchError(
      'usage',
      `--precision ${options.precision}: --smoke measures nothing, leave one out`,
    )
  return {
    ...plan,
    seed,
    budgetMs: options.budget === undefined ? null : budgetMs,
    maxBlocks: modes.full.maxBlocks,
    precision: percent(options.precision),
  }
}

function percent(text: string): number {
  const value = Number(/^(\d+(\.\d+)?)%?$/.exec(text)?.[1])
  if (value >= 0.1 && value <= 50) return value / 100
  throw new BenchError('usage', `--precision ${text}: expected a percentage from 0.1% to 50%`)
}

function durationMs(text: string): number {
  const [, number, unit] = /^(\d+)(s|m|h)$/.exec(text) ?? []
  const seconds = Number(number) * ({ s: 1, m: 60, h: 3_600 }[unit ?? 's'] ?? 1)
  if (seconds >= 1 && seconds <= 86_400) return seconds * 1_000
  throw new BenchError('usage', `--budget ${text}: expected a time from 1s to 24h, as 90s or 5m`)
}

function wholeNumber(option: string, text: string): number {
  if (/^\d{1,10}$/.test(text) && Number(text) < 2 ** 32) return Number(text)
  throw new BenchError('usage', `${option} ${text}: expected a whole number below 2^32`)
}

function argumentsOf(options: BenchOptions): string[] {
  return [
    ...options.set.flatMap((setting) => ['--set', setting]),
    ...(options.against === undefined ? [] : ['--against', options.against]),
    ...(['quick', 'full', 'smoke'] as const)
      .filter((name) => options[name])
      .map((name) => `--${name}`),
    ...(options.precision === undefined ? [] : ['--precision', options.precision]),
    ...(options.budget === undefined ? [] : ['--budget', options.budget]),
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
