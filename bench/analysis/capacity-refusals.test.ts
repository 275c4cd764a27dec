import assert from 'node:assert/strict'
import test from 'node:test'
import type { DemandInput } from '../demand.ts'
import { BenchError } from '../errors.ts'
import { sizeOf } from './capacity.ts'
import { gatherFit } from './capacity-gather.ts'
import { missingRuns } from './capacity-needs.ts'
import { closedRun, connectionRun, demandOf, facts, fitOf } from './capacity-testdata.ts'

// What must not be answered, and what is answered with a mark.

const run = closedRun([{ scenario: 'combined', cpuUs: 200 }], { blockSd: 0, sliceSd: 0 })
const quick = { level: 0.9, seed: 1, samples: 10, sampleRequests: 500, requests: 20_000 }

function size(changes: DemandInput = {}, runs = [run]) {
  const demand = demandOf(changes)
  return sizeOf(demand, fitOf(demand, runs), quick)
}

const refusals: [what: string, changes: DemandInput, message: RegExp][] = [
  [
    'a rate beyond what one process was ever near',
    { instances: 1, rate: 7_000, cpuFactor: 0.2 },
    /nothing is said beyond 1\.25 times that, give at least 2/,
  ],
  ['a fleet that is full', { instances: 3 }, /used to 133 % in bursts .*give at least 5/],
  ['an objective that nobody meets', { p99: '10us' }, /no number of instances meets it/],
  [
    'several processes without their scaling',
    { coresPerInstance: 8 },
    /1 process of an instance is all that was measured; give --scaling 0\.9/,
  ],
  [
    'connections without their number',
    { connectionsPerInstance: 1_000 },
    /add connections or clients/,
  ],
  ['a hit ratio without a cache', { hitRatio: 0.9 }, /no mechanism has a cache/],
  [
    'tokens of a mechanism that has none',
    { mechanisms: [{ scenario: 'mtls' }], clients: 10, tokenLifetime: '5m' },
    /no mechanism has tokens/,
  ],
  [
    'a cache without its hit ratio',
    { mechanisms: [{ scenario: 'introspection', parameters: { introspectionCache: '60s' } }] },
    /add a hit ratio/,
  ],
]
for (const [what, changes, message] of refusals) {
  test(`refused: ${what}`, () => {
    assert.throws(
      () => size(changes),
      (error) =>
        error instanceof BenchError && error.code === 'usage' && message.test(error.message),
    )
  })
}

test('what is not measured is named with the runs that would measure it', () => {
  const demand = demandOf({
    mechanisms: [
      { scenario: 'combined', parameters: { alg: 'RS256' }, share: 0.5 },
      { scenario: 'introspection', share: 0.5 },
    ],
    hitRatio: 0.9,
    requestsPerConnection: 20,
    resumed: 0.5,
    clients: 100,
    tokenLifetime: '5m',
  })
  const { fit, missing, wanted } = gatherFit(demand, [run], facts)
  assert.equal(fit, null)
  // What would only make it better is no reason to refuse.
  assert.ok(wanted.length > 0 && missing.every(({ kind }) => kind !== 'open'))
  const commands = missingRuns([...missing, ...wanted], demand, facts).map(({ command }) =>
    command.join(' '),
  )
  const open = '--curve --rates 300,1500 --blocks 5'
  const churn = '--load churn --policy full,resumed --requests-per-connection 1,10,inf'
  assert.deepEqual(commands, [
    'combined --set alg=RS256',
    'introspection --set introspectionCache=60s --set hitRatio=0,1',
    `combined --set alg=RS256 ${churn}`,
    `introspection ${churn}`,
    'token-issuance',
    `combined --set alg=RS256 ${open}`,
    `introspection --set introspectionCache=60s --set hitRatio=0,1 ${open}`,
  ])
})

test('without TLS nothing is resumed, and no run is asked to', () => {
  const demand = demandOf({
    mechanisms: [{ scenario: 'http' }],
    requestsPerConnection: 10,
    resumed: 1,
  })
  const { missing } = gatherFit(demand, [], facts)
  const [, connections] = missingRuns(missing, demand, facts)
  assert.ok(connections?.command.includes('full'))
})

test('a server that let bad credentials in is sized with a mark', () => {
  const [first, ...others] = run.arms
  assert.ok(first?.preflight)
  const refusal = {
    id: 'J10',
    kind: 'refuse' as const,
    sameAs: [],
    describe: '',
    expected: '401',
    outcome: '200',
    passed: false,
    handlerCalls: 1,
    reasons: [],
  }
  const preflight = { ...first.preflight, refusals: [refusal] }
  const marked = { ...run, arms: [{ ...first, preflight }, ...others] }
  const { assumptions } = size({}, [marked])
  assert.ok(
    assumptions.includes('MARKED: combined accepted bad credentials when it was measured: J10'),
  )
})

test('runs that measure nothing, or not whole, or too little, stand for nothing', () => {
  for (const unfit of [
    { ...run, mode: 'smoke' as const },
    { ...run, complete: false, incompleteReason: 'interrupted' },
    { ...run, blocks: run.blocks.slice(0, 3) },
  ]) {
    const found = gatherFit(demandOf(), [unfit], facts)
    assert.equal(found.fit, null)
    assert.equal(found.unfit.length, 1)
  }
})

test('figures of two CPUs, or of two ways of measuring, are not added up', () => {
  const churn = connectionRun([{ scenario: 'combined', requestUs: 200, fullUs: 1_500 }])
  const demand = demandOf({ requestsPerConnection: 10 })
  const elsewhere = { ...churn, environment: { ...churn.environment, cpuModel: 'Another CPU' } }
  for (const other of [elsewhere, { ...churn, measuringVersion: 7 }]) {
    assert.throws(
      () => fitOf(demand, [run, other]),
      (error) => error instanceof BenchError && error.code === 'not-comparable',
    )
  }
})
