import assert from 'node:assert/strict'
import test from 'node:test'
import { Ajv } from 'ajv'
import fc from 'fast-check'
import type { DemandInput } from '../demand.ts'
import { sizeOf } from './capacity.ts'
import { closedRun, connectionRun, demandOf, fitOf, withoutSessions } from './capacity-testdata.ts'
import { SizingSchema } from './sizing-schema.ts'

// Costs in µs of server CPU; a synthetic request alone costs as much as one among others, so that the
// utilisation law alone says what a process can do.

const arms = [
  { scenario: 'combined', cpuUs: 200 },
  { scenario: 'jwt', cpuUs: 150 },
  { scenario: 'mtls', cpuUs: 50 },
]
const run = closedRun(arms, { blockSd: 0, sliceSd: 0 })
const quick = { level: 0.9, seed: 1, samples: 40, sampleRequests: 500, requests: 20_000 }

function size(changes: DemandInput = {}, runs = [run]) {
  const demand = demandOf(changes)
  return sizeOf(demand, fitOf(demand, runs), quick)
}

function near(seen: number, expected: number, share = 0.01): void {
  assert.ok(Math.abs(seen / expected - 1) <= share, `${seen}, expected ${expected}`)
}

test('CPU: rate × demand over what the headroom leaves, in whole instances', () => {
  // 20,000/s × 200 µs = 4 cores; with 30 % headroom 5.71: 6 instances of one core.
  const sizing = size()
  near(sizing.coresNeeded.estimate, 4 / 0.7)
  near(sizing.coresUsedAtPeak.estimate, 4)
  near(sizing.saturationPerSecond.estimate, 6 / 200e-6)
  assert.equal(sizing.instances.estimate, 6)
  assert.equal(sizing.bindingLimit, 'CPU')
  assert.equal(sizing.feasible, true)
  near(sizing.cpuShareAtPeak.estimate, 4 / 6)
  assert.ok(new Ajv().validate(SizingSchema, sizing))
})

const sizes: [what: string, changes: DemandInput, instances: number, binds: string][] = [
  ['one spare instance on top', { spare: 'N+1' }, 7, 'CPU'],
  // 4 cores with half of them free: 8.
  ['more headroom', { headroom: '50%' }, 8, 'CPU'],
  // Bursts of twice the rate may use 95 %: 8 ÷ 0.95 = 8.4.
  ['bursts', { burst: 2 }, 9, 'CPU in bursts'],
  // 8 processes of an instance at 0.9 do 7.2: 5.71 ÷ 7.2 is below one instance.
  ['several cores each, as assumed', { coresPerInstance: 8, scaling: 0.9 }, 1, 'CPU'],
  // The mean request of half and half takes 100 µs: 2 cores, 2.86 with headroom.
  [
    'a mix costs what its parts cost',
    {
      mechanisms: [
        { scenario: 'jwt', share: 0.5 },
        { scenario: 'mtls', share: 0.5 },
      ],
    },
    3,
    'CPU',
  ],
  // Twice the CPU time: 11.4.
  ['another CPU, as assumed', { cpuFactor: 2 }, 12, 'CPU'],
  ['connections', { connections: 90_000, connectionsPerInstance: 10_000 }, 9, 'connections'],
]
for (const [what, changes, instances, binds] of sizes) {
  test(`${what}: ${instances} instances, ${binds} binds`, () => {
    const sizing = size(changes)
    assert.equal(sizing.instances.estimate, instances)
    assert.equal(sizing.bindingLimit, binds)
  })
}

test('a tight objective needs more instances than CPU, and is met by them', () => {
  const loose = size()
  // Synthetic latencies are log-normal around the CPU time: p99 of a lone request is about 0.35 ms.
  const tight = size({ p99: '600us' })
  assert.equal(tight.bindingLimit, 'latency')
  assert.ok(tight.instances.estimate > loose.instances.estimate)
  assert.ok(tight.latency.burstP99Us.estimate <= 600)
  assert.ok(tight.latency.oneQueueP99Us.estimate <= tight.latency.p99Us.estimate)
  const shared = size({ p99: '600us', balancing: 'least-loaded' })
  assert.ok(shared.instances.estimate <= tight.instances.estimate)
})

