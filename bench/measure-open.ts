import { repeatBlocks, sessionSeed, type OutsideWorld } from './blocks.ts'
import type { OpenPlan } from './load/schedule.ts'
import { createRandom, shuffle } from './random.ts'
import type { Block, Window } from './results.ts'

/** One window of an open loop, as it is asked of every arm alike. */
export interface WindowRequest extends OpenPlan {
  readonly connections: number
  readonly maxConnections: number
  readonly timeoutMs: number
  /** Processes that offer it together; absent: this one alone. */
  readonly generators?: number
  /** Generators on other machines that offer it instead. */
  readonly seats?: number
}

/** What one window measured, without whose it is. */
export type WindowReading = Omit<Window, 'arm' | 'stage' | 'sloP99Us'>

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
 * the same for all arms.
 */
export async function measureOpen(
  sources: readonly OpenArmSource[],
  { request, blocks: wanted }: OpenMeasurePlan,
  context: OutsideWorld,
): Promise<Block[]> {
  const random = createRandom(sessionSeed(request.seed, context))
  const limits = { minBlocks: wanted, maxBlocks: wanted, budgetMs: null }
  return repeatBlocks(limits, context, {
    begin(index) {
      const order = shuffle(sources, random)
      const windows: Window[] = []
      return {
        startOrder: order.map(({ id }) => id),
        content: () => ({ slices: [], histograms: [], windows }),
        async measure() {
          const own = { ...request, seed: request.seed + index }
          // Alone also while it starts: nothing of another arm may be left running.
          for (const source of order) {
            context.signal.throwIfAborted()
            await using arm = await source.start()
            context.onEvent({ kind: 'warming', arms: 1 })
            await arm.settle()
            windows.push(await measureWindow(arm, own, context))
          }
        },
      }
    },
  })
}

/** One window of an arm that is warm; throws when it dies meanwhile. */
export async function measureWindow(
  arm: OpenArm,
  request: WindowRequest,
  { signal, onEvent, beforeWindow }: OutsideWorld,
): Promise<Window> {
  signal.throwIfAborted()
  onEvent({ kind: 'window-started', arm: arm.id, plan: { ...request } })
  await beforeWindow?.()
  signal.throwIfAborted()
  const reading = await arm.window(request, AbortSignal.any([signal, arm.died]))
  arm.died.throwIfAborted()
  const window: Window = { arm: arm.id, ...reading }
  onEvent({ kind: 'window-finished', window })
  return window
}
