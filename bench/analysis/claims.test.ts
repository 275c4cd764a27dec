import assert from 'node:assert/strict'
import test from 'node:test'
import type { Preflight, Run } from '../results.ts'
import { churnBlocks } from './churn-testdata.ts'
import { syntheticRun, type SyntheticArm } from './testdata.ts'
import { claims, experiments } from './claims.ts'
import type { EventWindow } from './event-windows.ts'
import { decideClaim, type ClaimVerdict, type Evidence } from './claim.ts'

// Each verdict function is fed with runs of known truth: one that must support its claim, one that must
// refute it, and one that leaves it open.

const base = { connections: '8' }
const arm = (scenario: string, cpuUs: number, more: Partial<SyntheticArm> = {}): SyntheticArm => ({
  ...more,
  scenario,
  cpuUs,
  parameters: { ...base, ...more.parameters },
})

/** A run without noise, or with so much that nothing can be told. */
function runOf(arms: readonly SyntheticArm[], sd = 0.002): Run {
  return syntheticRun({ arms, blocks: 12, blockSd: sd, sliceSd: sd / 4, seed: 3 })
}

function decide(id: string, evidence: Evidence): ClaimVerdict {
  const claim = claims.find((one) => one.id === id)
  assert.ok(claim, id)
  return decideClaim(claim, evidence).verdict
}

const evidenceOf = (runs: Readonly<Record<string, Run>>): Evidence => new Map(Object.entries(runs))

const tokens = (jwt: number, uncached: number, cached: number, sd?: number) => {
  const asked = { parameters: { introspectionCache: 'off' }, issuerCpuUs: 100 }
  return evidenceOf({
    tokens: runOf(
      [
        arm('jwt', jwt),
        arm('introspection', uncached, asked),
        arm('introspection', cached, { parameters: { introspectionCache: '60s' } }),
      ],
      sd,
    ),
  })
}

test('P1: by what verifying costs against asking, and against remembering', () => {
  assert.equal(decide('P1', tokens(150, 170, 40)), 'depends')
  assert.equal(decide('P1', tokens(150, 170, 160)), 'supported')
  // The look-up costs 100 µs at the issuer, too.
  assert.equal(decide('P1', tokens(350, 170, 40)), 'refuted')
  assert.equal(decide('P1', tokens(268, 170, 40, 0.2)), 'undecided')
})

const hitRatio = (jwt: number, none: number, all: number, sd?: number) => ({
  'hit-ratio': runOf(
    [
      arm('jwt', jwt, { parameters: { hitRatio: '0' } }),
      arm('introspection', none, { parameters: { hitRatio: '0' } }),
      arm('introspection', all, { parameters: { hitRatio: '1' } }),
    ],
    sd,
  ),
  'issuer-latency': runOf([
    arm('jwt', jwt),
    ...['0', '1', '5', '20', '50'].map((issuerLatencyMs) =>
      arm('introspection', none, { parameters: { issuerLatencyMs } }),
    ),
  ]),
})

test('P2: the hit ratio at which both cost the same', () => {
  assert.equal(decide('P2', evidenceOf(hitRatio(150, 400, 50))), 'depends')
  assert.equal(decide('P2', evidenceOf(hitRatio(40, 400, 50))), 'supported')
  assert.equal(decide('P2', evidenceOf(hitRatio(500, 400, 50))), 'refuted')
  assert.equal(decide('P2', evidenceOf(hitRatio(52, 400, 50, 0.3))), 'undecided')
  // 400 − 350 h = 150 at h = 5/7.
  const claim = claims.find(({ id }) => id === 'P2')
  assert.ok(claim)
  const { turnsAt } = decideClaim(claim, evidenceOf(hitRatio(150, 400, 50)))
  assert.ok(Math.abs((turnsAt?.value?.estimate ?? 0) - 5 / 7) < 0.02)
})

const uses = [
  { policy: 'full', requestsPerConnection: 1 },
  { policy: 'full', requestsPerConnection: 10 },
  { policy: 'resumed', requestsPerConnection: 1 },
  { policy: 'keep-alive', requestsPerConnection: null },
] as const

/** A run with new connections, of costs of a request and of a connection. */
function churnRun(
  costs: Readonly<Record<string, readonly [requestUs: number, connectionUs: number]>>,
  sd = 0.002,
): Run {
  const ids = Object.keys(costs)
  const run = runOf(ids.map((scenario) => arm(scenario, 1)))
  const arms = run.arms.map((one, index) => ({ ...one, id: ids[index] ?? '' }))
  const blocks = churnBlocks(
    ids.map((id) => ({
      arm: id,
      requestUs: costs[id]?.[0] ?? 0,
      connectionUs: costs[id]?.[1] ?? 0,
    })),
    uses,
    { blocks: 12, sd },
  )
  return { ...run, arms, blocks }
}

