import assert from 'node:assert/strict'
import test from 'node:test'
import { churnBlocks } from './churn-testdata.ts'
import { churnFigures, usesOf, type Use } from './churn.ts'

const uses: Use[] = [
  { policy: 'keep-alive', requestsPerConnection: null },
  { policy: 'full', requestsPerConnection: 10 },
  { policy: 'resumed', requestsPerConnection: 1 },
  { policy: 'full', requestsPerConnection: 1 },
]
const tls = { arm: 'tls', requestUs: 30, connectionUs: 800 }
const options = { level: 0.99, seed: 1 }

test('uses stand by policy, fewest requests first, connections that stay last', () => {
  const [block] = churnBlocks([tls], uses, { blocks: 1 })
  assert.deepEqual(
    usesOf(block?.churn ?? []).map((use) => [use.policy, use.requestsPerConnection]),
    [
      ['full', 1],
      ['full', 10],
      ['resumed', 1],
      ['keep-alive', null],
    ],
  )
})

test('what a connection costs is told apart from its requests', () => {
  const figures = churnFigures(churnBlocks([tls], uses), ['tls'], options)
  const of = (policy: string, each: number | null) =>
    figures.find((one) => one.policy === policy && one.requestsPerConnection === each)
  // 30 + 800 / n
  const table = [
    ['full', 1, 830],
    ['full', 10, 110],
    ['keep-alive', null, 30],
  ] as const
  for (const [policy, each, cost] of table) {
    const cpu = of(policy, each)?.metrics.cpuUsPerRequest
    assert.equal(Math.round(cpu?.estimate ?? 0), cost)
    assert.equal(cpu?.blocks, 12)
  }
  // n (cost(n) - cost(∞)) = 800, whatever n; 10^6 / 800
  for (const each of [1, 10]) {
    const { metrics } = of('full', each) ?? {}
    assert.equal(Math.round(metrics?.cpuUsPerHandshake?.estimate ?? 0), 800)
    assert.equal(Math.round(metrics?.handshakesPerCoreSecond?.estimate ?? 0), 1_250)
  }
  assert.equal(of('keep-alive', null)?.metrics.cpuUsPerHandshake, null)
})

test('handshakes are counted by kind, phases are told, refusals are on both sides', () => {
  const figures = churnFigures(churnBlocks([tls], uses), ['tls'], options)
  const [full, , resumed, stay] = figures
  assert.deepEqual(
    [full, resumed, stay].map((one) => one?.metrics.resumedShare?.estimate ?? null),
    [0, 1, null],
  )
  // 20 connections in each of 12 blocks.
  assert.deepEqual([full?.connections, full?.requests], [240, 240])
  assert.deepEqual([full?.connectionsRefused, full?.handshakesFailed], [0, 0])
  assert.deepEqual(
    [full?.tcpP50Us, full?.tlsP50Us, full?.firstByteP50Us].map((one) =>
      Math.round(one?.estimate ?? 0),
    ),
    [40, 900, 300],
  )
  // 240 samples are too few for a p99, and connections that stay have no handshake to time.
  assert.equal(full?.tlsP99Us, null)
  assert.deepEqual([stay?.tcpP50Us, stay?.tlsP50Us], [null, null])
})

test('a storm is a use of its own, with the time until all clients are served', () => {
  const storm: Use = { policy: 'full', requestsPerConnection: 1, clients: 50 }
  const figures = churnFigures(churnBlocks([tls], [...uses, storm]), ['tls'], options)
  const [full, told] = [figures[0], figures.at(-1)]
  assert.equal(told?.clients, 50)
  // Each synthetic slice takes 100 ms, each of its connections 1.3 ms to its answer.
  assert.equal(told.recoveryUs?.estimate, 100_000)
  assert.equal(Math.round((told.servedP50Us?.estimate ?? 0) / 100), 13)
  assert.equal(Math.round(told.metrics.cpuUsPerHandshake?.estimate ?? 0), 800)
  assert.equal(full?.recoveryUs, null)
})

test('without connections that stay nothing is subtracted, and nothing made up', () => {
  const only: Use[] = [{ policy: 'full', requestsPerConnection: 1 }]
  const [figures] = churnFigures(churnBlocks([tls], only), ['tls'], options)
  assert.equal(figures?.metrics.cpuUsPerHandshake, null)
  assert.equal(figures.metrics.handshakesPerCoreSecond, null)
})

test('failed blocks and runs of other loads have no figures', () => {
  const failed = churnBlocks([tls], uses, { blocks: 1 }).map((block) => ({
    ...block,
    outcome: 'failed' as const,
  }))
  assert.deepEqual(churnFigures(failed, ['tls'], options), [])
  const [{ churn: _, ...closed } = { churn: [] }] = churnBlocks([tls], uses, { blocks: 1 })
  assert.deepEqual(churnFigures('index' in closed ? [closed] : [], ['tls'], options), [])
})
