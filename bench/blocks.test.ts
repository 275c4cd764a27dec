import assert from 'node:assert/strict'
import test from 'node:test'
import { repeatBlocks, startTogether, type OutsideWorld } from './blocks.ts'

/** Arms that start when they are let, and tell what is alive. */
function arms(count: number, failing: number | null = null) {
  const waiting: (() => void)[] = []
  const disposed: number[] = []
  let starting = 0
  let most = 0
  const sources = Array.from({ length: count }, (_, id) => ({
    id,
    async start() {
      starting += 1
      most = Math.max(most, starting)
      await new Promise<void>((resolve) => waiting.push(resolve))
      starting -= 1
      if (id === failing) throw new Error(`arm ${id} does not start`)
      return {
        [Symbol.asyncDispose]: () => {
          disposed.push(id)
          return Promise.resolve()
        },
      }
    },
  }))
  /** Lets one after the other start, until nobody waits. */
  const letAll = async () => {
    for (let done = 0; done < count; done++) {
      for (let turns = 0; waiting.length === 0 && turns < 100; turns++)
        await new Promise((resolve) => setImmediate(resolve))
      waiting.shift()?.()
    }
  }
  return { sources, letAll, disposed, most: () => most }
}

test('a hundred arms start eight at a time, and stand in the order in which they were asked for', async () => {
  const { sources, letAll, most } = arms(100)
  await using stack = new AsyncDisposableStack()
  const [alive] = await Promise.all([startTogether(sources, stack), letAll()])
  assert.deepEqual(
    alive.map(({ source }) => source.id),
    sources.map(({ id }) => id),
  )
  assert.equal(most(), 8)
})

test('few arms start all at once', async () => {
  const { sources, letAll, most } = arms(5)
  await using stack = new AsyncDisposableStack()
  await Promise.all([startTogether(sources, stack), letAll()])
  assert.equal(most(), 5)
})

test('one that does not start fails all, and what was started ends with the stack', async () => {
  const { sources, letAll, disposed } = arms(20, 3)
  const stack = new AsyncDisposableStack()
  const [outcome] = await Promise.allSettled([startTogether(sources, stack), letAll()])
  assert.equal(outcome.status, 'rejected')
  await stack.disposeAsync()
  assert.ok(!disposed.includes(3) && disposed.length > 0)
  assert.equal(new Set(disposed).size, disposed.length)
})

test('what is done between blocks is over before a block starts, and takes nothing from the budget', async () => {
  const measured = async (betweenMs: number | null) => {
    let nowMs = 0
    const order: string[] = []
    const world: OutsideWorld = {
      signal: new AbortController().signal,
      nowMs: () => nowMs,
      timestamp: () => '',
      onEvent: (event) => {
        order.push(event.kind)
        if (event.kind === 'block-finished') order.push(String(event.elapsedMs))
      },
    }
    const pause = async () => {
      order.push('pause')
      await Promise.resolve()
      nowMs += betweenMs ?? 0
      order.push('go on')
    }
    await repeatBlocks(
      { minBlocks: 5, maxBlocks: 5, budgetMs: 2_500 },
      betweenMs === null ? world : { ...world, betweenBlocks: pause },
      {
        begin: () => ({
          startOrder: [],
          content: () => ({ slices: [], histograms: [] }),
          measure: () => {
            nowMs += 1_000
            return Promise.resolve()
          },
        }),
      },
    )
    return order
  }
  const block = (ms: string) => ['block-started', 'block-finished', ms]
  const held = (ms: string) => ['pause', 'go on', ...block(ms)]
  // A third block would end at 3,000 ms; two pauses of 900 ms change nothing of that.
  assert.deepEqual(await measured(null), [...block('1000'), ...block('2000')])
  assert.deepEqual(await measured(900), [...held('1000'), ...held('2000')])
})
