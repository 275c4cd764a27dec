import { createRandom, shuffle, type Random } from './random.ts'
import { BenchError } from './errors.ts'
import { createRecorder, type Recorder, type SliceReading } from './recorder.ts'
import type { Block, Slice, Window } from './results.ts'
import { sliceOrder, type SliceGroup } from './slice-order.ts'

/** How one slice is loaded. */
export interface SliceRequest {
  readonly load: Slice['load']
  readonly connections: number
  readonly requests: number
}

/** An arm, alive: the seam behind which processes are, or a fake in tests of this file. */
export interface Arm extends AsyncDisposable {
  readonly id: string
  /** Connections of its case. */
  readonly connections: number
  /** Aborted with the reason when one of its processes ends unasked. */
  readonly died: AbortSignal
  /** Called once when it is warm and before it is measured: from here on it keeps to its own cores. */
  pin(): void
  slice(request: SliceRequest): Promise<SliceReading>
}

/** Something that can be measured: fresh processes at each start. */
export interface ArmSource {
  readonly id: string
  /** Arms of the same case are paired with each other, slice by slice. */
  readonly caseId: string
  /**
   * Which of several equal sets of processes of this arm it is, from 0. Processes of the same code differ:
   * of `tls` one in 25 is 13 % slower for its whole life. Each set is paired with the same one of the
   * other arm, and all slices are the arm's.
   */
  readonly replica: number
  start(): Promise<Arm>
}

/** How much is measured in a block, and when the blocks end. */
export interface Plan {
  readonly seed: number
  readonly minBlocks: number
  readonly maxBlocks: number
  /** No block is begun that would end after this; null = no budget. */
  readonly budgetMs: number | null
  /** Paired slices of each arm in a block, a multiple of 4: see `sliceOrder`. */
  readonly slices: number
  /** A case so quick that its longest slice falls short of `sliceMs` gets up to so many times the slices, replicas included. */
  readonly maxRepeats: number
  /** Sets of processes for each of two arms of one quick case. */
  readonly quickReplicas: number
  /** Each arm is warmed by so many requests; one whose request costs more than `slowRequestUs` only for so much CPU time. */
  readonly warmupRequests: number
  readonly slowRequestUs: number
  readonly slowWarmupCpuMs: number
  /** Slices of each arm that are not recorded, when all are warm and keep to their cores. */
  readonly settleSlices: number
  readonly saturationRequests: number
  readonly singleConnectionSlices: number
  /** Requests in a slice: as many as take `sliceMs`, within these bounds. */
  readonly sliceMs: number
  readonly minSliceRequests: number
  readonly maxSliceRequests: number
}

/** What happens, as it happens: for progress, and for saving after each block. */
export type MeasureEvent =
  | { readonly kind: 'block-started'; readonly index: number }
  | { readonly kind: 'warming'; readonly arms: number }
  | { readonly kind: 'slice'; readonly slice: Slice; readonly done: number; readonly of: number }
  | { readonly kind: 'window-started'; readonly arm: string; readonly durationMs: number }
  | { readonly kind: 'window-finished'; readonly window: Window }
  | { readonly kind: 'block-finished'; readonly block: Block; readonly elapsedMs: number }

/** What measuring slices asks of the outside. */
export interface MeasureContext extends OutsideWorld {
  /** Whether the blocks so far are precise enough to stop. Never asks whether something is significant. */
  readonly preciseEnough: (blocks: readonly Block[]) => boolean
}

/** What every kind of measuring asks of the outside. */
export interface OutsideWorld {
  readonly signal: AbortSignal
  readonly onEvent: (event: MeasureEvent) => void
  /** Milliseconds on a monotonic clock. */
  readonly nowMs: () => number
  /** Wall clock, ISO 8601. */
  readonly timestamp: () => string
}

/**
 * Measures blocks of interleaved slices over arms until they are precise enough or the plan is
 * used up. A block in which anything is wrong is kept, marked failed with its reason, and ends the
 * measuring: whoever reads it decides what the finished blocks are worth. Throws `interrupted` only
 * through the signal's reason.
 */
