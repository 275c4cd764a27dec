import assert from 'node:assert/strict'
import test from 'node:test'
import { loadOf } from './load-options.ts'
import { connectionLimits, openPlanOf } from './open-options.ts'

const open = { rate: '500' } as const
const seeded = { mode: 'default', seed: 7 } as const

test('an open loop: rate, arrivals, duration and connections, with their defaults', () => {
  assert.deepEqual(openPlanOf(open, seeded), {
    blocks: 1,
    request: {
      ratePerSecond: 500,
      arrivals: 'poisson',
      durationMs: 10_000,
      seed: 7,
      connections: 64,
      maxConnections: 64,
      timeoutMs: 10_000,
    },
  })
  const given = openPlanOf(
    { ...open, rate: '0.5', arrivals: 'constant', duration: '2m', blocks: '8', timeout: '30s' },
    seeded,
  )
  assert.deepEqual(
    [given.blocks, given.request.ratePerSecond, given.request.arrivals, given.request.durationMs],
    [8, 0.5, 'constant', 120_000],
  )
  assert.equal(given.request.timeoutMs, 30_000)
})

test('connections to begin with: eight, or as many as there may be where that is less', () => {
  const usual = [{}, { maxConnections: '4' }, { connections: '6', maxConnections: '7' }]
  assert.deepEqual(
    usual.map((options) => connectionLimits(options).connections),
    [8, 4, 6],
  )
})

const wrong: [string, Parameters<typeof openPlanOf>[0], RegExp][] = [
  ['no rate', {}, /--load open: give --rate/],
  ['a rate of 0', { ...open, rate: '0' }, /--rate 0: expected 0.1 to 1000000/],
  ['a rate that is no number', { ...open, rate: 'fast' }, /--rate fast: expected/],
  ['a negative rate', { ...open, rate: '-5' }, /--rate -5: expected/],
  ['a rate beyond any generator', { ...open, rate: '1e9' }, /--rate 1e9: expected/],
  ['unknown arrivals', { ...open, arrivals: 'bursts' }, /--arrivals bursts: expected poisson/],
  ['a duration without unit', { ...open, duration: '30' }, /--duration 30: expected a time/],
  ['a plan of closed loops', { ...open, quick: true }, /^--quick is for closed loops/],
  ['no blocks', { ...open, blocks: '0' }, /--blocks 0: expected a whole number/],
  [
    'fewer connections than there are to begin with',
    { ...open, connections: '9', maxConnections: '8' },
    /--max-connections 8: fewer than --connections 9/,
  ],
  ['no generator', { ...open, generators: '0' }, /--generators 0: expected a whole number/],
  [
    'a generator without a connection',
    { ...open, connections: '8', generators: '9' },
    /--generators 9: each needs a connection, and --connections is 8/,
  ],
]
for (const [name, options, message] of wrong) {
  test(`is refused: ${name}`, () => {
    assert.throws(() => openPlanOf(options, seeded), { code: 'usage', message })
  })
}

test('several generators are part of the request, one is not told', () => {
  assert.equal(openPlanOf({ ...open, generators: '4' }, seeded).request.generators, 4)
  assert.ok(!('generators' in openPlanOf({ ...open, generators: '1' }, seeded).request))
})

test('a smoke run is one short window', () => {
  const { blocks, request } = openPlanOf({ ...open, blocks: '8' }, { mode: 'smoke', seed: 1 })
  assert.deepEqual([blocks, request.durationMs], [1, 200])
})

test('open options mean nothing in a closed loop, and are refused there by name', () => {
  assert.equal(loadOf({ load: 'open' }), 'open')
  assert.equal(loadOf({ load: 'closed' }), 'closed')
  assert.throws(() => loadOf({ load: 'closed', maxConnections: '9' }), {
    code: 'usage',
    message: /^--max-connections needs --load open/,
  })
  // A target has connections under any load.
  assert.equal(loadOf({ load: 'closed', maxConnections: '9' }, true), 'closed')
  assert.throws(() => loadOf({ load: 'closed', rate: '9' }, true), /--rate needs --load open/)
})