test('P4: the number of requests per connection at which mTLS and JWT cost the same', () => {
  const crossing = churnRun({ tls: [30, 800], mtls: [31, 1_600], jwt: [200, 820] })
  assert.equal(decide('P4', evidenceOf({ connections: crossing })), 'depends')
  const never = churnRun({ tls: [30, 800], mtls: [31, 700], jwt: [200, 820] })
  assert.equal(decide('P4', evidenceOf({ connections: never })), 'undecided')
})

test('P5: a mutual handshake over a server-only one', () => {
  const of = (mutual: number, sd?: number) =>
    evidenceOf({
      connections: churnRun({ tls: [30, 800], mtls: [31, mutual], jwt: [200, 800] }, sd),
    })
  assert.equal(decide('P5', of(1_600)), 'supported')
  assert.equal(decide('P5', of(810)), 'refuted')
  assert.equal(decide('P5', of(880, 0.2)), 'undecided')
})

test('P5: handshakes by key and chain are told where they were measured, and decide nothing', () => {
  const claim = claims.find(({ id }) => id === 'P5')
  assert.ok(claim)
  const connections = churnRun({ tls: [30, 800], mtls: [31, 1_600], jwt: [200, 800] })
  const withKey = (run: Run, key: string): Run => ({
    ...run,
    arms: run.arms.map((one) => ({ ...one, parameters: { ...one.parameters, key } })),
  })
  const keys = withKey(churnRun({ tls: [30, 1_000], mtls: [30, 2_000] }), 'rsa2048')
  const alone = decideClaim(claim, evidenceOf({ connections }))
  const both = decideClaim(claim, evidenceOf({ connections, keys }))
  assert.deepEqual([alone.verdict, both.verdict], ['supported', 'supported'])
  assert.equal(both.numbers.length, alone.numbers.length + 2)
  // 10⁶ ÷ 2,000 µs.
  const perSecond = both.numbers.find(({ label }) => label.startsWith('rsa2048: mutual handshakes'))
  assert.ok(typeof perSecond?.value === 'object' && Math.abs(perSecond.value.estimate - 500) < 10)
})

test('P6: a handshake with a long list over one with none', () => {
  const of = (long: number, sd?: number) => {
    const run = churnRun({ a: [30, 1_600], b: [30, (1_600 + long) / 2], c: [30, long] }, sd)
    const sizes = ['0', '1k', '20k']
    const arms = run.arms.map((one, index) => ({
      ...one,
      scenario: 'mtls',
      parameters: { ...base, crl: sizes[index] ?? '' },
    }))
    return evidenceOf({ 'revocation-lists': { ...run, arms } })
  }
  assert.equal(decide('P6', of(3_000)), 'supported')
  assert.equal(decide('P6', of(1_500)), 'refuted')
  assert.equal(decide('P6', of(1_620, 0.3)), 'undecided')
})

test('P6: OCSP by a real gateway is told where it was measured, and decides nothing', () => {
  const claim = claims.find(({ id }) => id === 'P6')
  assert.ok(claim)
  const withParameter = (run: Run, name: string, values: readonly string[]): Run => ({
    ...run,
    arms: run.arms.map((one, index) => ({
      ...one,
      scenario: 'mtls',
      parameters: { ...base, [name]: values[index] ?? '' },
    })),
  })
  const lists = churnRun({ a: [30, 1_600], b: [30, 2_000], c: [30, 3_000] })
  const evidence = { 'revocation-lists': withParameter(lists, 'crl', ['0', '1k', '20k']) }
  const alone = decideClaim(claim, evidenceOf(evidence))
  const ocsp = withParameter(churnRun({ a: [10, 700], b: [10, 900] }), 'ocsp', ['off', 'on'])
  const both = decideClaim(claim, evidenceOf({ ...evidence, ocsp }))
  assert.deepEqual([alone.verdict, both.verdict], ['supported', 'supported'])
  assert.match(alone.seen, /OCSP is not measured/)
  assert.match(both.seen, /so does asking an OCSP responder/)
  // 900 − 700 µs.
  const more = both.numbers.find(({ label }) => label.includes('OCSP by nginx without'))
  assert.ok(typeof more?.value === 'object' && Math.abs(more.value.estimate - 200) < 10)
})

