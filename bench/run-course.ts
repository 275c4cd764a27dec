import { performance } from 'node:perf_hooks'
import type { MeasureEvent, OutsideWorld } from './blocks.ts'
import type { ArmRecord, Block, Run } from './results.ts'

/** What accompanies a run while it is measured. */
export interface Course {
  readonly signal: AbortSignal
  readonly onEvent: (event: MeasureEvent) => void
  /** Awaited before each block, when nothing is measured. */
  readonly betweenBlocks?: () => Promise<void>
  /** Awaited before each window of an open loop. */
  readonly beforeWindow?: () => Promise<void>
  /** Called after preflight, after each block and at the end. */
  readonly save: (run: Run) => void
}

/** Measures into a run, saving it after each block, and says how it ended. */
export async function finishInto(
  run: Run,
  options: Course,
  procedure: (context: OutsideWorld) => Promise<Block[]>,
): Promise<Run> {
  const onEvent = (event: MeasureEvent) => {
    if (event.kind === 'block-finished') {
      run.blocks.push(event.block)
      options.save(run)
    }
    options.onEvent(event)
  }
  const [startWallMs, startMs] = [Date.now(), performance.now()]
  await procedure({
    done: [...run.blocks],
    signal: options.signal,
    onEvent,
    ...(options.betweenBlocks === undefined ? {} : { betweenBlocks: options.betweenBlocks }),
    ...(options.beforeWindow === undefined ? {} : { beforeWindow: options.beforeWindow }),
    nowMs: () => performance.now(),
    timestamp: () => new Date().toISOString(),
  })
  run.warnings.push(...clockWarnings(Date.now() - startWallMs, performance.now() - startMs))
  const failed = run.blocks.find((block) => block.outcome === 'failed')
  const measured = run.blocks.some((block) => block.outcome === 'measured')
  for (const arm of run.arms) if (!isSkipped(arm)) arm.outcome = measured ? 'measured' : 'failed'
  const reason = options.signal.aborted ? 'interrupted' : (failed?.reason ?? null)
  const finished = finish(run, reason)
  options.save(finished)
  return finished
}

/** Why arms were left out, each reason once. */
export function skipReasons({ arms }: Run): string {
  return [...new Set(arms.flatMap((arm) => (isSkipped(arm) ? (arm.reason ?? []) : [])))].join('; ')
}

/** Every figure is from a monotonic clock; but tokens, certificates and time stamps are not. */
export function clockWarnings(wallMs: number, monotonicMs: number): Run['warnings'] {
  const jumpMs = Math.round(wallMs - monotonicMs)
  if (Math.abs(jumpMs) < clockToleranceMs) return []
  return [
    {
      code: 'clock-jumped',
      message: `the wall clock was set ${jumpMs > 0 ? 'forward' : 'back'} by ${Math.abs(jumpMs)} ms while blocks ran; durations are from a monotonic clock and hold`,
      advice: 'let time synchronisation settle, then measure again if a block failed',
    },
  ]
}

/** Says of a run how it ended: whole where there is no reason why not. */
export function finish(run: Run, incompleteReason: string | null): Run {
  run.finishedAt = new Date().toISOString()
  run.complete = incompleteReason === null
  run.incompleteReason = incompleteReason
  return run
}

/** Left out from the start, with the reason; until they are measured, the others have none. */
function isSkipped({ outcome, reason }: ArmRecord): boolean {
  return outcome === 'skipped' && reason !== null
}

const clockToleranceMs = 1_000
