import { totalmem } from 'node:os'
import type { PlannedArm } from './arms.ts'
import { BenchError } from './errors.ts'
import type { Plan } from './measure.ts'

/** What a run in closed loops will take, before anything has been measured. */
export interface Estimate {
  readonly arms: number
  readonly blocks: number
  readonly blockMs: number
  readonly preflightMs: number
  /** All of it; no longer than the budget allows, and never less than one block. */
  readonly totalMs: number
  readonly memoryBytes: number
}

/** Estimates from what an arm took on machines of two cores; the progress corrects it after the first block. */
export function estimateRun(
  arms: readonly PlannedArm[],
  { maxBlocks, budgetMs, slices }: Pick<Plan, 'maxBlocks' | 'budgetMs' | 'slices'>,
): Estimate {
  const cases = new Set(arms.map((arm) => arm.case.id)).size
  const processes = arms.reduce((sum, { case: trial }) => {
    const { token } = trial.scenario.credentials(trial.parameters)
    return sum + Number(trial.parameters['workers'] ?? 1) + (token === 'none' ? 0 : 1)
  }, 0)
  const blockMs = arms.length * (fixedArmMs + slices * sliceMs)
  const preflightMs = (cases * casePreflightMs) / preflightsAtOnce
  const blocks =
    budgetMs === null ? maxBlocks : Math.min(maxBlocks, Math.max(1, Math.floor(budgetMs / blockMs)))
  return {
    arms: arms.length,
    blocks,
    blockMs,
    preflightMs,
    totalMs: preflightMs + blocks * blockMs,
    memoryBytes: processes * processBytes,
  }
}

/** One line for before the start. */
export function describeEstimate({
  arms,
  blocks,
  blockMs,
  preflightMs,
  totalMs,
}: Estimate): string {
  return `${arms} arms, up to ${blocks} ${blocks === 1 ? 'block' : 'blocks'} of ${clock(blockMs)}, preflight ${clock(preflightMs)}: about ${clock(totalMs)} in all; Ctrl-C keeps finished blocks, --resume goes on`
}

/** Throws `usage` where all arms of a block cannot be alive at once. */
export function assertFits({ arms, memoryBytes }: Estimate, totalBytes = totalmem()): void {
  if (memoryBytes <= totalBytes * mostOfMemory) return
  const gib = (bytes: number) => (bytes / 2 ** 30).toFixed(1)
  throw new BenchError(
    'usage',
    `${arms} arms are alive at once in each block and need about ${gib(memoryBytes)} GiB, this machine has ${gib(totalBytes)}: set fewer values, or measure them in several runs`,
  )
}

function clock(ms: number): string {
  const seconds = Math.round(ms / 1_000)
  const [hours, minutes] = [Math.floor(seconds / 3_600), Math.floor(seconds / 60) % 60]
  const rest = String(seconds % 60).padStart(2, '0')
  return hours > 0
    ? `${hours}:${String(minutes).padStart(2, '0')}:${rest} h`
    : `${minutes}:${rest} min`
}

/** Start and warm-up of an arm, and its slices at saturation and at one connection. */
const fixedArmMs = 1_000
/** A paired slice with what lies between it and the next. */
const sliceMs = 45
/** Most of it is waiting for a token to expire. */
const casePreflightMs = 4_000
const preflightsAtOnce = 2
const processBytes = 90 * 2 ** 20
const mostOfMemory = 0.8
