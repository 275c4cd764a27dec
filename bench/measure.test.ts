import assert from 'node:assert/strict'
import test from 'node:test'
import { BenchError } from './errors.ts'
import { decodeHistogram, sampleCount } from './load/histogram.ts'
import { measure, type Arm, type ArmSource, type MeasureContext, type Plan } from './measure.ts'
import type { SliceReading } from './recorder.ts'
import { createRandom, shuffle } from './random.ts'

const plan: Plan = {
  seed: 7,
  minBlocks: 2,
  maxBlocks: 2,
  budgetMs: null,
  slices: 4,
  maxRepeats: 2,
  slowRequestUs: 1_000,
  slowWarmupCpuMs: 60,
  warmupRequests: 30,
  settleSlices: 1,
  saturationRequests: 10,
  singleConnectionSlices: 2,
  sliceMs: 50,
  minSliceRequests: 5,
  maxSliceRequests: 20,
}

type FakeArm = Arm & { readonly die: (reason: Error) => void }

/** A fake behind the measuring seam: every request takes `requestUs`, and each step is written down. */
function fakeSource(
  id: string,
  steps: string[],
  fault?: (arm: FakeArm, slices: number) => void,
  requestUs = 100,
): ArmSource {
  return {
    id,
    caseId: id,
    start() {
      const death = new AbortController()
      let slices = 0
      steps.push(`start ${id}`)
      const arm: FakeArm = {
        id,
        connections: 8,
        died: death.signal,
        pin: () => {
          steps.push(`pin ${id}`)
        },
        die: (reason) => {
          death.abort(reason)
        },
        slice({ load, connections, requests }) {
          slices += 1
          steps.push(`${id} ${load} ${connections} ${requests}`)
          try {
            fault?.(arm, slices)
          } catch (error) {
            return Promise.reject(error instanceof Error ? error : new Error(String(error)))
          }
          return Promise.resolve(reading(load, connections, requests, requestUs))
        },
        [Symbol.asyncDispose]() {
          steps.push(`stop ${id}`)
          return Promise.resolve()
        },
      }
      return Promise.resolve(arm)
    },
  }
}

function reading(
  load: SliceReading['load'],
  connections: number,
  requests: number,
  requestUs: number,
): SliceReading {
  return {
    load,
    connections,
    requests,
    wallUs: requests * requestUs,
    cpuUs: requests * requestUs,
    issuerCpuUs: null,
    clientCpuUs: 1,
    runQueueUs: 0,
    stealUs: 0,
    foreignCpuUs: 0,
    clientRunQueueUs: 0,
    eventLoopUtilization: 1,
    clientEventLoopUtilization: 0.5,
    gcUs: 0,
    rssBytes: 1,
    handshakesFull: 0,
    handshakesResumed: 0,
    statuses: { 200: requests },
    latencyP50Us: requestUs,
    bytesReceived: requests,
    latenciesUs: new Float64Array(requests).fill(requestUs),
  }
}

function context(overrides: Partial<MeasureContext> = {}): MeasureContext {
  let nowMs = 0
  return {
    signal: new AbortController().signal,
    onEvent: () => undefined,
    nowMs: () => (nowMs += 1),
    timestamp: () => '2026-01-01T00:00:00.000Z',
    preciseEnough: () => false,
    ...overrides,
  }
}

test('a block: fresh arms, each warmed, interleaved slices, all stopped; then the next block', async () => {
  const steps: string[] = []
  const blocks = await measure(
    [fakeSource('a', steps), fakeSource('b', steps)],
    { ...plan, maxBlocks: 1, minBlocks: 1 },
    context(),
  )
  const [starts, rest] = [steps.slice(0, 2), steps.slice(2)]
  assert.deepEqual([...starts].sort(), ['start a', 'start b'])
  // At least 30 warm-up requests, one arm after the other: 20 to see that it is quick, then the rest.
  const [first, second] = starts.map((step) => step.at(-1) ?? '')
  assert.deepEqual(rest.slice(0, 8), [
    `${first} duet 8 20`,
    `${first} duet 8 10`,
    `${second} duet 8 20`,
    `${second} duet 8 10`,
    `pin ${first}`,
    `pin ${second}`,
    // The last that is not recorded.
    `${first} duet 8 20`,
    `${second} duet 8 20`,
  ])
  // 50 ms at 100 µs would be 500 requests; the plan allows 20, and twice the slices for it.
  assert.equal(rest.slice(8).filter((step) => step.endsWith('duet 8 20')).length, 16)
  assert.equal(rest.filter((step) => step.endsWith('duet 1 5')).length, 4)
  assert.equal(rest.filter((step) => step.endsWith('saturation 8 10')).length, 2)
  assert.deepEqual(steps.slice(-2).sort(), ['stop a', 'stop b'])
  const [block] = blocks
  assert.equal(block?.outcome, 'measured')
  assert.deepEqual(
    block.slices.map(({ position }) => position),
    Array.from({ length: 22 }, (_, index) => index),
  )
})

