import type { OpenPlan } from './load/schedule.ts'
import type { OutsideWorld } from './measure.ts'
import { createRandom, shuffle } from './random.ts'
import type { Block, Window } from './results.ts'

/** One window of an open loop, as it is asked of every arm alike. */
export interface WindowRequest extends OpenPlan {
  readonly connections: number
  readonly maxConnections: number
  readonly timeoutMs: number
}

/** What one window measured, without whose it is. */
export type WindowReading = Omit<Window, 'arm'>

/** An arm that an open loop can be let loose on. */
export interface OpenArm extends AsyncDisposable {
  readonly id: string
  /** Aborted with the reason when one of its processes ends unasked. */
  readonly died: AbortSignal
  /** Runs it warm; from here on it keeps to its own cores. */
  settle(): Promise<void>
  window(request: WindowRequest, signal: AbortSignal): Promise<WindowReading>
}

/** Something that windows are measured of: fresh processes at each start. */
export interface OpenArmSource {
  readonly id: string
  start(): Promise<OpenArm>
}

/** Windows of each arm, one a block. */
export interface OpenMeasurePlan {
  readonly request: WindowRequest
  readonly blocks: number
}

/**
 * Measures blocks of one window for every arm, in random order, each arm alone on the machine: two
 * offered loads at once would each be the other's disturbance. Every block has a schedule of its own,
 * the same for all arms. A block in which anything but an answer went wrong is kept, marked failed with
 * its reason, and ends the measuring.
 */
export async function measureOpen(
  sources: readonly OpenArmSource[],
  { request, blocks: wanted }: OpenMeasurePlan,
  context: OutsideWorld,
): Promise<Block[]> {
  const random = createRandom(request.seed)
  const startMs = context.nowMs()
  const blocks: Block[] = []
  while (blocks.length < wanted && mayGoOn(blocks, context)) {
    const index = blocks.length
    context.onEvent({ kind: 'block-started', index })
    const order = shuffle(sources, random)
    const windows: Window[] = []
    const head = {
      index,
      startedAt: context.timestamp(),
      startOrder: order.map(({ id }) => id),
      slices: [],
      histograms: [],
      windows,
    }
    let reason: string | null = null
    try {
      for (const source of order) {
        // Alone also while it starts: nothing of another arm may be left running.
        windows.push(
          await measureWindow(source, { ...request, seed: request.seed + index }, context),
        )
      }
    } catch (error) {
      reason = context.signal.aborted ? 'interrupted' : describe(error)
    }
    const block: Block = { ...head, outcome: reason === null ? 'measured' : 'failed', reason }
    blocks.push(block)
    context.onEvent({ kind: 'block-finished', block, elapsedMs: context.nowMs() - startMs })
  }
  return blocks
}

function mayGoOn(blocks: readonly Block[], { signal }: OutsideWorld): boolean {
  return blocks.at(-1)?.outcome !== 'failed' && !signal.aborted
}

async function measureWindow(
  source: OpenArmSource,
  request: WindowRequest,
  { signal, onEvent }: OutsideWorld,
): Promise<Window> {
  signal.throwIfAborted()
  await using arm = await source.start()
  onEvent({ kind: 'warming', arms: 1 })
  await arm.settle()
  onEvent({ kind: 'window-started', arm: arm.id, durationMs: request.durationMs })
  const end = AbortSignal.any([signal, arm.died])
  const reading = await arm.window(request, end)
  arm.died.throwIfAborted()
  const window: Window = { arm: arm.id, ...reading }
  onEvent({ kind: 'window-finished', window })
  return window
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