test('P8: what both cost together beyond the sum', () => {
  const of = (combined: number, sd?: number) =>
    evidenceOf({
      combined: runOf(
        [arm('combined', combined), arm('mtls', 20), arm('jwt', 150), arm('tls', 18)],
        sd,
      ),
    })
  assert.equal(decide('P8', of(152)), 'supported')
  assert.equal(decide('P8', of(200)), 'refuted')
  assert.equal(decide('P8', of(160, 0.3)), 'undecided')
})

test('P9: a token of 8 kB over one of 1 kB', () => {
  const of = (long: number, sd?: number) =>
    evidenceOf({
      'token-size': runOf(
        [
          arm('jwt', 150, { parameters: { tokenBytes: '1024' } }),
          arm('jwt', long, { parameters: { tokenBytes: '8192' } }),
        ],
        sd,
      ),
    })
  assert.equal(decide('P9', of(180)), 'supported')
  assert.equal(decide('P9', of(400)), 'refuted')
  assert.equal(decide('P9', of(225, 0.3)), 'undecided')
})

/** A preflight in which some of the ids that were tried got in. */
function preflight(tried: readonly string[], accepted: readonly string[] = []): Preflight {
  return {
    controlsPassed: 1,
    tried: tried.length,
    refused: tried.length - accepted.length,
    recorded: 0,
    handlerCalls: accepted.length,
    refusals: tried.map((id) => ({
      id,
      kind: 'refuse',
      sameAs: [],
      describe: '',
      expected: '',
      outcome: '',
      passed: !accepted.includes(id),
      handlerCalls: 0,
      reasons: [],
    })),
  }
}

function withPreflights(
  name: string,
  preflights: Readonly<Record<string, Preflight>>,
  costs: Readonly<Record<string, number>> = {},
) {
  const run = runOf(Object.keys(preflights).map((scenario) => arm(scenario, costs[scenario] ?? 10)))
  const arms = run.arms.map((one) => ({ ...one, preflight: preflights[one.scenario] ?? null }))
  return { [name]: { ...run, arms } }
}

const proofs = ['D1', 'D5', 'D7', 'D8', 'D9', 'D10', 'D11', 'D12', 'D13']
const bindings = ['C1', 'C3', 'C5', 'C6']

test('S5: thefts that must be refused, and what that costs', () => {
  const of = (acceptedProofs: string[], acceptedBindings: string[] = []) =>
    evidenceOf({
      ...withPreflights('proof-of-possession', {
        dpop: preflight(proofs, acceptedProofs),
        jwt: preflight([]),
      }),
      ...withPreflights('combined', { combined: preflight(bindings, acceptedBindings) }),
    })
  assert.equal(decide('S5', of([])), 'supported')
  assert.equal(decide('S5', of(['D10'])), 'refuted')
  assert.equal(decide('S5', of([], ['C3'])), 'refuted')
  const few = evidenceOf({
    ...withPreflights('proof-of-possession', { dpop: preflight(['D1']) }),
    ...withPreflights('combined', { combined: preflight(bindings) }),
  })
  assert.equal(decide('S5', few), 'not measured')
})

test('S6 and S7: a valid certificate of another service', () => {
  const of = (accepted: string[]) =>
    evidenceOf(
      withPreflights('names', {
        mtls: preflight(['M12'], accepted),
        'mtls-san': preflight(['M12'], accepted),
      }),
    )
  assert.deepEqual([decide('S6', of([])), decide('S7', of([]))], ['refuted', 'depends'])
  assert.deepEqual([decide('S6', of(['M12'])), decide('S7', of(['M12']))], ['supported', 'refuted'])
  const none = evidenceOf(
    withPreflights('names', { mtls: preflight([]), 'mtls-san': preflight([]) }),
  )
  assert.deepEqual([decide('S6', none), decide('S7', none)], ['not measured', 'not measured'])
})

test('S8, S9 and S11: what combined, mtls and jwt refuse', () => {
  const impostors = ['T1', 'T2', 'T3', 'T4', 'T5', 'T6']
  const of = (combinedAccepts: string[], jwtAccepts: string[] = []) =>
    evidenceOf(
      withPreflights('combined', {
        combined: preflight([...impostors, 'M1', 'J15', 'J16', 'C1'], combinedAccepts),
        mtls: preflight([...impostors, 'M1']),
        jwt: preflight([...impostors, 'J15', 'J16', 'J22'], jwtAccepts),
      }),
    )
  assert.deepEqual(
    ['S8', 'S9', 'S11'].map((id) => decide(id, of([]))),
    new Array(3).fill('supported'),
  )
  assert.equal(decide('S8', of(['T3'])), 'refuted')
  assert.equal(decide('S9', of(['M1'])), 'refuted')
  assert.equal(decide('S11', of([], ['J16'])), 'refuted')
})

