import { join } from 'node:path'
import { Command } from 'commander'
import { metrics } from '../analysis/metrics.ts'
import { calibrate, type Trial } from '../analysis/calibration.ts'
import { BenchError } from '../errors.ts'
import { livePlan } from '../live.ts'
import { createProgress } from '../progress.ts'
import { renderCalibration } from '../render/calibration-text.ts'
import { loadScenarios, findScenario } from '../scenarios.ts'
import { storedTrials } from '../selftest/stored.ts'
import { runTrials, type SelftestResult } from '../selftest/trials.ts'
import { createRunId, listRuns, prepareFolder, saveFile, saveRun } from '../store.ts'
import type { CommandResult, Io } from './io.ts'
import { takeMachine } from './machine.ts'
import { addPlanOptions, planOf, type ChosenPlan, type PlanOptions } from './plan-options.ts'

interface SelftestOptions extends PlanOptions {
  readonly rounds: string
  readonly tries?: string
  readonly inject: string
  readonly results: string
  readonly stored?: true
  readonly out?: string
  readonly json?: true
}

/** `selftest`: false positives, power and smallest detectable effect on this machine. */
export function selftestCommand(io: Io, done: (result: CommandResult) => void): Command {
  const command = new Command('selftest')
    .description('what a comparison is worth on this machine: false positives, power, precision')
    .argument('[scenario...]', 'default: tls combined')
    .option('--rounds <number>', 'comparisons of identical trees', '3')
    .option('--tries <number>', 'comparisons for each injected share; default: as --rounds')
    .option('--inject <percent,…>', 'server CPU to inject', '3%,5%')
    .option('--results <folder>', 'where runs are kept', join(io.root, 'results'))
    .option('--stored', 'measure nothing: calibrate from runs of self-tests that are stored')
    .option('--out <file>', 'also write the calibration as JSON')
    .option('--json', 'print one JSON object on stdout')
    .addHelpText('after', '\nExample:\n  npm run selftest -- tls --rounds 5 --inject 5%')
    .action(async (names: string[], options: SelftestOptions) => {
      await selftest(names.length === 0 ? ['tls', 'combined'] : names, options, io)
      done({ exitCode: 0 })
    })
  return addPlanOptions(command)
}

async function selftest(names: readonly string[], options: SelftestOptions, io: Io): Promise<void> {
  const all = await loadScenarios(io.root)
  for (const name of names) findScenario(name, all)
  const rounds = parseCount('--rounds', options.rounds)
  const tries = options.tries === undefined ? rounds : parseCount('--tries', options.tries)
  const shares = options.inject.split(',').map(parseShare)
  const chosen = planOf(options, 'full')
  prepareFolder(options.results)
  const result =
    options.stored === true
      ? fromStored(options.results, shares, chosen.plan.seed)
      : await measureTrials({ names, rounds, tries, shares, chosen, options, io })
  tell(result, options, io)
}

function fromStored(folder: string, shares: readonly number[], seed: number): SelftestResult {
  const { runs } = listRuns([folder])
  const trials = storedTrials(
    runs.map(({ run }) => run),
    shares,
  )
  if (trials.length === 0)
    throw new BenchError(
      'usage',
      `selftest --stored: no whole trial in ${folder}; leave it out to measure`,
    )
  return { trials, calibration: calibrate(trials, { seed }) }
}

async function measureTrials({
  names,
  rounds,
  tries,
  shares,
  chosen: { mode, plan, precision },
  options,
  io,
}: {
  readonly names: readonly string[]
  readonly rounds: number
  readonly tries: number
  readonly shares: readonly number[]
  readonly chosen: ChosenPlan
  readonly options: SelftestOptions
  readonly io: Io
}): Promise<SelftestResult> {
  await using machine = await takeMachine('selftest', mode)
  const progress = createProgress({ io, plan })
  return await runTrials({
    root: io.root,
    names,
    mode,
    plan: livePlan(plan),
    // The mode's own aims at other questions than a share that is known.
    precision: options.precision === undefined && mode === 'full' ? undefined : precision,
    warnings: machine.warnings,
    rounds,
    tries,
    shares,
    signal: io.signal,
    runId: (environment) => createRunId(new Date(), environment, 'selftest'),
    onEvent: (event) => {
      // A line a block would be hundreds of lines: the trials tell how it goes.
      if (event.kind !== 'block-finished' && event.kind !== 'preflight-finished')
        progress.event(event)
    },
    onTrial: (trial, done, of) => {
      io.err(`${trialLine(trial)} (${done} of ${of})\n`)
    },
    save: (run) => saveRun(options.results, run),
  }).finally(progress.stop)
}

function tell({ trials, calibration }: SelftestResult, options: SelftestOptions, io: Io): void {
  const incomplete = trials.find(({ run }) => !run.complete)
  if (incomplete !== undefined) {
    throw new BenchError(
      'measurement-failed',
      `selftest: run ${incomplete.run.runId} is incomplete: ${incomplete.run.incompleteReason ?? ''}`,
    )
  }
  const envelope = {
    schema: 1,
    command: 'selftest',
    complete: true,
    environment: trials[0]?.run.environment ?? null,
    trials: trials.map(({ run, ...trial }) => ({
      ...trial,
      runId: run.runId,
      blocks: run.blocks.length,
    })),
    calibration,
  }
  if (options.out !== undefined) saveFile(options.out, `${JSON.stringify(envelope, null, 1)}\n`)
  io.out(
    options.json === true
      ? `${JSON.stringify(envelope)}\n`
      : renderCalibration(calibration, { color: io.stdoutIsTerminal }),
  )
}

function trialLine({ injectedShare, changes, secondsPerMechanism }: Trial): string {
  const verdicts = changes.map(({ case: id, metric, verdict, ratio }) => {
    const percent = ratio === null ? '' : ` ${((ratio.estimate - 1) * 100).toFixed(2)} %`
    return `${id.split('/')[0] ?? id} ${metrics[metric].label}: ${verdict}${percent}`
  })
  const what = injectedShare === 0 ? 'A/A' : `+${(injectedShare * 100).toFixed(1)} %`
  return `${what}: ${verdicts.join('; ')}; ${secondsPerMechanism.toFixed(0)} s per mechanism`
}

function parseCount(option: string, text: string): number {
  if (/^[1-9]\d{0,2}$/.test(text)) return Number(text)
  throw new BenchError('usage', `${option} ${text}: expected 1 to 999`)
}

function parseShare(text: string): number {
  const percent = Number(/^(\d+(?:\.\d+)?)%$/.exec(text)?.[1])
  if (percent >= 0.5 && percent <= 100) return percent / 100
  throw new BenchError(
    'usage',
    `--inject ${text}: expected percentages from 0.5% to 100%, as 3%,5%`,
  )
}
