import { validationCells } from '../analysis/capacity-cells.ts'
import type { Fit } from '../analysis/capacity-gather.ts'
import { errorsOf, judge } from '../analysis/capacity-validation.ts'
import { planLoneArms } from '../arms.ts'
import { resolveDemand } from '../demand/resolve.ts'
import { readEnvironment } from '../environment.ts'
import { BenchError } from '../errors.ts'
import { warmGenerator } from '../load/warm-up.ts'
import { measureValidation, type ValidationPlan } from '../measure-validation.ts'
import { createProgress } from '../progress.ts'
import { renderValidation } from '../render/validation-text.ts'
import type { Run, Window } from '../results.ts'
import { runBench } from '../run.ts'
import { findScenario, loadScenarios } from '../scenarios.ts'
import { saveValidation } from '../sizing-store.ts'
import { createRunId, prepareFolder } from '../store.ts'
import { workingTree } from '../trees.ts'
import type { Validation, ValidationCell } from '../validations.ts'
import type { CommandResult, Io } from './io.ts'
import { takeMachine } from './machine.ts'
import { durationMs } from './plan-options.ts'
import {
  assertSameCpu,
  factsFrom,
  findFit,
  newestValidation,
  withValidatedSd,
  type FitOptions,
} from './size-input.ts'

/** What `size --validate` is asked. */
export interface ValidateOptions extends FitOptions {
  readonly seed: number
  readonly budget?: string
  readonly smoke?: true
  readonly json?: true
}

/**
 * `size --validate`: fits on runs of single mechanisms that are stored (or made first), says what loads will do
 * that no run has seen, then measures those, and tells how far off it was.
 */
export async function validateSizes(options: ValidateOptions, io: Io): Promise<CommandResult> {
  const budgetMs = durationMs('--budget', options.budget ?? '8m')
  prepareFolder(options.results)
  const factsOf = factsFrom(await loadScenarios(io.root))
  const environment = readEnvironment(io.root, null)
  // Where nothing is stored it is measured now: then the session is the same, and told as such.
  const wanted = { ...options, measure: true, needed: options.smoke === true } as const
  const found = await findFit(demand, wanted, { io, environment, factsOf })
  assertSameCpu(found, environment, demand)
  const fit = withValidatedSd(found, newestValidation(options.results, environment))
  const { run, cells, observed } = await measureCells(fit, options, { io, budgetMs })
  const validation = validationOf({ fit, run, cells, observed }, options)
  const file = saveValidation(options.results, validation, run)
  io.out(
    options.json === true
      ? `${JSON.stringify(validation)}\n`
      : `${renderValidation(validation, { color: io.stdoutIsTerminal })}\nValidation  ${file}\n`,
  )
  if (io.signal.aborted) throw io.signal.reason
  if (run.complete) return { exitCode: 0 }
  throw new BenchError('measurement-failed', run.incompleteReason ?? 'the validation is incomplete')
}

interface Measured {
  readonly run: Run
  readonly cells: readonly ValidationCell[]
  readonly observed: ReadonlyMap<string, readonly (readonly Window[])[]>
}

async function measureCells(
  fit: Fit,
  { seed, smoke }: ValidateOptions,
  { io, budgetMs }: { readonly io: Io; readonly budgetMs: number },
): Promise<Measured> {
  const all = await loadScenarios(io.root)
  const mode = smoke === true ? 'smoke' : 'default'
  await using machine = await takeMachine('size', mode)
  const scenarios = names.map((name) => findScenario(name, all))
  const tree = workingTree(io.root)
  const arms = planLoneArms({ scenarios, settings: {}, against: null, tree }, all)
  const limits = { minBlocks: 1, maxBlocks: smoke === true ? 1 : mostBlocks, budgetMs }
  const progress = createProgress({ io, plan: limits })
  const observed = new Map<string, (readonly Window[])[]>()
  let cells: ValidationCell[] = []
  if (smoke !== true) await warmGenerator()
  const run = await runBench({
    root: io.root,
    runId: (now) => createRunId(new Date(), now, 'validation'),
    command: ['size', '--validate'],
    mode,
    seed,
    arms,
    warnings: machine.warnings,
    signal: io.signal,
    onEvent: progress.event,
    // Kept whole at the end: by itself it is no run that anybody should compare.
    save: () => undefined,
    procedure: (sources, context, { environment }) => {
      const planned = validationCells(fit, {
        idOf: (scenario) => arms.find((arm) => arm.case.scenario.name === scenario)?.id ?? '',
        mixesShareACore: environment.serverCpus?.length === 1,
      })
      cells = smoke === true ? oneOfEachKind(planned) : planned
      const plan = planOf(cells, { seed, smoke: smoke === true, ...limits })
      return measureValidation(sources, plan, {
        ...context,
        onCell: (cell, windows) => observed.set(cell, [...(observed.get(cell) ?? []), windows]),
      })
    },
  }).finally(progress.stop)
  return { run, cells, observed }
}

function planOf(
  cells: readonly ValidationCell[],
  {
    seed,
    smoke,
    maxBlocks,
    budgetMs,
  }: Pick<ValidationPlan, 'seed' | 'maxBlocks' | 'budgetMs'> & { readonly smoke: boolean },
): ValidationPlan {
  return {
    cells,
    seed,
    maxBlocks,
    budgetMs,
    request: {
      arrivals: 'poisson',
      durationMs: smoke ? smokeMs : windowMs,
      // A pool that grows meanwhile would offer handshakes too, of which nothing is predicted here.
      connections: 64,
      maxConnections: 64,
      // Beyond capacity requests wait; one that is given up would leave its answer to nobody.
      timeoutMs: 60_000,
    },
  }
}

/** The least that goes every way, at rates that any machine manages. */
function oneOfEachKind(cells: readonly ValidationCell[]): ValidationCell[] {
  const first = (kind: ValidationCell['kind']) => cells.find((cell) => cell.kind === kind) ?? []
  return [first('rate'), first('saturation'), first('mix')].flat().map((cell) => ({
    ...cell,
    loads: cell.loads.map((load) => ({ ...load, ratePerSecond: smokeRate })),
  }))
}

function validationOf(
  { fit, run, cells, observed }: Measured & { readonly fit: Fit },
  { seed }: ValidateOptions,
): Validation {
  const predictions = judge(cells, observed, fit, { seed })
  return {
    schema: 1,
    command: 'size',
    kind: 'validation',
    validationId: run.runId,
    mode: run.mode === 'smoke' ? 'smoke' : 'default',
    startedAt: run.startedAt,
    environment: run.environment,
    complete: run.complete,
    fittedRuns: [...fit.runs.keys()],
    run: run.runId,
    blocks: run.blocks.filter(({ outcome }) => outcome === 'measured').length,
    level: 0.9,
    seed,
    cells: [...cells],
    predictions,
    errors: errorsOf(predictions),
  }
}

const names = ['tls', 'mtls', 'jwt', 'combined']
/** What all four need: a run of each alone, in closed loops. */
const demand = resolveDemand({
  mechanisms: names.map((scenario) => ({ scenario, share: 1 / names.length })),
  rate: 1,
})
/** Each block takes a minute and a half: more than a budget should hold. */
const mostBlocks = 8
const windowMs = 3_000
const smokeMs = 100
const smokeRate = 100
