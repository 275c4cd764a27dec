import assert from 'node:assert/strict'
import test from 'node:test'
import type { Preflight } from '../results.ts'
import {
  agentSeries,
  certificateSeries,
  coldStartSeries,
  handshakeSeries,
  refusalCostSeries,
  sizes,
  sprawlSeries,
  stackSeries,
} from '../trial-series.ts'
import type { TrialRecord } from '../trials.ts'
import { decideClaim, type ClaimVerdict, type Evidence, type Windows } from './claim.ts'
import { claims } from './claims.ts'
import type { EventWindow } from './event-windows.ts'
import { syntheticRun } from './testdata.ts'

// As claims.test.ts, for claims that stand on trials: what must support each, refute it, and leave it open.

const repetitions = 10

/** Values about a level, of a relative spread that is the same at each call. */
function around(level: number, spread = 0.01): number[] {
  return Array.from(
    { length: repetitions },
    (_, index) => level * (1 + spread * Math.cos(index * 2.4 + level)),
  )
}

function trialOf(name: string, series: Readonly<Record<string, readonly number[]>>) {
  const record: TrialRecord = {
    name,
    what: '',
    series: Object.entries(series).map(([label, values]) => ({
      name: label,
      unit: 'µs',
      values: [...values],
    })),
  }
  return [name, record] as const
}

function decide(
  id: string,
  trials: readonly (readonly [string, TrialRecord])[],
  { evidence = new Map(), windows = new Map() }: { evidence?: Evidence; windows?: Windows } = {},
): ClaimVerdict {
  const claim = claims.find((one) => one.id === id)
  assert.ok(claim, id)
  return decideClaim(claim, evidence, windows, new Map(trials)).verdict
}

const attacked = (name: string): [string, EventWindow] => [
  name,
  {
    name,
    what: '',
    servedBefore: 50,
    failedBefore: 0,
    servedAfter: 75,
    refusedAfter: 0,
    failedFromStart: 0,
    failedForMs: 0,
    firstRefusedMs: null,
    lastServedMs: 2_990,
    latencyBeforeMs: 1,
    latencyAfterMs: 4,
    watchedMs: 3_000,
    resolutionMs: 40,
  },
]
const windows = new Map([attacked('attack-by-certificates'), attacked('attack-by-tokens')])

const refusals = (certificate: number[], live: number[], fresh: number[], handlerCalls = 0) => [
  trialOf('refusal-cost', {
    [refusalCostSeries.certificate]: certificate,
    [refusalCostSeries.tokenLive]: live,
    [refusalCostSeries.tokenNew]: fresh,
    [refusalCostSeries.goodToken]: around(200),
    [refusalCostSeries.handlerCalls]: [handlerCalls],
  }),
]

test('S1: by what a refused handshake costs against a 401, live and on a new connection', () => {
  const s1 = (trials: ReturnType<typeof refusals>) => decide('S1', trials, { windows })
  assert.equal(s1(refusals(around(100), around(200), around(900))), 'supported')
  assert.equal(s1(refusals(around(700), around(200), around(900))), 'depends')
  assert.equal(s1(refusals(around(1_200), around(200), around(900))), 'refuted')
  assert.equal(s1(refusals(around(900, 0.2), around(200), around(900, 0.2))), 'depends')
  assert.equal(s1(refusals(around(200, 0.3), around(200), around(900))), 'undecided')
  assert.equal(s1(refusals(around(100), around(200), around(900), 1)), 'refuted')
  assert.equal(decide('S1', refusals(around(100), around(200), around(900))), 'not measured')
})

const verdicts = (finished: readonly [number, number], served: number, resumed: number) => [
  trialOf('handshake-verdicts', {
    [handshakeSeries.tried('1.3')]: [40],
    [handshakeSeries.tried('1.2')]: [40],
    [handshakeSeries.finished('1.3')]: [finished[0]],
    [handshakeSeries.finished('1.2')]: [finished[1]],
    [handshakeSeries.alerted('1.3')]: [10],
    [handshakeSeries.alerted('1.2')]: [10],
    [handshakeSeries.served('1.3')]: [served],
    [handshakeSeries.served('1.2')]: [0],
    [handshakeSeries.resumedTried]: [5],
    [handshakeSeries.resumedServed]: [resumed],
  }),
]

test('S2: refuted by one client that may send early, or one session that proves nothing anew', () => {
  assert.equal(decide('S2', verdicts([0, 0], 0, 0)), 'supported')
  assert.equal(decide('S2', verdicts([40, 0], 0, 0)), 'refuted')
  assert.equal(decide('S2', verdicts([0, 0], 0, 5)), 'refuted')
  assert.equal(decide('S2', verdicts([0, 0], 1, 0)), 'refuted')
  assert.equal(decide('S2', [trialOf('handshake-verdicts', { other: [1] })]), 'not measured')
})

const issued = (cpuUs: number, blockSd = 0.002) =>
  new Map([
    [
      'issuance',
      syntheticRun({
        arms: ['secret', 'private_key_jwt', 'tls_client_auth'].map((clientAuthentication) => ({
          scenario: 'token-issuance',
          cpuUs,
          parameters: { connections: '8', clientAuthentication },
        })),
        blocks: 12,
        blockSd,
        sliceSd: blockSd / 4,
        seed: 3,
      }),
    ],
  ])

