import assert from 'node:assert/strict'
import test from 'node:test'
import { parseDemand, type DemandInput } from './demand.ts'
import { mergeDemands, resolveDemand } from './demand/resolve.ts'
import { BenchError } from './errors.ts'

const combined: DemandInput = { mechanisms: [{ scenario: 'combined' }], rate: 20_000 }

test('quantities have one unit, whatever they were written in; what is not said has its default', () => {
  const demand = resolveDemand({
    ...combined,
    meanRate: '8000',
    p99: '25ms',
    errors: '0.1%',
    headroom: '40%',
    spare: 'N+1',
    tokenLifetime: '5m',
    clients: 2_000,
    issuerLatency: '0.5ms',
    memoryPerInstance: '2GiB',
    newConnections: 400,
    resumed: 0.8,
  })
  assert.equal(demand.meanRatePerSecond, 8_000)
  assert.equal(demand.sloP99Us, 25_000)
  assert.equal(demand.sloErrorShare, 0.001)
  assert.equal(demand.headroomShare, 0.4)
  assert.equal(demand.spareInstances, 1)
  assert.equal(demand.tokenLifetimeUs, 300e6)
  assert.equal(demand.issuerLatencyUs, 500)
  assert.equal(demand.memoryPerInstanceBytes, 2 ** 31)
  // 20,000 requests on 400 new connections.
  assert.equal(demand.requestsPerConnection, 50)
  assert.equal(demand.burst, 1)
  assert.equal(demand.coresPerInstance, 1)
  assert.equal(demand.hitRatio, null)
  assert.deepEqual(demand.mechanisms, [{ scenario: 'combined', parameters: {}, share: 1 }])
})

test('later layers say more; what says the same in other words gives way', () => {
  const log: DemandInput = { rate: 900, meanRate: 300, requestsPerConnection: 12 }
  const merged = mergeDemands([log, { rate: 1_000 }, { newConnections: 50 }])
  assert.deepEqual(merged, { rate: 1_000, meanRate: 300, newConnections: 50 })
})

const contradictions: [what: string, input: DemandInput, message: RegExp][] = [
  ['no mechanism', { rate: 1 }, /no mechanism: give --scenario/],
  ['no rate', { mechanisms: [{ scenario: 'tls' }] }, /no rate: give --rate/],
  ['a rate of nothing', { ...combined, rate: 0 }, /rate 0: expected a number from 0\.001/],
  ['a mean above the peak', { ...combined, meanRate: 30_000 }, /mean rate 30000: above the peak/],
  [
    'shares that do not sum to 1',
    {
      rate: 1,
      mechanisms: [
        { scenario: 'jwt', share: 0.7 },
        { scenario: 'mtls', share: 0.2 },
      ],
    },
    /shares of mechanisms: they sum to 0\.9, expected 1/,
  ],
  [
    'several mechanisms without shares',
    { rate: 1, mechanisms: [{ scenario: 'jwt' }, { scenario: 'mtls' }] },
    /each of several needs its share/,
  ],
  [
    'a mechanism twice',
    {
      rate: 1,
      mechanisms: [
        { scenario: 'jwt', share: 0.5 },
        { scenario: 'jwt', share: 0.5 },
      ],
    },
    /one is named twice/,
  ],
  [
    'both requests per connection and new connections',
    { ...combined, requestsPerConnection: 50, newConnections: 400 },
    /one follows from the other, give one/,
  ],
  [
    'more new connections than requests',
    { ...combined, newConnections: 30_000 },
    /each connection carries one at least/,
  ],
  ['resumption of connections that stay', { ...combined, resumed: 0.5 }, /none is resumed/],
  ['a lifetime without clients', { ...combined, tokenLifetime: '5m' }, /add clients/],
  [
    'a lifetime of nothing',
    { ...combined, clients: 1, tokenLifetime: '0s' },
    /expected a time above zero/,
  ],
  [
    'an objective beyond the timeout',
    { ...combined, p99: '20s' },
    /longer than the timeout of 10000 ms/,
  ],
  ['no instance but spare ones', { ...combined, instances: 2, spare: 2 }, /none is left to work/],
  ['a headroom of nearly all', { ...combined, headroom: 0.95 }, /expected at most 90 %/],
  ['a time without its unit', { ...combined, p99: '25' }, /p99 25: expected a time as/],
  ['half a core', { ...combined, coresPerInstance: 0.5 }, /expected a whole number/],
  ['more than all', { ...combined, errors: '101%' }, /expected a share from 0 to 1/],
  ['no memory', { ...combined, memoryPerInstance: '16' }, /as 512MiB or 16GiB/],
]
for (const [what, input, message] of contradictions) {
  test(`refused, and named: ${what}`, () => {
    assert.throws(
      () => resolveDemand(input),
      (error) =>
        error instanceof BenchError && error.code === 'usage' && message.test(error.message),
    )
  })
}

test('a file that is no demand is told by its first fault', () => {
  for (const [value, message] of [
    [[], /demand\.json: no demand/],
    [{ rat: 1 }, /has no field "rat", it may have .*rate/],
    [{ rate: true }, /\/rate/],
    [{ mechanisms: [] }, /\/mechanisms/],
    [{ balancing: 'luck' }, /\/balancing/],
  ] as const) {
    assert.throws(() => parseDemand(value, 'demand.json'), message)
  }
})