test('every claim of the sources has a row, once, and every experiment it names exists', () => {
  const ids = claims.map(({ id }) => id)
  const all = [
    ...Array.from({ length: 11 }, (_, index) => `P${index + 1}`),
    ...Array.from({ length: 9 }, (_, index) => `O${index + 1}`),
    ...Array.from({ length: 11 }, (_, index) => `S${index + 1}`),
    ...['N1', 'N2', 'N3'],
  ]
  assert.deepEqual(ids, all)
  const names = new Set(experiments.map(({ name }) => name))
  for (const claim of claims) for (const name of claim.experiments) assert.ok(names.has(name), name)
})

test('without its runs a claim is not measured, and the missing run is named', () => {
  const claim = claims.find(({ id }) => id === 'P2')
  assert.ok(claim)
  assert.match(decideClaim(claim, new Map()).seen, /no run of hit-ratio, issuer-latency/)
  for (const one of claims) {
    const { verdict } = decideClaim(one, new Map())
    assert.ok(verdict === 'not measured' || verdict === 'not testable', one.id)
  }
})

/** A window in which all was served before the event, and so much after it. */
const windowOf = (
  name: string,
  refusedAfter: number,
  lastServedMs: number | null,
  failedBefore = 0,
): [string, EventWindow] => [
  name,
  {
    name,
    what: '',
    servedBefore: 50,
    failedBefore,
    servedAfter: refusedAfter === 0 ? 200 : 0,
    refusedAfter,
    firstRefusedMs: refusedAfter === 0 ? null : (lastServedMs ?? 0) + 20,
    failedFromStart: refusedAfter,
    failedForMs: refusedAfter * 20,
    latencyBeforeMs: 2,
    latencyAfterMs: refusedAfter === 0 ? 2 : null,
    lastServedMs,
    watchedMs: 4_000,
    resolutionMs: 20,
  },
]
const decideEvents = (id: string, windows: readonly [string, EventWindow][]): ClaimVerdict => {
  const claim = claims.find((one) => one.id === id)
  assert.ok(claim, id)
  return decideClaim(claim, new Map(), new Map(windows)).verdict
}

test('P3: who is served when the issuer has stopped', () => {
  const of = (jwt: number, opaque: number, failed = 0) =>
    decideEvents('P3', [
      windowOf('issuer-stops-jwt', jwt, 3_980, failed),
      windowOf('issuer-stops-opaque', opaque, null),
    ])
  assert.deepEqual([of(0, 100), of(7, 100), of(0, 0)], ['supported', 'refuted', 'refuted'])
  assert.equal(of(0, 100, 3), 'undecided')
  assert.equal(decideEvents('P3', []), 'not measured')
})

test('O2: what an expired certificate still does', () => {
  const of = (fresh: number, resumed: number, live: number) =>
    decideEvents('O2', [
      windowOf('expire-certificate-new', fresh, null),
      windowOf('expire-certificate-resumed', resumed, null),
      windowOf('expire-certificate-live', live, null),
    ])
  assert.deepEqual([of(100, 100, 0), of(100, 0, 0), of(100, 0, 100)], new Array(3).fill('depends'))
  assert.deepEqual([of(100, 100, 100), of(0, 0, 0)], ['supported', 'refuted'])
})

test('O3 and O4: how long what was revoked is still served', () => {
  const of = (
    id: string,
    jwt: number,
    opaque: number,
    cachedLastMs: number,
    fresh: number,
    resumed = fresh,
  ) =>
    decideEvents(id, [
      windowOf('revoke-jwt', jwt, 3_980),
      windowOf('revoke-opaque', opaque, opaque === 0 ? 3_980 : null),
      windowOf('revoke-opaque-cached', 100, cachedLastMs),
      windowOf('revoke-opaque-told', 100, null),
      windowOf('revoke-jwt-listed', 100, null),
      windowOf('revoke-certificate-new', fresh, null),
      windowOf('revoke-certificate-resumed', resumed, null),
      windowOf('revoke-certificate-resumed-pinned', resumed, null),
      windowOf('revoke-certificate-live', jwt, 3_980),
    ])
  assert.equal(of('O3', 0, 100, 4_900, 100), 'depends')
  assert.equal(of('O3', 0, 100, 4_900, 0), 'supported')
  assert.equal(of('O3', 0, 100, 4_900, 100, 0), 'supported')
  assert.equal(of('O3', 50, 100, 4_900, 100), 'refuted')
  assert.equal(of('O4', 0, 100, 4_900, 100), 'depends')
  assert.equal(of('O4', 0, 0, 4_900, 100), 'refuted')
  assert.equal(of('O4', 0, 100, 20, 100), 'supported')
})
