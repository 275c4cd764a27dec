import { followRun, type LiveFollower } from '../live/follow.ts'
import { followMetrics, type MetricsFollower } from '../otel/follow.ts'
import type { MetricsSettings } from '../otel/messages.ts'
import { createProgress, type ProgressPlan } from '../progress.ts'
import { presentRun } from '../present.ts'
import type { Mode, Run } from '../results.ts'
import type { RunOptions } from '../run.ts'
import { createRunFile, createRunId, prepareFolder } from '../store.ts'
import type { Io } from './io.ts'
import { takeMachine } from './machine.ts'

/** Where a measuring command keeps and shows what it measures. */
export interface Shown {
  readonly io: Io
  readonly mode: Mode
  /** Folder of runs. */
  readonly results: string
  readonly json: boolean
  /** Whether a page on loopback shows the run while it is measured. */
  readonly open?: boolean
  /** Where metrics of the run go while it is measured; default: nowhere. */
  readonly metrics?: MetricsSettings | null
  /** As it was called, for the run. */
  readonly command: readonly string[]
  /** A run that was interrupted and is to go on; default: a new one. */
  readonly resumed?: Run | null
}

/** What every run of a command needs, whatever it measures. */
export type CommonOptions = Pick<
  RunOptions,
  | 'root'
  | 'runId'
  | 'command'
  | 'mode'
  | 'warnings'
  | 'signal'
  | 'onEvent'
  | 'betweenBlocks'
  | 'beforeWindow'
  | 'save'
  | 'resumed'
>

/** Measures one run: takes the machine, tells of progress, saves after each block, and shows the result. */
export async function measureAndShow(
  { io, mode, results, json, open = false, metrics = null, command, resumed = null }: Shown,
  { subject, limits }: { readonly subject: string; readonly limits: ProgressPlan },
  start: (common: CommonOptions) => Promise<Run>,
): Promise<Run> {
  prepareFolder(results)
  await using machine = await takeMachine('bench', mode)
  const file = createRunFile(results)
  await using live = open
    ? await followRun({
        err: io.err,
        plan: limits,
        signal: io.signal,
        file: file.path,
        hasScreen: io.stdoutIsTerminal && process.env['CI'] === undefined,
      })
    : null
  await using exported =
    metrics === null
      ? null
      : await followMetrics({ settings: metrics, err: io.err, signal: io.signal })
  const progress = createProgress({ io, plan: limits })
  const run = await start({
    root: io.root,
    runId: (environment) => createRunId(new Date(), environment, subject),
    command,
    mode,
    warnings: machine.warnings,
    signal: io.signal,
    ...(resumed === null ? {} : { resumed }),
    onEvent(event) {
      progress.event(event)
      live?.event(event)
      exported?.event(event)
    },
    ...gapsOf(live, exported),
    save(now) {
      file.save(now)
      exported?.saved(now)
    },
  }).finally(progress.stop)
  const [warnings = []] = await Promise.all([exported?.ended(), live?.ended()])
  if (warnings.length > 0) {
    run.warnings.push(...warnings)
    file.save(run)
  }
  await presentRun(run, { io, folder: results, file: file.path(), json })
  if (!io.signal.aborted) file.assertSaved()
  await exported?.lastScrape()
  return run
}

/** What is awaited where nothing is measured; nothing, where nobody follows. */
function gapsOf(
  live: LiveFollower | null,
  exported: MetricsFollower | null,
): Pick<CommonOptions, 'betweenBlocks' | 'beforeWindow'> {
  if (exported === null) return live === null ? {} : { betweenBlocks: live.betweenBlocks }
  return {
    async betweenBlocks() {
      await Promise.all([live?.betweenBlocks(), exported.betweenMeasurements()])
    },
    beforeWindow: exported.betweenMeasurements,
  }
}
