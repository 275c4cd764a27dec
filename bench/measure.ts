import {
  repeatBlocks,
  sessionSeed,
  startTogether,
  whileAlive,
  type BlockLimits,
  type BlockWork,
  type OutsideWorld,
} from './blocks.ts'
import { BenchError } from './errors.ts'
import { createRandom, shuffle, type Random } from './random.ts'
import { createRecorder, type Recorder, type SliceReading } from './recorder.ts'
import type { Block, Slice } from './results.ts'
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
  start(): Promise<Arm>
}

/** How long an arm is warmed. */
export type WarmUp = Pick<
  Plan,
  'warmupRequests' | 'slowRequestUs' | 'slowWarmupCpuMs' | 'maxSliceRequests'
>

/** How much is measured in a block, and when the blocks end. */
export interface Plan extends BlockLimits {
  readonly seed: number
  /** Paired slices of each arm in a block, a multiple of 4: see `sliceOrder`. */
  readonly slices: number
  /** A case so quick that its longest slice falls short of `sliceMs` gets up to so many times the slices */
  readonly maxRepeats: number
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

/** What measuring slices asks of the outside. */
export interface MeasureContext extends OutsideWorld {
  /** Whether the blocks so far are precise enough to stop. Never asks whether something is significant. */
  readonly preciseEnough: (blocks: readonly Block[]) => boolean
}

/**
 * Measures blocks of interleaved slices over arms until they are precise enough or the plan is
 * used up. Throws `interrupted` only through the signal's reason.
 */
export async function measure(
  sources: readonly ArmSource[],
  plan: Plan,
  context: MeasureContext,
): Promise<Block[]> {
  return repeatBlocks(plan, context, {
    enough: context.preciseEnough,
    begin: createDuets(sources, plan, context),
  })
}

/** Begins blocks of interleaved slices, one after the other. */
export function createDuets(
  sources: readonly ArmSource[],
  plan: Plan,
  context: OutsideWorld,
): () => BlockWork {
  const random = createRandom(sessionSeed(plan.seed, context))
  const sizes = new Map<string, SliceSize>()
  return () => {
    const startOrder = shuffle(sources, random)
    const record = createRecorder((progress) => {
      context.onEvent({ kind: 'slice', ...progress })
    })
    return {
      startOrder: startOrder.map(({ id }) => id),
      content: () => record.finish(),
      async measure() {
        await using stack = new AsyncDisposableStack()
        const running = await startTogether(startOrder, stack)
        const alive = new Map(running.map((each) => [each.source.id, each]))
        await runSlices(alive, { sources, plan, context, random, sizes }, record)
      },
    }
  }
}

interface BlockTask {
  readonly sources: readonly ArmSource[]
  readonly plan: Plan
  readonly context: OutsideWorld
  readonly random: Random
  /**
   * Slices by case, fixed by the first arm of it that was warm. Arms that are compared must have the
   * same: what a slice costs once is part of its cost per request, and 250 requests instead of 200 made
   * identical trees differ by 2 % in all blocks of a run.
   */
  readonly sizes: Map<string, SliceSize>
}

/** Requests in a slice, and slices in a turn. */
interface SliceSize {
  readonly requests: number
  readonly repeats: number
}

/** An arm at work. */
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
    ids: group.map(({ id }) => id),
    repeats: Math.max(...group.map((source) => sizeOf(source).repeats)),
  }))
  const ids = sources.map(({ id }) => id)
  const alone = ids.map((id): SliceGroup => ({ ids: [id], repeats: 1 }))
  const rounds: { ids: string[]; request: (each: Running) => SliceRequest }[] = [
    { ids: sliceOrder(groups, plan.slices, task.random), request: duet },
    {
      ids: sliceOrder(alone, plan.singleConnectionSlices, task.random),
      request: () => ({ load: 'duet', connections: 1, requests: plan.minSliceRequests }),
    },
    {
      ids: plan.saturationRequests > 0 ? shuffle(ids, task.random) : [],
      request: ({ arm }) => ({
        load: 'saturation',
        connections: arm.connections,
        // The first answer on each connection is in no figure: there must be others.
        requests:
          plan.saturationRequests > arm.connections
            ? plan.saturationRequests
            : leastPerConnection * arm.connections,
      }),
    },
  ]
  record.expect(rounds.reduce((sum, round) => sum + round.ids.length, 0))
  for (const round of rounds) {
    for (const id of round.ids) {
      const each = running.get(id)
      if (each === undefined)
        throw new BenchError('measurement-failed', `arm ${id} was not started`)
      const reading = await sliceOrFail(each.arm, round.request(each), task.context.signal)
      record.slice(each.source.id, reading)
    }
  }
}

/** Runs the JIT compilers hot on both sides; returns what a request took in the end, in µs. */
export async function warm(
  arm: Arm,
  { plan, context }: { readonly plan: WarmUp; readonly context: Pick<OutsideWorld, 'signal'> },
): Promise<number> {
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
    // Of a target nobody may know its CPU; it is at work no longer than this at most.
    const workUs = reading.cpuUs ?? reading.wallUs
    cpuUs += workUs
    requestUs = reading.wallUs / reading.requests
    isSlow = workUs / reading.requests > plan.slowRequestUs
  }
  return requestUs
}

/** As many requests as take `sliceMs`, within the plan's bounds; where those are too few, more slices. */
function sliceSize(requestUs: number, plan: Plan): SliceSize {
  const wanted = Math.round((plan.sliceMs * usPerMs) / requestUs)
  const requests = Math.min(plan.maxSliceRequests, Math.max(plan.minSliceRequests, wanted))
  const repeats = Math.min(plan.maxRepeats, Math.max(1, Math.round(wanted / requests)))
  return { requests, repeats }
}

/** Arms of one case stand together. */
function pairUp(sources: readonly ArmSource[]): ArmSource[][] {
  return [...Map.groupBy(sources, ({ caseId }) => caseId).values()]
}

function sliceOrFail(arm: Arm, request: SliceRequest, signal: AbortSignal): Promise<SliceReading> {
  return whileAlive(arm.died, signal, () => arm.slice(request))
}

const leastPerConnection = 5
const usPerMs = 1_000