export async function measure(
  sources: readonly ArmSource[],
  plan: Plan,
  context: MeasureContext,
): Promise<Block[]> {
  const random = createRandom(plan.seed)
  const sizes = new Map<string, SliceSize>()
  const blocks: Block[] = []
  const startMs = context.nowMs()
  while (blocks.length < plan.maxBlocks) {
    const elapsedMs = context.nowMs() - startMs
    if (overBudget(plan, blocks.length, elapsedMs)) break
    if (blocks.length >= plan.minBlocks && context.preciseEnough(blocks)) break
    context.onEvent({ kind: 'block-started', index: blocks.length })
    const block = await measureBlock({
      sources,
      plan,
      context,
      random,
      sizes,
      index: blocks.length,
    })
    blocks.push(block)
    context.onEvent({ kind: 'block-finished', block, elapsedMs: context.nowMs() - startMs })
    if (block.outcome === 'failed' || context.signal.aborted) break
  }
  return blocks
}

interface BlockTask {
  readonly sources: readonly ArmSource[]
  readonly plan: Plan
  readonly context: MeasureContext
  readonly random: Random
  /**
   * Slices by case, fixed by the first arm of it that was warm. Arms that are compared must have the
   * same: what a slice costs once is part of its cost per request, and 250 requests instead of 200 made
   * identical trees differ by 2 % in all blocks of a run.
   */
  readonly sizes: Map<string, SliceSize>
  readonly index: number
}

/** Requests in a slice, and slices in a turn. */
interface SliceSize {
  readonly requests: number
  readonly repeats: number
}

async function measureBlock(task: BlockTask): Promise<Block> {
  const { sources, context, random, index } = task
  const startOrder = shuffle(sources, random)
  const record = createRecorder((progress) => {
    context.onEvent({ kind: 'slice', ...progress })
  })
  const head = { index, startedAt: context.timestamp(), startOrder: startOrder.map(({ id }) => id) }
  await using arms = new AsyncDisposableStack()
  try {
    context.signal.throwIfAborted()
    // All at once: starting is not measured, and one after the other takes most of a block's time.
    const starts = await Promise.allSettled(startOrder.map((source) => source.start()))
    const alive = new Map<string, Running>()
    for (const [place, start] of starts.entries()) {
      const source = startOrder[place]
      if (start.status === 'fulfilled' && source !== undefined)
        alive.set(keyOf(source), { source, arm: arms.use(start.value) })
    }
    const refused = starts.find((start) => start.status === 'rejected')
    if (refused !== undefined) throw refused.reason
    await runSlices(alive, task, record)
    return { ...head, outcome: 'measured', reason: null, ...record.finish() }
  } catch (error) {
    const reason = context.signal.aborted ? 'interrupted' : describe(error)
    return { ...head, outcome: 'failed', reason, ...record.finish() }
  }
}

/** A set of processes at work, by the key of its source. */
interface Running {
  readonly source: ArmSource
  readonly arm: Arm
}

async function runSlices(
  running: ReadonlyMap<string, Running>,
  task: BlockTask,
  record: Recorder,
): Promise<void> {
  const { plan, sources, sizes } = task
  task.context.onEvent({ kind: 'warming', arms: running.size })
  // One after the other. Together they would hold the compiler's threads off the cores, and each process
  // would end up with other machine code: 7 % apart for its whole life, where 2 to 4 % were seen so.
  for (const { source, arm } of running.values()) {
    const requestUs = await warm(arm, task)
    if (!sizes.has(source.caseId)) sizes.set(source.caseId, sliceSize(requestUs, plan))
  }
  for (const { arm } of running.values()) arm.pin()
  const sizeOf = ({ caseId }: ArmSource) =>
    sizes.get(caseId) ?? { requests: plan.minSliceRequests, repeats: 1 }
  const duet = ({ source, arm: { connections } }: Running): SliceRequest => ({
    load: 'duet',
    connections,
    requests: sizeOf(source).requests,
  })
  for (const each of running.values()) {
    for (let slice = 0; slice < plan.settleSlices; slice++) {
      await sliceOrFail(each.arm, duet(each), task.context.signal)
    }
  }
  const groups = pairUp(sources).map((group): SliceGroup => ({
    ids: group.map(keyOf),
    repeats: Math.max(
      1,
      ...group.map((source) => sizeOf(source).repeats / replicasOf(source, sources)),
    ),
  }))
  const firsts = sources.filter(({ replica }) => replica === 0)
  const alone = firsts.map((source): SliceGroup => ({ ids: [keyOf(source)], repeats: 1 }))
  const rounds: { keys: string[]; request: (each: Running) => SliceRequest }[] = [
    {
      keys: sliceOrder(groups, plan.slices, task.random),
      request: duet,
    },
    {
      keys: sliceOrder(alone, plan.singleConnectionSlices, task.random),
      request: () => ({ load: 'duet', connections: 1, requests: plan.minSliceRequests }),
    },
    {
      keys: plan.saturationRequests > 0 ? shuffle(firsts.map(keyOf), task.random) : [],
      request: ({ arm }) => ({
        load: 'saturation',
        connections: arm.connections,
        requests: plan.saturationRequests,
      }),
    },
  ]
  record.expect(rounds.reduce((sum, round) => sum + round.keys.length, 0))
  for (const round of rounds) {
    for (const key of round.keys) {
      const each = running.get(key)
      if (each === undefined)
        throw new BenchError('measurement-failed', `arm ${key} was not started`)
      const reading = await sliceOrFail(each.arm, round.request(each), task.context.signal)
      record.slice(each.source.id, reading)
    }
  }
}