test('P7: by the issuer cores of 1,000 clients with tokens of 30 s', () => {
  // 1,000 × 400 µs ÷ 30 s = 0.013 cores; 1,000 × 6 ms ÷ 30 s = 0.2; 3 ms stand at the limit.
  assert.equal(decide('P7', [], { evidence: issued(400) }), 'supported')
  assert.equal(decide('P7', [], { evidence: issued(6_000) }), 'refuted')
  assert.equal(decide('P7', [], { evidence: issued(3_000, 0.2) }), 'undecided')
  assert.equal(decide('P7', []), 'not measured')
})

test('O5: a lifetime at which the issuer takes 1 % of a core', () => {
  const claim = claims.find(({ id }) => id === 'O5')
  assert.ok(claim)
  const { verdict, turnsAt } = decideClaim(claim, issued(400))
  assert.equal(verdict, 'depends')
  // 1,000 × 400 µs ÷ 0.01 = 40 s.
  assert.ok(Math.abs((turnsAt?.value?.estimate ?? 0) - 40) < 0.5)
})

const credentials = (certificate: number[], token: number[]) =>
  trialOf('certificates', {
    [certificateSeries.certificate]: certificate,
    [certificateSeries.token]: token,
    [certificateSeries.renewal(1_000)]: around(1_000),
  })

test('P10: by a certificate over a token; what an agent needs stands beside it', () => {
  const agent = trialOf('agent', { [agentSeries.tokensIssuer]: around(20_000) })
  assert.equal(decide('P10', [credentials(around(800), around(400)), agent]), 'refuted')
  assert.equal(decide('P10', [credentials(around(8_000), around(400)), agent]), 'supported')
  assert.equal(decide('P10', [credentials(around(4_000, 0.3), around(400)), agent]), 'undecided')
})

const cold = (fetch: number[], jwt: number[], mtls: number[]) => [
  trialOf('cold-start', {
    [coldStartSeries.tokenFetch]: fetch,
    [coldStartSeries.jwtFirst]: jwt,
    [coldStartSeries.mtlsFirst]: mtls,
    [coldStartSeries.jwtConnection]: around(4),
    [coldStartSeries.jwtStart]: around(300),
    [coldStartSeries.mtlsStart]: around(280),
  }),
]

test('P11: by which of both is there first', () => {
  assert.equal(decide('P11', cold(around(40), around(20), around(15))), 'refuted')
  assert.equal(decide('P11', cold(around(2), around(5), around(15))), 'supported')
  assert.equal(decide('P11', cold(around(5), around(10), around(15, 0.3))), 'undecided')
})

const [few, , most] = sizes.authorities
const [one, many] = sizes.clients
const grown = (stores: number[], lists: number[]) => [
  trialOf('sprawl', {
    [sprawlSeries.authorities(few)]: around(1_500),
    [sprawlSeries.authorities(most)]: stores,
    [sprawlSeries.clients(one)]: around(1_500),
    [sprawlSeries.clients(many)]: lists,
  }),
  credentials(around(800), around(400)),
]

test('O9: by whether a handshake grows with what a server trusts', () => {
  assert.equal(decide('O9', grown(around(1_510), around(1_500))), 'refuted')
  assert.equal(decide('O9', grown(around(2_000), around(1_500))), 'supported')
  assert.equal(decide('O9', grown(around(1_500), around(2_000))), 'supported')
  assert.equal(decide('O9', grown(around(1_650, 0.2), around(1_500))), 'undecided')
})

test('O7: counts, and never a verdict', () => {
  assert.equal(
    decide('O7', [trialOf('stacks', { [stackSeries.processes('mtls')]: [1] })]),
    'not testable',
  )
})

const refused = (ids: readonly string[], outcome: string, reasons = ['why']): Preflight => ({
  controlsPassed: 1,
  tried: ids.length,
  refused: ids.length,
  recorded: 0,
  handlerCalls: 0,
  refusals: ids.map((id) => ({
    id,
    kind: 'refuse',
    sameAs: [],
    describe: id,
    expected: outcome,
    outcome,
    passed: true,
    handlerCalls: 0,
    reasons,
  })),
})

function toldBy(outcomes: Readonly<Record<'mtls' | 'jwt' | 'introspection', Preflight>>): Evidence {
  const runWith = (scenarios: readonly ('mtls' | 'jwt' | 'introspection')[]) => {
    const run = syntheticRun({
      arms: scenarios.map((scenario) => ({ scenario, cpuUs: 100 })),
      blocks: 3,
    })
    const arms = run.arms.map((arm, index) => {
      const scenario = scenarios[index]
      return scenario === undefined ? arm : { ...arm, preflight: outcomes[scenario] }
    })
    return { ...run, arms }
  }
  return new Map([
    ['combined', runWith(['mtls', 'jwt'])],
    ['tokens', runWith(['introspection'])],
  ])
}

test('O6: by how often a client is told', () => {
  const jwt = refused(['J1', 'J2'], '401 invalid_token')
  const introspection = refused(['I1', 'I2'], '401 invalid_token')
  const trials = verdicts([40, 0], 0, 5)
  const silent = toldBy({ jwt, introspection, mtls: refused(['M1', 'M2'], 'handshake refused') })
  assert.equal(decide('O6', trials, { evidence: silent }), 'supported')
  const told = toldBy({ jwt, introspection, mtls: refused(['M1', 'M2'], '403') })
  assert.equal(decide('O6', trials, { evidence: told }), 'refuted')
  const nothing = toldBy({ jwt, introspection, mtls: refused([], '') })
  assert.equal(decide('O6', trials, { evidence: nothing }), 'not measured')
})
