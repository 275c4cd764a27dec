import assert from 'node:assert/strict'
import test from 'node:test'
import type { OutsideWorld } from './blocks.ts'
import { bracket, measureCurve, type CurveArmSource, type CurvePlan } from './measure-curve.ts'
import type { WindowReading, WindowRequest } from './measure-open.ts'
import type { Window } from './results.ts'

const plan: CurvePlan = {
  request: {
    arrivals: 'poisson',
    durationMs: 1_000,
    seed: 5,
    connections: 1,
    maxConnections: 8,
    timeoutMs: 1_000,
  },
  rates: null,
  shares: [0.1, 0.5, 0.8, 0.9, 1],
  blocks: 2,
  sloP99Us: null,
  searchSteps: 3,
}

/** p99 of an M/M/1 queue with service of 1 ms, as it would be told; in a fake it stands in `wallUs`. */
const p99Us = (rate: number) => (rate >= 1_000 ? 1e9 : (Math.log(100) * 1e6) / (1_000 - rate))

function fake(id: string, steps: string[]): CurveArmSource {
  return {
    id,
    start() {
      steps.push(`start ${id}`)
      return Promise.resolve({
        id,
        died: new AbortController().signal,
        settle: () => {
          steps.push(`settle ${id}`)
          return Promise.resolve()
        },
        capacityPerSecond: () => {
          steps.push(`capacity ${id}`)
          return Promise.resolve(1_003)
        },
        window: (request: WindowRequest) => {
          steps.push(`window ${id} ${request.ratePerSecond}`)
          return Promise.resolve({
            plan: request,
            wallUs: p99Us(request.ratePerSecond),
          } as never as WindowReading)
        },
        [Symbol.asyncDispose]: () => {
          steps.push(`stop ${id}`)
          return Promise.resolve()
        },
      })
    },
  }
}

const world = (): OutsideWorld & { p99Of: (window: Window) => number } => ({
  signal: new AbortController().signal,
  onEvent: () => undefined,
  nowMs: () => 0,
  timestamp: () => '2025-01-01T00:00:00.000Z',
  p99Of: ({ wallUs }) => wallUs,
})

test('a block: each arm alone, warm, at every rate; rates are found once and kept', async () => {
  const steps: string[] = []
  const blocks = await measureCurve([fake('a', steps), fake('b', steps)], plan, world())
  assert.deepEqual(
    blocks.map(({ outcome }) => outcome),
    ['measured', 'measured'],
  )
  assert.deepEqual(steps.filter((step) => step.startsWith('capacity')).sort(), [
    'capacity a',
    'capacity b',
  ])
  for (const block of blocks) {
    for (const arm of ['a', 'b']) {
      const own = (block.windows ?? []).filter((window) => window.arm === arm)
      // 1,003 × 0.1, 0.5, 0.8, 0.9 and 1, to two digits.
      assert.deepEqual(
        own.map((window) => window.plan.ratePerSecond).sort((x, y) => x - y),
        [100, 500, 800, 900, 1_000],
      )
      assert.ok(own.every(({ stage }) => stage === 'grid'))
    }
  }
  // Nothing of one arm is alive while another is measured.
  const life = steps.filter((step) => /^(start|stop)/.test(step))
  for (let index = 0; index < life.length; index += 2) {
    assert.equal(life[index]?.replace('start', 'stop'), life[index + 1])
  }
})

test('rates that are given are taken, and nothing is probed', async () => {
  const steps: string[] = []
  await measureCurve([fake('a', steps)], { ...plan, blocks: 1, rates: [10, 20] }, world())
  assert.deepEqual(steps.filter((step) => /window|capacity/.test(step)).sort(), [
    'window a 10',
    'window a 20',
  ])
})

test('the search halves between met and missed, then confirms in blocks of their own', async () => {
  const steps: string[] = []
  // p99 = 4.605 / (1000 − rate) s: 40 ms is met up to 884.9 requests/s, so between 800 and 900.
  const blocks = await measureCurve([fake('a', steps)], { ...plan, sloP99Us: 40_000 }, world())
  assert.equal(blocks.length, 2 + 3 + 2)
  const windows = blocks.flatMap((block) => block.windows ?? [])
  const ratesOf = (stage: string) =>
    windows.filter((window) => window.stage === stage).map((window) => window.plan.ratePerSecond)
  // √(800 × 900) = 848.5 → 850 met; √(850 × 900) = 874.6 → 870 met; √(870 × 900) = 884.9 → 880 met.
  assert.deepEqual(ratesOf('search'), [850, 870, 880])
  assert.deepEqual(ratesOf('confirm'), [880, 880])
  assert.ok(windows.every(({ sloP99Us }) => sloP99Us === 40_000))
})

test('where all rates meet or none does, nothing is searched', async () => {
  const rates = { ...plan, rates: [100, 200], blocks: 1, searchSteps: 1 }
  const easy = await measureCurve([fake('a', [])], { ...rates, sloP99Us: 1e6 }, world())
  assert.deepEqual(
    easy.map(({ windows }) =>
      windows
        ?.map(({ stage, plan: { ratePerSecond } }) => `${stage ?? ''} ${ratePerSecond}`)
        .sort(),
    ),
    [['grid 100', 'grid 200'], [], ['confirm 200']],
  )
  const hard = await measureCurve([fake('a', [])], { ...rates, sloP99Us: 10 }, world())
  assert.deepEqual(
    hard.map(({ windows }) => windows?.length),
    [2, 0, 0],
  )
})

test('above the lowest rate that misses nothing counts as met', () => {
  const windows = [
    [100, 1],
    [200, 9],
    [300, 1],
  ].map(([rate, p99]) => ({ plan: { ratePerSecond: rate }, wallUs: p99 }) as never)
  assert.deepEqual(
    bracket(windows, 5, ({ wallUs }) => wallUs),
    { meets: 100, misses: 200 },
  )
  // Too few samples for a p99 prove nothing; a generator that made it leaves the rate untold.
  assert.deepEqual(
    bracket(windows, 5, () => null),
    { meets: null, misses: null },
  )
  assert.deepEqual(
    bracket(windows, 5, ({ wallUs, plan }) => (plan.ratePerSecond === 100 ? null : wallUs)),
    { meets: null, misses: 200 },
  )
  assert.deepEqual(
    bracket(windows, 5, ({ plan }) => (plan.ratePerSecond > 100 ? Infinity : 1)),
    { meets: 100, misses: 200 },
  )
})