/** Runs the JIT compilers hot on both sides; returns what a request took in the end, in µs. */
async function warm(arm: Arm, { plan, context }: BlockTask): Promise<number> {
  const duet = (requests: number): SliceRequest => ({
    load: 'duet',
    connections: arm.connections,
    requests,
  })
  let done = 0
  let cpuUs = 0
  let requestUs = Infinity
  let isSlow = true
  while (done < plan.warmupRequests && !(isSlow && cpuUs >= plan.slowWarmupCpuMs * usPerMs)) {
    // The first are few: they tell whether the arm is a slow one.
    const requests = isSlow ? plan.maxSliceRequests : plan.warmupRequests - done
    const reading = await sliceOrFail(arm, duet(requests), context.signal)
    done += reading.requests
    cpuUs += reading.cpuUs
    requestUs = reading.wallUs / reading.requests
    isSlow = reading.cpuUs / reading.requests > plan.slowRequestUs
  }
  return requestUs
}

/** As many requests as take `sliceMs`, within the plan's bounds; where those are too few, more slices. */
function sliceSize(requestUs: number, plan: Plan): SliceSize {
  const wanted = Math.round((plan.sliceMs * usPerMs) / requestUs)
  const requests = Math.min(plan.maxSliceRequests, Math.max(plan.minSliceRequests, wanted))
  const repeats = Math.min(plan.maxRepeats, Math.max(1, Math.floor(wanted / requests)))
  return { requests, repeats }
}

/** Arms of one case, replica by replica. */
function pairUp(sources: readonly ArmSource[]): ArmSource[][] {
  const pairs = Map.groupBy(sources, ({ caseId, replica }) => JSON.stringify([caseId, replica]))
  return [...pairs.values()]
}

function replicasOf({ id }: ArmSource, sources: readonly ArmSource[]): number {
  return sources.filter((source) => source.id === id).length
}

function keyOf({ id, replica }: ArmSource): string {
  return `${id}\n${replica}`
}

/** One slice; ends at once, with the reason, when the arm dies or the user interrupts. */
async function sliceOrFail(
  arm: Arm,
  request: SliceRequest,
  signal: AbortSignal,
): Promise<SliceReading> {
  signal.throwIfAborted()
  arm.died.throwIfAborted()
  const ended = Promise.withResolvers<never>()
  const end = AbortSignal.any([signal, arm.died])
  const onAbort = () => {
    ended.reject(end.reason as Error)
  }
  end.addEventListener('abort', onAbort, { once: true })
  const slice = arm.slice(request)
  slice.catch(() => undefined)
  try {
    return await Promise.race([slice, ended.promise])
  } catch (error) {
    // A dying server first shows as a closed connection; its own last words say more.
    await Promise.resolve()
    throw arm.died.aborted && !signal.aborted ? arm.died.reason : error
  } finally {
    end.removeEventListener('abort', onAbort)
  }
}

function overBudget({ budgetMs }: Plan, blocks: number, elapsedMs: number): boolean {
  if (budgetMs === null || blocks === 0) return false
  return elapsedMs + elapsedMs / blocks > budgetMs
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

const usPerMs = 1_000
