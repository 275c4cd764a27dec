import type { Block, Slice, Window } from './results.ts'

/** What happens, as it happens: for progress, and for saving after each block. */
export type MeasureEvent =
  | { readonly kind: 'block-started'; readonly index: number }
  | { readonly kind: 'warming'; readonly arms: number }
  | {
      readonly kind: 'slice'
      readonly slice: Pick<Slice, 'arm' | 'requests' | 'wallUs' | 'cpuUs'>
      readonly done: number
      readonly of: number
    }
  | { readonly kind: 'window-started'; readonly arm: string; readonly plan: Window['plan'] }
  | { readonly kind: 'window-finished'; readonly window: Window }
  | { readonly kind: 'primitives'; readonly done: number; readonly of: number }
  | { readonly kind: 'block-finished'; readonly block: Block; readonly elapsedMs: number }

/** What every kind of measuring asks of the outside. */
export interface OutsideWorld {
  readonly signal: AbortSignal
  readonly onEvent: (event: MeasureEvent) => void
  /** Milliseconds on a monotonic clock. */
  readonly nowMs: () => number
  /** Wall clock, ISO 8601. */
  readonly timestamp: () => string
  /** Awaited before each block; its time counts neither for the budget nor as time of a block. */
  readonly betweenBlocks?: () => Promise<void>
  /** Awaited before each window of an open loop, when its arm is ready. */
  readonly beforeWindow?: () => Promise<void>
  /** Blocks of an earlier session of the same run; default: none. */
  readonly done?: readonly Block[]
}

/** When blocks end. */
export interface BlockLimits {
  readonly minBlocks: number
  readonly maxBlocks: number
  /** No block is begun that would end after this; null = no budget. */
  readonly budgetMs: number | null
}

/** What a block holds of what it measured. */
export type BlockContent = Pick<
  Block,
  'slices' | 'histograms' | 'windows' | 'churn' | 'primitives' | 'spans'
>

/** One block, from fresh processes to their end. */
export interface BlockWork {
  /** Order in which the arms' processes are started. */
  readonly startOrder: readonly string[]
  /** Measures; what it throws ends the measuring. */
  measure(): Promise<void>
  /** What was measured until now, also after `measure` has thrown. */
  content(): BlockContent
}

/** Seed of a session: one that goes on must not repeat the orders of the one before. */
export function sessionSeed(seed: number, { done = [] }: Pick<OutsideWorld, 'done'>): number {
  return seed + done.length
}

/**
 * Measures blocks until the limits, or `enough` of them, are reached. A block in which anything is wrong
 * is kept, marked failed with its reason, and ends the measuring: whoever reads it decides what the
 * finished blocks are worth.
 */
export async function repeatBlocks(
  limits: BlockLimits,
  context: OutsideWorld,
  each: {
    readonly begin: (index: number) => BlockWork
    readonly enough?: (blocks: readonly Block[]) => boolean
  },
): Promise<Block[]> {
  const earlier = context.done ?? []
  const blocks: Block[] = [...earlier]
  let startMs = context.nowMs()
  while (blocks.length < limits.maxBlocks) {
    if (overBudget(limits, blocks.length - earlier.length, context.nowMs() - startMs)) break
    if (blocks.length >= limits.minBlocks && each.enough?.(blocks) === true) break
    if (context.betweenBlocks !== undefined) {
      const heldFromMs = context.nowMs()
      await context.betweenBlocks()
      // Else a run that is looked at would have fewer blocks than one that is not.
      startMs += context.nowMs() - heldFromMs
    }
    context.onEvent({ kind: 'block-started', index: blocks.length })
    const block = await measureBlock(blocks.length, context, each.begin)
    blocks.push(block)
    context.onEvent({ kind: 'block-finished', block, elapsedMs: context.nowMs() - startMs })
    if (block.outcome === 'failed' || context.signal.aborted) break
  }
  return blocks
}

async function measureBlock(
  index: number,
  { signal, timestamp }: OutsideWorld,
  begin: (index: number) => BlockWork,
): Promise<Block> {
  const work = begin(index)
  const head = { index, startedAt: timestamp(), startOrder: [...work.startOrder] }
  try {
    signal.throwIfAborted()
    await work.measure()
    return { ...head, outcome: 'measured', reason: null, ...work.content() }
  } catch (error) {
    const reason = signal.aborted ? 'interrupted' : describe(error)
    return { ...head, outcome: 'failed', reason, ...work.content() }
  }
}

/**
 * Starts several at a time: starting is not measured, and one after the other takes most of a block's time;
 * but a hundred at once would each wait for a core longer than a start may take. What was started ends with
 * the stack. Throws what kept one from starting.
 */
export async function startTogether<A extends AsyncDisposable, Source>(
  sources: readonly (Source & { start(): Promise<A> })[],
  stack: AsyncDisposableStack,
): Promise<{ readonly source: Source; readonly arm: A }[]> {
  const alive = new Map<Source, A>()
  // One iterator for all workers: each takes the next that nobody has.
  const queue = sources.values()
  let failed = false
  const work = async () => {
    for (const source of queue) {
      if (failed) return
      const start = source.start()
      start.catch(() => (failed = true))
      alive.set(source, stack.use(await start))
    }
  }
  const workers = await Promise.allSettled(Array.from({ length: startsAtOnce }, work))
  const refused = workers.find((worker) => worker.status === 'rejected')
  if (refused !== undefined) throw refused.reason
  return sources.flatMap((source) => {
    const arm = alive.get(source)
    return arm === undefined ? [] : [{ source, arm }]
  })
}

/** What work comes to; ends at once, with the reason, when the arm dies or the user interrupts. */
export async function whileAlive<T>(
  died: AbortSignal,
  signal: AbortSignal,
  start: () => Promise<T>,
): Promise<T> {
  signal.throwIfAborted()
  died.throwIfAborted()
  const ended = Promise.withResolvers<never>()
  const end = AbortSignal.any([signal, died])
  const onAbort = () => {
    ended.reject(end.reason as Error)
  }
  end.addEventListener('abort', onAbort, { once: true })
  const work = start()
  work.catch(() => undefined)
  try {
    return await Promise.race([work, ended.promise])
  } catch (error) {
    // A dying server first shows as a closed connection; its own last words say more.
    await Promise.resolve()
    throw died.aborted && !signal.aborted ? died.reason : error
  } finally {
    end.removeEventListener('abort', onAbort)
  }
}

/** Arms of a usual run, and some more than two cores can start without one waiting for another. */
const startsAtOnce = 8

function overBudget({ budgetMs }: BlockLimits, blocks: number, elapsedMs: number): boolean {
  if (budgetMs === null || blocks === 0) return false
  return elapsedMs + elapsedMs / blocks > budgetMs
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