test('new connections cost what they cost alone, by requests per connection', () => {
  const churn = connectionRun([{ scenario: 'combined', requestUs: 200, fullUs: 1_500 }])
  // 200 + 1,500 ÷ 10 = 350 µs: 7 cores, 10 with headroom.
  const sizing = size({ requestsPerConnection: 10 }, [run, churn])
  near(sizing.coresUsedAtPeak.estimate, 7)
  assert.equal(sizing.instances.estimate, 10)
  // The same, told as new connections a second.
  assert.equal(size({ newConnections: 2_000 }, [run, churn]).instances.estimate, 10)
  const halved = sizing.sensitivity.find(({ what }) => what === 'requests per connection 10 → 5')
  // 20,000 × 150 µs more = 3 cores, 4.29 with headroom.
  near(halved?.cores ?? 0, 3 / 0.7)
})

test('a hit ratio mixes what hits and misses cost, and says what the authorization server has to do', () => {
  const cached = (hitRatio: string) => ({ introspectionCache: '60s', hitRatio })
  const runs = [
    closedRun(
      [
        { scenario: 'introspection', parameters: cached('1'), cpuUs: 50, issuerCpuUs: 0 },
        { scenario: 'introspection', parameters: cached('0'), cpuUs: 250, issuerCpuUs: 200 },
      ],
      { blockSd: 0, sliceSd: 0 },
    ),
    { ...closedRun([{ scenario: 'token-issuance', cpuUs: 400 }], { blockSd: 0 }), runId: 'grants' },
  ]
  const sizing = size(
    {
      mechanisms: [{ scenario: 'introspection' }],
      hitRatio: 0.9,
      clients: 3_000,
      tokenLifetime: '30s',
      issuerLatency: '5ms',
    },
    runs,
  )
  // 0.9 × 50 + 0.1 × 250 = 70 µs.
  near(sizing.coresUsedAtPeak.estimate, 1.4)
  near(sizing.issuer.introspectionsPerSecond, 2_000)
  near(sizing.issuer.grantsPerSecond, 100)
  // 2,000 × 200 µs + 100 × 400 µs = 0.44 cores.
  near(sizing.issuer.coresUsed.estimate, 0.44)
  // One in ten waits 5 ms for the authorization server, so that p99 has it and p50 has not.
  assert.ok(sizing.latency.p99Us.estimate > 5_000)
  assert.ok(sizing.latency.p50Us.estimate < 1_000)
  const told = sizing.sensitivity.map(({ what }) => what)
  assert.ok(told.includes('hit ratio 90 → 80 %'))
  assert.ok(told.includes('token lifetime 30 s → 15 s'))
  // 10 % of 20,000 more ask: 2,000 × 200 µs = 0.4 cores, 0.57 with headroom.
  const lower = sizing.sensitivity.find(({ what }) => what.startsWith('hit ratio'))
  near(lower?.issuerCores ?? 0, 0.4 / 0.7)
})

test('an authorization server that is too small makes the size infeasible, and binds', () => {
  const introspection = closedRun([{ scenario: 'introspection', cpuUs: 250, issuerCpuUs: 200 }])
  const sizing = size({ mechanisms: [{ scenario: 'introspection' }], issuerCores: 2 }, [
    introspection,
  ])
  assert.equal(sizing.feasible, false)
  assert.equal(sizing.bindingLimit, 'authorization server')
})

