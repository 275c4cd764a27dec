import assert from 'node:assert/strict'
import test from 'node:test'
import { breakEvens } from './break-even.ts'
import { churnBlocks } from './churn-testdata.ts'
import type { Use } from './churn.ts'
import { summarise } from './summary.ts'
import { syntheticRun } from './testdata.ts'

const uses: Use[] = [
  ...[1, 2, 5, 10, 100].map((each): Use => ({ policy: 'full', requestsPerConnection: each })),
  { policy: 'keep-alive', requestsPerConnection: null },
]
const mtls = { arm: 'mtls', requestUs: 36, connectionUs: 1_583 }
const jwt = { arm: 'jwt', requestUs: 207, connectionUs: 818 }
const level = { level: 0.99 }

test('costs of 36 + 1583/n and 207 + 818/n cross at n = 765/171', () => {
  const [found, ...others] = breakEvens(churnBlocks([mtls, jwt], uses), ['mtls', 'jwt'], level)
  assert.deepEqual(others, [])
  assert.ok(found !== undefined)
  assert.deepEqual(
    [found.cheaperAbove, found.cheaperBelow, found.policy, found.blocks],
    ['mtls', 'jwt', 'full', 12],
  )
  // (1583 - 818) / (207 - 36) = 4.474; the grid is within 1 %.
  assert.ok(
    Math.abs(found.requestsPerConnection / 4.474 - 1) < 0.01,
    `${found.requestsPerConnection}`,
  )
})

test('the order of the arms changes nothing', () => {
  const blocks = churnBlocks([mtls, jwt], uses, { sd: 0.03 })
  assert.deepEqual(
    breakEvens(blocks, ['jwt', 'mtls'], level),
    breakEvens(blocks, ['mtls', 'jwt'], level),
  )
})

test('a pair of which one costs less at any number has no break-even', () => {
  const dear = { arm: 'combined', requestUs: 240, connectionUs: 1_600 }
  assert.deepEqual(breakEvens(churnBlocks([mtls, dear], uses), ['mtls', 'combined'], level), [])
})

test('one block proves no crossing', () => {
  assert.deepEqual(
    breakEvens(churnBlocks([mtls, jwt], uses, { blocks: 1 }), ['mtls', 'jwt'], level),
    [],
  )
})

test('resumed handshakes have a break-even of their own', () => {
  const both = [
    ...uses,
    ...[1, 10].map((each): Use => ({ policy: 'resumed', requestsPerConnection: each })),
  ]
  const found = breakEvens(churnBlocks([mtls, jwt], both), ['mtls', 'jwt'], level)
  assert.deepEqual(
    found.map(({ policy }) => policy),
    ['full', 'resumed'],
  )
})

test('where the costs at one end may be equal, they are not said to cross', () => {
  // 101 + 1000/n and 100 + 1100/n do cross, at n = 100; with noise of 5 % nobody can know.
  const close = [
    { arm: 'a', requestUs: 100, connectionUs: 1_100 },
    { arm: 'b', requestUs: 101, connectionUs: 1_000 },
  ]
  // Two of the very same costs cross by noise alone in half of all runs.
  const equal = close.map((costs) => ({ ...costs, requestUs: 100, connectionUs: 1_000 }))
  for (const arms of [close, equal]) {
    const found = Array.from({ length: 40 }, (_, seed) =>
      breakEvens(churnBlocks(arms, uses, { sd: 0.05, seed: seed + 1 }), ['a', 'b'], level),
    )
    assert.equal(found.flat().length, 0)
  }
})

test('99 % intervals hold the true break-even in 98 of 100 simulated runs or more', () => {
  // 765 / 171 requests per connection, blocks that scatter by 3 %.
  const truth = 765 / 171
  const runs = 300
  let held = 0
  for (let seed = 1; seed <= runs; seed++) {
    const [found] = breakEvens(
      churnBlocks([mtls, jwt], uses, { sd: 0.03, seed }),
      ['mtls', 'jwt'],
      level,
    )
    if (found !== undefined && found.low <= truth && truth <= found.high) held += 1
  }
  assert.ok(held / runs >= 0.97, `${held} of ${runs}`)
})

test('a summary crosses mechanisms of one product, and products of one mechanism, never both at once', () => {
  const arms = (['nginx', 'node'] as const).flatMap((gateway) => [
    { id: `mtls-${gateway}`, scenario: 'mtls', parameters: { gateway }, cpuUs: 1 },
    { id: `jwt-${gateway}`, scenario: 'jwt', parameters: { gateway }, cpuUs: 1 },
  ])
  const costsOf = { mtls, jwt } as const
  const blocks = churnBlocks(
    arms.map(({ id, scenario, parameters: { gateway } }) => {
      const { requestUs, connectionUs } = costsOf[scenario === 'mtls' ? 'mtls' : 'jwt']
      const isProduct = gateway === 'nginx'
      return {
        arm: id,
        requestUs: requestUs * (isProduct ? 0.5 : 1),
        connectionUs: connectionUs * (isProduct ? 1.2 : 1),
      }
    }),
    uses,
  )
  const { breakEvens: found } = summarise({ ...syntheticRun({ arms, blocks: 0 }), blocks })
  assert.deepEqual(
    found.map(({ cheaperAbove, cheaperBelow }) => [cheaperAbove, cheaperBelow]),
    [
      ['mtls-nginx', 'jwt-nginx'],
      ['mtls-nginx', 'mtls-node'],
      ['jwt-nginx', 'jwt-node'],
      ['mtls-node', 'jwt-node'],
    ],
  )
})
