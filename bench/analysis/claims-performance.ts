import {
  decided,
  numberOf,
  depending,
  sideOf,
  type Claim,
  type ClaimNumber,
  type Evidence,
  type Windows,
} from './claim.ts'
import {
  armOf,
  combine,
  difference,
  over,
  preflightOf,
  ratio,
  totalCpu,
  valuesOf,
  windowP50,
} from './claim-figures.ts'

/** Claims about cost, P1 to P11. */
export const performanceClaims: readonly Claim[] = [
  {
    id: 'P1',
    sentence: 'Tokens that are validated locally are quick, since nothing is looked up.',
    source: 'A',
    experiments: ['tokens'],
    decide: (evidence) => decideLocalValidation(evidence),
  },
  {
    id: 'P2',
    sentence: 'Stateless tokens are faster than asking the issuer in distributed systems.',
    source: 'B',
    experiments: ['hit-ratio', 'issuer-latency'],
    decide: (evidence) => decideStateless(evidence),
  },
  {
    id: 'P8',
    sentence: 'Both together are affordable: their costs add up and no more.',
    source: 'A, B',
    experiments: ['combined'],
    decide: (evidence) => decideAdditivity(evidence),
  },
  {
    id: 'P9',
    sentence: 'A token carries organisation and scopes along, at little cost.',
    source: 'B',
    experiments: ['token-size'],
    decide: (evidence) => decideTokenSize(evidence),
  },
  {
    id: 'P3',
    sentence: 'Local validation removes the bottleneck and the round trips.',
    source: 'B',
    experiments: [],
    events: ['issuer-stops-jwt', 'issuer-stops-opaque'],
    decide: (_, windows) => decideIssuerStops(windows),
  },
]

function decideLocalValidation(evidence: Evidence) {
  const run = evidence.get('tokens')
  if (run === undefined) return decided('not measured', 'no run')
  const jwt = totalCpu(run, 'jwt')
  const uncached = difference(jwt, totalCpu(run, 'introspection', { introspectionCache: 'off' }))
  const cached = difference(jwt, totalCpu(run, 'introspection', { introspectionCache: '60s' }))
  const p50 = difference(
    valuesOf(run, armOf(run, 'jwt'), 'latencyP50Us'),
    valuesOf(run, armOf(run, 'introspection', { introspectionCache: 'off' }), 'latencyP50Us'),
  )
  const numbers = [
    ...numberOf('JWT less introspection, CPU of both servers', 'µs', uncached),
    ...numberOf('JWT less cached introspection, CPU of both servers', 'µs', cached),
    ...numberOf('JWT less introspection, p50', 'µs', p50),
  ]
  const sides = [sideOf(uncached, 0), sideOf(cached, 0), sideOf(p50, 0)] as const
  if (sides[0] === 'above')
    return decided('refuted', 'a look-up costs less than verifying', numbers)
  if (sides[0] === null || sides[1] === null || sides[2] === null)
    return decided('undecided', 'intervals reach over 0', numbers)
  if (sides[1] === 'below' && sides[2] === 'below')
    return decided('supported', 'verifying costs less than any look-up', numbers)
  return depending(
    { variable: 'introspection is cached', value: null },
    'verifying costs less than asking each time, and more than an answer that is remembered',
    numbers,
  )
}

function decideStateless(evidence: Evidence) {
  const [hits, latency] = [evidence.get('hit-ratio'), evidence.get('issuer-latency')]
  if (hits === undefined || latency === undefined) return decided('not measured', 'no run')
  // Its own cache never hits here: each token is verified.
  const jwt = totalCpu(hits, 'jwt', { hitRatio: '0' })
  const at = (hitRatio: string) => totalCpu(hits, 'introspection', { hitRatio })
  // Cost falls in a straight line with the share of hits: the two ends say where it meets that of a JWT.
  const turning = over(
    combine([jwt, at('0'), at('1')], ([own = 0, none = 0, all = 0]) => (none - own) / (none - all)),
  )
  const waits = ['0', '5', '50'].flatMap((issuerLatencyMs) =>
    numberOf(
      `introspection less JWT at an issuer latency of ${issuerLatencyMs} ms, p50`,
      'µs',
      difference(
        windowP50(latency, armOf(latency, 'introspection', { issuerLatencyMs })),
        windowP50(latency, armOf(latency, 'jwt')),
      ),
    ),
  )
  const numbers = [...numberOf('hit ratio at which both cost the same CPU', '', turning), ...waits]
  if (sideOf(turning, 1) === 'above')
    return decided('supported', 'even an answer from the cache costs more CPU', numbers)
  if (sideOf(turning, 0) === 'below')
    return decided('refuted', 'even uncached introspection costs less CPU', numbers)
  if (sideOf(turning, 0) !== 'above' || sideOf(turning, 1) !== 'below')
    return decided('undecided', 'the hit ratio of equal cost is not known', numbers)
  return depending(
    { variable: 'hit ratio of the introspection cache', value: turning },
    'stateless tokens cost less CPU below that hit ratio, and more above; they never wait for the issuer',
    numbers,
  )
}