test('memory: processes and connections, and a limit by them', () => {
  const memory = closedRun([
    { scenario: 'combined', cpuUs: 200 },
    { scenario: 'combined', parameters: { connections: '1000' }, cpuUs: 200 },
  ])
  // The synthetic processes do not grow, so that this run is given 10 kB a connection.
  const grown = {
    ...memory,
    blocks: memory.blocks.map((block) => ({
      ...block,
      slices: block.slices.map((slice) => ({
        ...slice,
        connections: slice.arm.includes('connections=1000') ? 1_000 : slice.connections,
        rssBytes: slice.arm.includes('connections=1000') ? 89_920_000 : 80_000_000,
      })),
    })),
  }
  const sizing = size({ memoryPerInstance: '180MB', connections: 100_000 }, [grown, run])
  near(sizing.memory.bytesPerConnection ?? 0, 10_000)
  // 100 MB are left for connections in each, which need 1 GB: 10.
  assert.equal(sizing.bindingLimit, 'memory')
  assert.equal(sizing.instances.estimate, 10)
})

test('the price of a million requests is shared by the CPU that they take', () => {
  const sizing = size({
    mechanisms: [
      { scenario: 'jwt', share: 0.5 },
      { scenario: 'mtls', share: 0.5 },
    ],
    meanRate: 10_000,
    price: 0.36,
  })
  const [jwt, mtls] = sizing.mechanisms
  // 3 instances: 1.08 an hour for 36 million requests: 0.03 a million, in the ratio of 150 to 50.
  near(jwt?.pricePerMillion?.estimate ?? 0, 0.045)
  near(mtls?.pricePerMillion?.estimate ?? 0, 0.015)
})

test('90 % intervals over blocks hold the truth in about 90 % of runs', () => {
  let held = 0
  const rounds = 150
  for (let round = 0; round < rounds; round++) {
    const noisy = closedRun([{ scenario: 'combined', cpuUs: 200 }], {
      blocks: 10,
      blockSd: 0.05,
      requests: 20,
      seed: round + 1,
    })
    const demand = demandOf()
    const { coresNeeded } = sizeOf(demand, withoutSessions(fitOf(demand, [noisy])), {
      ...quick,
      seed: round,
      samples: 200,
      sampleRequests: 10,
      requests: 10,
    })
    // The mean of the log-normal noise is e^(0.05² ÷ 2), its median 1; either lies in the same place here.
    const truth = 4 / 0.7
    if ((coresNeeded.low ?? 0) <= truth && truth <= (coresNeeded.high ?? 0)) held += 1
  }
  // 150 rounds at 90 %: sd 2.4 %.
  assert.ok(held / rounds > 0.83 && held / rounds < 0.97, `${held} of ${rounds}`)
})

test('more rate never needs fewer instances', () => {
  const demand = demandOf({ p99: '2ms' })
  const fit = fitOf(demand, [run])
  const of = (rate: number) =>
    sizeOf({ ...demand, ratePerSecond: rate }, fit, { ...quick, samples: 1, requests: 2_000 })
      .instances.estimate
  fc.assert(
    fc.property(
      fc.integer({ min: 100, max: 100_000 }),
      fc.double({ min: 1, max: 3, noNaN: true }),
      (rate, factor) => of(rate * factor) >= of(rate),
    ),
    { numRuns: 25 },
  )
})

test('the same demand, runs and seed give the same size', () => {
  assert.deepEqual(size({ p99: '5ms' }), size({ p99: '5ms' }))
})

test('three sessions of a case say how far it wanders; fewer do not', () => {
  const sessions = [1, 1.1, 0.9].map((factor, index) => ({
    ...closedRun([{ scenario: 'combined', cpuUs: 200 * factor }], { blockSd: 0, sliceSd: 0 }),
    runId: `session-${index}`,
  }))
  const demand = demandOf()
  const { sessionSd } = fitOf(demand, sessions)
  // sd of ln 1, ln 1.1, ln 0.9.
  near(sessionSd.sd, 0.1004, 0.01)
  assert.equal(sessionSd.basis, 'measured over 3 sessions')
  assert.match(fitOf(demand, sessions.slice(1)).sessionSd.basis, /^assumed/)
})
