import { planArms, type PlannedArm } from '../arms.ts'
import { BenchError } from '../errors.ts'
import { warmGenerator } from '../load/warm-up.ts'
import { measureOpen, type OpenMeasurePlan } from '../measure-open.ts'
import { runOnTarget, type UserTarget } from '../open-target.ts'
import { presentRun } from '../present.ts'
import { createProgress } from '../progress.ts'
import type { Mode, Run } from '../results.ts'
import { runBench, type RunOptions } from '../run.ts'
import { createRunFile, createRunId, prepareFolder } from '../store.ts'
import type { Io } from './io.ts'
import { takeMachine } from './machine.ts'

/** What is to be measured under offered load: cases, or a server of the user's own. */
export interface OpenSubject {
  readonly name: string
  readonly arms: readonly PlannedArm[]
  readonly target: UserTarget | null
}

/** `bench --load open`: windows of a schedule that no answer can move. */
export async function benchOpen(
  { name, arms, target }: OpenSubject,
  plan: OpenMeasurePlan,
  {
    io,
    mode,
    results,
    json,
    command,
  }: {
    readonly io: Io
    readonly mode: Mode
    readonly results: string
    readonly json: boolean
    readonly command: readonly string[]
  },
): Promise<Run> {
  prepareFolder(results)
  const blocks = { minBlocks: plan.blocks, maxBlocks: plan.blocks, budgetMs: null }
  const progress = createProgress({ io, plan: blocks })
  await using machine = await takeMachine('bench', mode)
  const file = createRunFile(results)
  await warmGenerator()
  const common = {
    root: io.root,
    runId: (environment: Run['environment']) =>
      createRunId(new Date(), environment, `open-${name}`),
    command,
    mode,
    warnings: machine.warnings,
    signal: io.signal,
    onEvent: progress.event,
    save: file.save,
  } as const satisfies Partial<RunOptions>
  const measuring =
    target === null
      ? runBench({
          ...common,
          arms,
          seed: plan.request.seed,
          quickReplicas: 1,
          procedure: (sources, context) => measureOpen(sources, plan, context),
        })
      : runOnTarget({ ...common, target, plan })
  const run = await measuring.finally(progress.stop)
  await presentRun(run, { io, folder: results, file: file.path(), json })
  if (!io.signal.aborted) file.assertSaved()
  return run
}

/** The cases alone: under offered load nothing is paired, and each arm has its window to itself. */
export function openArms(...selection: Parameters<typeof planArms>): PlannedArm[] {
  const arms = planArms(...selection)
  const wanted = arms.filter(({ role }) => role === 'case')
  if (selection[0].against !== null)
    throw new BenchError(
      'usage',
      '--against is for closed loops: under offered load nothing is paired',
    )
  return wanted.map((arm) => ({ ...arm, against: null, parts: [] }))
}