function decideAdditivity(evidence: Evidence) {
  const run = evidence.get('combined')
  if (run === undefined) return decided('not measured', 'no run')
  const [combined, mtls, jwt, tls] = ['combined', 'mtls', 'jwt', 'tls'].map((name) =>
    totalCpu(run, name),
  )
  if (!combined || !mtls || !jwt || !tls) return decided('not measured', 'no run of all parts')
  const interaction = over(
    combine([combined, mtls, jwt, tls], ([c = 0, m = 0, j = 0, t = 0]) => c - m - j + t),
  )
  const share = over(
    combine([combined, mtls, jwt, tls], ([c = 0, m = 0, j = 0, t = 0]) => (c - m - j + t) / c),
  )
  const numbers = [
    ...numberOf('interaction', 'µs', interaction),
    ...numberOf('interaction, of the whole', '', share),
  ]
  if (sideOf(share, tolerable) === 'above')
    return decided('refuted', 'both together cost more than the sum', numbers)
  if (sideOf(share, tolerable) === 'below')
    return decided('supported', 'both together cost no more than the sum of their parts', numbers)
  return decided('undecided', 'the interval of the interaction is too wide', numbers)
}

function decideTokenSize(evidence: Evidence) {
  const run = evidence.get('token-size')
  if (run === undefined) return decided('not measured', 'no run')
  const at = (tokenBytes: string) => totalCpu(run, 'jwt', { tokenBytes })
  const perKb = over(
    combine([at('8192'), at('1024')], ([long = 0, short = 0]) => (long - short) / kilobytes),
  )
  const share = ratio(at('8192'), at('1024'))
  const tooLong = preflightOf(run, 'jwt', { tokenBytes: '1024' })?.refusals.find(
    ({ id }) => id === 'J21',
  )
  const numbers = [
    ...numberOf('CPU of a kilobyte more', 'µs', perKb),
    ...numberOf('token of 8 kB over one of 1 kB', '×', share),
  ]
  const side = sideOf(share, generous)
  const limit = tooLong?.passed === true ? '; beyond 16 kB of headers it is refused (431)' : ''
  if (side === 'below') return decided('supported', `claims cost little CPU${limit}`, numbers)
  if (side === 'above')
    return decided('refuted', `a long token costs half as much again and more${limit}`, numbers)
  return decided('undecided', 'the interval reaches over ×1.5', numbers)
}

function decideIssuerStops(windows: Windows) {
  const [jwt, opaque] = [windows.get('issuer-stops-jwt'), windows.get('issuer-stops-opaque')]
  if (jwt === undefined || opaque === undefined) return decided('not measured', 'no event')
  const first = opaque.firstRefusedMs
  const numbers: ClaimNumber[] = [
    { label: 'JWT: refused after the issuer stopped', unit: 'of', value: jwt.refusedAfter },
    { label: 'JWT: watched', unit: 'ms', value: Math.round(jwt.watchedMs) },
    ...(first === null ? [] : [milliseconds('introspection: first refusal', first)]),
  ]
  if (jwt.failedBefore > 0 || opaque.failedBefore > 0)
    return decided('undecided', 'requests failed before the event', numbers)
  if (jwt.refusedAfter > 0)
    return decided('refuted', 'requests with JWTs failed without the issuer', numbers)
  return opaque.refusedAfter > 0
    ? decided(
        'supported',
        'JWTs are served without the issuer, for as long as its keys are kept (10 min here); introspection fails closed at once',
        numbers,
      )
    : decided('refuted', 'introspection is served without the issuer, too', numbers)
}

/** A time that was counted in probes. */
export function milliseconds(label: string, value: number): ClaimNumber {
  return { label, unit: 'ms', value: Math.round(value) }
}

/** An interaction of less than a twentieth of the whole is one in name only. */
const tolerable = 0.05
const generous = 1.5
const kilobytes = 7
