import { repeatBlocks, type BlockLimits, type OutsideWorld } from './blocks.ts'
import { createDuets, type ArmSource, type Plan } from './measure.ts'
import type { PrimitiveReading } from './micro/primitive.ts'
import type { PrimitivesProcess } from './micro/process.ts'
import { createRandom, shuffle } from './random.ts'
import type { Block } from './results.ts'

/** Primitives and the scenarios that they are parts of, in the same blocks. */
export interface MicroPlan extends BlockLimits {
  readonly duet: Plan
  /** Each primitive for so long in a block, after as long a warm-up. */
  readonly primitiveMs: number
  /** Only these; null = all there are. */
  readonly ids: readonly string[] | null
}

/** What measuring primitives asks of the outside. */
export interface MicroContext extends OutsideWorld {
  /** A fresh process of primitives. */
  readonly startPrimitives: () => Promise<PrimitivesProcess>
}

/**
 * Measures blocks: interleaved slices over the arms, then every primitive in random order. Both are
 * within the same half minute of the machine, so that one can be told as a part of the other.
 */
export async function measureMicro(
  sources: readonly ArmSource[],
  plan: MicroPlan,
  context: MicroContext,
): Promise<Block[]> {
  const random = createRandom(plan.duet.seed)
  const beginDuet = createDuets(sources, plan.duet, context)
  return repeatBlocks(plan, context, {
    begin() {
      const duet = beginDuet()
      const primitives: PrimitiveReading[] = []
      return {
        startOrder: duet.startOrder,
        content: () => ({ ...duet.content(), primitives }),
        async measure() {
          if (sources.length > 0) await duet.measure()
          context.signal.throwIfAborted()
          await using running = await context.startPrimitives()
          const order = shuffle(plan.ids ?? running.ids, random)
          context.onEvent({ kind: 'primitives', done: 0, of: order.length })
          await running.measure(order, plan.primitiveMs, (reading) => {
            primitives.push(reading)
            context.onEvent({ kind: 'primitives', done: primitives.length, of: order.length })
          })
          context.signal.throwIfAborted()
        },
      }
    },
  })
}
