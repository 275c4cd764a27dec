import { holdCredential, type Credential, type HeldCredential } from './renewal.ts'
import { localMs, runStripe, type StripeReading, type StripeTask } from './stripe.ts'
import type { Endpoint } from './target.ts'
import { warmGenerator } from './warm-up.ts'

// One of several generators of a window (`--generators`): a process that is told its stripe, waits at the
// barrier, and says what it saw. While it measures its parent says nothing but what its next token is.

/** What the parent says. Credentials come this way and no other: arguments can be read by all users. */
export type GeneratorOrder =
  | {
      readonly kind: 'prepare'
      readonly targets: readonly SentTarget[]
      readonly task: StripeTask
    }
  /** Send this from the next request on, to the target of this index. */
  | { readonly kind: 'renew'; readonly target: number; readonly credential: Credential }
  /** Begin at this instant of the monotonic clock. */
  | { readonly kind: 'start'; readonly atNs: bigint }

/** A target as data, with what its requests bring at first; null: nothing that is ever renewed. */
export interface SentTarget {
  readonly endpoint: Endpoint
  readonly credential: Credential | null
}

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
/** By the index of their targets. */
const held: (HeldCredential | null)[] = []
process.on('message', (order: GeneratorOrder) => {
  switch (order.kind) {
    case 'prepare':
      void generate(order)
      break
    case 'renew':
      held[order.target]?.swap(order.credential)
      break
    case 'start':
      started.resolve(order.atNs)
      break
  }
})

async function generate({
  targets,
  task,
}: Extract<GeneratorOrder, { kind: 'prepare' }>): Promise<void> {
  // Before all waiting: a token may be renewed while this warms up.
  held.push(
    ...targets.map(({ credential }) => (credential === null ? null : holdCredential(credential))),
  )
  const endpoints = targets.map(({ endpoint }, index) => withHeld(endpoint, held[index] ?? null))
  try {
    await warmGenerator()
    const presented = new Set<number>()
    const watched = endpoints.map((target, index) => ({
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

function withHeld(endpoint: Endpoint, credential: HeldCredential | null): Endpoint {
  return credential === null ? endpoint : { ...endpoint, ownHeaders: () => credential.headers() }
}

function report(message: GeneratorReport): void {
  process.send?.(message, undefined, undefined, () => undefined)
}
