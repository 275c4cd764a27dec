import { localMs, runStripe, type StripeReading, type StripeTask } from './stripe.ts'
import type { Endpoint } from './target.ts'
import { warmGenerator } from './warm-up.ts'

// One of several generators of a window (`--generators`): a process that is told its stripe, waits at the
// barrier, and says what it saw. There is no word between it and its parent while it measures.

/** What the parent says. Credentials come this way and no other: arguments can be read by all users. */
export type GeneratorOrder =
  | {
      readonly kind: 'prepare'
      readonly targets: readonly Endpoint[]
      readonly task: StripeTask
    }
  /** Begin at this instant of the monotonic clock. */
  | { readonly kind: 'start'; readonly atNs: bigint }

/** What a generator says. */
export type GeneratorReport =
  | { readonly kind: 'connected' }
  | {
      readonly kind: 'done'
      readonly reading: StripeReading
      /** Clients of its own whose certificate it presented, by their place among the targets. */
      readonly presented: readonly number[]
    }
  | { readonly kind: 'failed'; readonly why: string }

// A parent that is gone, however it went, wants no load any more.
process.once('disconnect', () => process.exit(0))
const started = Promise.withResolvers<bigint>()
process.on('message', (order: GeneratorOrder) => {
  if (order.kind === 'start') started.resolve(order.atNs)
  else void generate(order)
})

async function generate({
  targets,
  task,
}: Extract<GeneratorOrder, { kind: 'prepare' }>): Promise<void> {
  try {
    await warmGenerator()
    const presented = new Set<number>()
    const watched = targets.map((target, index) => ({
      ...target,
      onPresented: () => presented.add(index),
    }))
    const reading = await runStripe(watched, task, async () => {
      report({ kind: 'connected' })
      return localMs(await started.promise)
    })
    report({ kind: 'done', reading, presented: [...presented] })
  } catch (error) {
    report({ kind: 'failed', why: error instanceof Error ? error.message : String(error) })
  }
}

function report(message: GeneratorReport): void {
  process.send?.(message, undefined, undefined, () => undefined)
}