test('the same seed gives the same order, another seed another', async () => {
  const run = async (seed: number) => {
    const steps: string[] = []
    await measure(
      ['a', 'b', 'c'].map((id) => fakeSource(id, steps)),
      { ...plan, seed },
      context(),
    )
    return steps.join()
  }
  assert.equal(await run(1), await run(1))
  assert.notEqual(await run(1), await run(2))
})

test('histograms of a block hold every measured request, by load and connections, warm-up apart', async () => {
  const [block] = await measure([fakeSource('a', [])], plan, context())
  const counts = block?.histograms.map(({ load, connections, histogram }) => [
    load,
    connections,
    sampleCount(decodeHistogram(histogram)),
  ])
  assert.deepEqual(counts, [
    ['duet', 8, 160],
    ['duet', 1, 10],
    ['saturation', 8, 10],
  ])
})

test('a fault in block 2 keeps block 1, marks block 2 with the reason, and stops every arm', async () => {
  const steps: string[] = []
  let starts = 0
  const bad = fakeSource('b', steps, () => {
    if (starts === 2) throw new BenchError('measurement-failed', 'wrong body')
  })
  const source: ArmSource = {
    id: 'b',
    caseId: 'b',
    start: () => {
      starts += 1
      return bad.start()
    },
  }
  const blocks = await measure(
    [fakeSource('a', steps), source],
    { ...plan, maxBlocks: 5 },
    context(),
  )
  assert.deepEqual(
    blocks.map(({ outcome, reason }) => [outcome, reason]),
    [
      ['measured', null],
      ['failed', 'wrong body'],
    ],
  )
  assert.equal(
    steps.filter((step) => step.startsWith('start')).length,
    steps.filter((step) => step.startsWith('stop')).length,
  )
})

test('an arm that cannot start stops those that have', async () => {
  const steps: string[] = []
  const broken: ArmSource = {
    id: 'b',
    caseId: 'b',
    start: () => Promise.reject(new BenchError('arm-failed', 'port taken')),
  }
  const [block] = await measure([fakeSource('a', steps), broken], plan, context())
  assert.equal(block?.reason, 'port taken')
  assert.equal(
    steps.filter((step) => step === 'start a').length,
    steps.filter((step) => step === 'stop a').length,
  )
})

test('a dying arm is told by its own last words, not by the closed connection', async () => {
  const dying = fakeSource('a', [], (arm, slices) => {
    if (slices < 5) return
    arm.die(new BenchError('arm-failed', 'server tls ended with SIGKILL'))
    throw new BenchError('measurement-failed', 'the server closed the connection')
  })
  const [block] = await measure([dying], plan, context())
  assert.equal(block?.reason, 'server tls ended with SIGKILL')
})

test('a slice that never ends is left at once on Ctrl-C', async () => {
  const interrupt = new AbortController()
  const steps: string[] = []
  const source: ArmSource = {
    id: 'a',
    caseId: 'a',
    start: async () => ({
      ...(await fakeSource('a', steps).start()),
      slice: () => {
        queueMicrotask(() => {
          interrupt.abort(new BenchError('interrupted', 'interrupted'))
        })
        return new Promise(() => undefined)
      },
    }),
  }
  const blocks = await measure([source], plan, context({ signal: interrupt.signal }))
  assert.deepEqual(
    blocks.map(({ reason }) => reason),
    ['interrupted'],
  )
  assert.equal(steps.at(-1), 'stop a')
})

test('stopping: never before minBlocks, at once when precise, never after maxBlocks', async () => {
  const count = async (overrides: Partial<Plan>, preciseAt: number) =>
    (
      await measure(
        [fakeSource('a', [])],
        { ...plan, ...overrides },
        context({ preciseEnough: (blocks) => blocks.length >= preciseAt }),
      )
    ).length
  assert.equal(await count({ minBlocks: 3, maxBlocks: 9 }, 1), 3)
  assert.equal(await count({ minBlocks: 3, maxBlocks: 9 }, 5), 5)
  assert.equal(await count({ minBlocks: 3, maxBlocks: 9 }, 99), 9)
})

test('a budget: no block is begun that would end after it, but the first always runs', async () => {
  let nowMs = 0
  const clock = {
    nowMs: () => nowMs,
    onEvent: (event: { kind: string }) => {
      if (event.kind === 'warming') nowMs += 10_000
    },
  }
  // Each block takes 10 s: three end within 35 s, a fourth would not.
  assert.equal(
    (
      await measure(
        [fakeSource('a', [])],
        { ...plan, maxBlocks: 9, budgetMs: 35_000 },
        context(clock),
      )
    ).length,
    3,
  )
  nowMs = 0
  assert.equal(
    (await measure([fakeSource('a', [])], { ...plan, maxBlocks: 9, budgetMs: 1 }, context(clock)))
      .length,
    1,
  )
})

test('slices take the number of requests that the first block found, in every block', async () => {
  let requestUs = 5_000
  const sizes: number[] = []
  const source: ArmSource = {
    id: 'a',
    caseId: 'a',
    start: async () => {
      const arm = await fakeSource('a', [], undefined, requestUs).start()
      requestUs = 100
      return arm
    },
  }
  await measure(
    [source],
    plan,
    context({
      onEvent: (event) => {
        if (event.kind === 'block-finished')
          sizes.push(
            ...event.block.slices.flatMap(({ connections, load, requests }) =>
              connections === 8 && load === 'duet' ? [requests] : [],
            ),
          )
      },
    }),
  )
  // 50 ms at 5 ms a request = 10; the faster second block does not change it.
  assert.deepEqual([...new Set(sizes)], [10])
  // Slow arms are not repeated: 4 slices a block, 2 blocks.
  assert.equal(sizes.length, 8)
})

test('an arm too slow to be warmed by requests is warmed for a time instead', async () => {
  const warmedBy = async (requestUs: number) => {
    const steps: string[] = []
    await measure(
      [fakeSource('a', steps, undefined, requestUs)],
      { ...plan, maxBlocks: 1, minBlocks: 1, warmupRequests: 200 },
      context(),
    )
    return steps.slice(1, steps.indexOf('pin a')).map((step) => Number(step.split(' ').at(-1)))
  }
  // Quick: the rest of 200 requests at once.
  assert.deepEqual(await warmedBy(1_000), [20, 180])
  // Slow: 20 requests of 2 ms take 40 ms, and 60 ms are reached by the second 20.
  assert.deepEqual(await warmedBy(2_000), [20, 20])
})

test('arms of one case have slices of one size, whatever each of them took', async () => {
  const steps: string[] = []
  const arms = [1_000, 4_000].map((requestUs) => ({
    ...fakeSource(`b@${requestUs}`, steps, undefined, requestUs),
    caseId: 'b',
  }))
  await measure(
    [...arms, fakeSource('a', steps, undefined, 10_000)],
    { ...plan, maxBlocks: 1, minBlocks: 1, maxSliceRequests: 100 },
    context(),
  )
  const sizes = steps
    .slice(steps.findLastIndex((step) => step.startsWith('pin')))
    .filter((step) => step.includes('duet 8'))
    .map((step) => step.split(' '))
  const sizesOf = (letter: string) =>
    new Set(sizes.filter(([id = '']) => id.startsWith(letter)).map((words) => words.at(-1)))
  assert.equal(sizesOf('b').size, 1)
  // 50 ms at 10 ms a request, and the least that is allowed.
  assert.deepEqual([...sizesOf('a')], ['5'])
})

test('arms of one case are measured side by side, with no other arm between them', async () => {
  const steps: string[] = []
  const pair = ['b@before', 'b@after'].map((id) => ({ ...fakeSource(id, steps), caseId: 'b' }))
  await measure(
    [fakeSource('a', steps), ...pair],
    { ...plan, maxBlocks: 1, minBlocks: 1 },
    context(),
  )
  const duets = steps.slice(steps.findLastIndex((step) => step.startsWith('pin')) + 4)
  const groups = duets
    .slice(
      0,
      duets.findIndex((step) => step.endsWith('duet 1 5')),
    )
    .map((step) => step.charAt(0))
    .join('')
  // 8 slices of each of the pair and 4 of the other, in two visits.
  assert.match(groups, /^(aab{8}b{8}aa|b{8}aaaab{8})$/)
})

test('shuffle keeps every item and depends on the seed alone', () => {
  const items = [1, 2, 3, 4, 5, 6, 7, 8]
  assert.deepEqual(shuffle(items, createRandom(3)), shuffle(items, createRandom(3)))
  assert.deepEqual(shuffle(items, createRandom(3)).sort(), items)
})
