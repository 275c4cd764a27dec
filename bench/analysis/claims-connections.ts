import type { Run } from '../results.ts'
import { breakEvens } from './break-even.ts'
import {
  decided,
  depending,
  numberOf,
  sideOf,
  type Claim,
  type ClaimNumber,
  type Evidence,
} from './claim.ts'
import { armOf, combine, difference, handshakeCpu, over, ratio } from './claim-figures.ts'
import type { Estimate } from './stats.ts'

/** Claims about what a connection costs: P4 to P6. */
export const connectionClaims: readonly Claim[] = [
  {
    id: 'P4',
    sentence: 'OAuth scales better than mTLS, whose certificates cost with every connection.',
    source: 'B',
    experiments: ['connections'],
    decide: (evidence) => decideScaling(evidence),
  },
  {
    id: 'P5',
    sentence: 'Verifying certificates becomes significant where connections come and go.',
    source: 'B',
    experiments: ['connections'],
    also: ['keys', 'chains'],
    decide: (evidence) => decideHandshakes(evidence),
  },
  {
    id: 'P6',
    sentence: 'Revocation lists and OCSP add burden and latency.',
    source: 'B',
    experiments: ['revocation-lists'],
    also: ['ocsp'],
    decide: (evidence) => decideRevocationLists(evidence),
  },
]

function decideScaling(evidence: Evidence) {
  const run = evidence.get('connections')
  const [mtls, jwt] = [run && armOf(run, 'mtls'), run && armOf(run, 'jwt')]
  if (run === undefined || mtls === undefined || jwt === undefined)
    return decided('not measured', 'no run of mtls beside jwt')
  const found = breakEvens(run.blocks, [mtls.id, jwt.id], { level: 0.99 }).find(
    ({ policy }) => policy === 'full',
  )
  if (found === undefined) return decided('undecided', 'no break-even is borne out by an interval')
  const { requestsPerConnection: estimate, low, high, level, blocks } = found
  const value: Estimate = { estimate, low, high, level, blocks }
  return depending(
    { variable: 'requests per connection', value },
    found.cheaperAbove === mtls.id
      ? 'mTLS costs less server CPU above, a JWT below'
      : 'a JWT costs less server CPU above, mTLS below',
    numberOf('break-even', 'requests', value),
  )
}

function decideHandshakes(evidence: Evidence) {
  const run = evidence.get('connections')
  if (run === undefined) return decided('not measured', 'no run')
  const [tls, mtls] = [armOf(run, 'tls'), armOf(run, 'mtls')]
  const of = (policy: 'full' | 'resumed') =>
    ratio(handshakeCpu(run, mtls, policy), handshakeCpu(run, tls, policy))
  const [full, resumed] = [of('full'), of('resumed')]
  const numbers = [
    ...numberOf('mutual over server-only, full handshakes', '×', full),
    ...numberOf('mutual over server-only, resumed', '×', resumed),
    ...byKey(evidence.get('keys')),
    ...byChain(evidence.get('chains')),
  ]
  // A tenth more of a handshake would be noticed by nobody.
  const side = sideOf(full, significant)
  if (side === 'above')
    return decided('supported', 'a mutual handshake costs clearly more CPU', numbers)
  if (side === 'below') return decided('refuted', 'a mutual handshake costs hardly more', numbers)
  return decided('undecided', 'the interval reaches over ×1.1', numbers)
}

/** Mutual handshakes a second of a core, and over server-only ones, by the key of both sides. */
function byKey(run: Run | undefined): ClaimNumber[] {
  if (run === undefined) return []
  return [...new Set(run.arms.map(({ parameters }) => parameters['key']))].flatMap((key = '') => {
    const mutual = handshakeCpu(run, armOf(run, 'mtls', { key }), 'full')
    const serverOnly = handshakeCpu(run, armOf(run, 'tls', { key }), 'full')
    const perSecond = over(combine([mutual], ([us = 1]) => usPerSecond / us))
    return [
      ...numberOf(`${key}: mutual handshakes a second of a server core`, '', perSecond),
      ...numberOf(`${key}: mutual over server-only`, '×', ratio(mutual, serverOnly)),
    ]
  })
}

function byChain(run: Run | undefined): ClaimNumber[] {
  if (run === undefined) return []
  const cost = (chain: string) => handshakeCpu(run, armOf(run, 'mtls', { chain }), 'full')
  return ['2', '3'].flatMap((chain) =>
    numberOf(`a chain of ${chain} over one of 1`, 'µs', difference(cost(chain), cost('1'))),
  )
}

function decideRevocationLists(evidence: Evidence) {
  const run = evidence.get('revocation-lists')
  if (run === undefined) return decided('not measured', 'no run')
  const cost = (crl: string) => handshakeCpu(run, armOf(run, 'mtls', { crl }), 'full')
  const more = (crl: string) => difference(cost(crl), cost('0'))
  const [short, long] = [more('1k'), more('20k')]
  const ocsp = ocspCost(evidence.get('ocsp'))
  const numbers = [
    ...numberOf('a handshake more, CRL of 1,000', 'µs', short),
    ...numberOf('a handshake more, CRL of 20,000', 'µs', long),
    ...numberOf('a handshake more, CRL of 100,000', 'µs', more('100k')),
    ...numberOf('CRL of 20,000 over none', '×', ratio(cost('20k'), cost('0'))),
    ...numberOf('a handshake more, OCSP by nginx without a cache', 'µs', ocsp.more),
    ...numberOf('OCSP by nginx over none', '×', ocsp.times),
  ]
  const side = sideOf(long, 0)
  if (side === 'above') {
    return decided(
      'supported',
      `lists cost CPU in each full handshake, more the longer they are; ${ocsp.told} (stapling is about the server’s certificate)`,
      numbers,
    )
  }
  return side === 'below'
    ? decided('refuted', 'a list costs nothing', numbers)
    : decided('undecided', 'the interval reaches over 0', numbers)
}

/** What asking a responder about each client certificate costs a gateway; the responder's own work apart. */
function ocspCost(run: Run | undefined) {
  const cost = (ocsp: string) =>
    run === undefined
      ? new Map<number, number>()
      : handshakeCpu(run, armOf(run, 'mtls', { ocsp }), 'full')
  const more = difference(cost('on'), cost('off'))
  const told = {
    above: 'so does asking an OCSP responder, by a real gateway',
    below: 'asking an OCSP responder costs a real gateway nothing',
    open: 'what OCSP costs a real gateway is open',
    none: 'OCSP is not measured, for want of nginx or of a run',
  }
  return {
    more,
    times: ratio(cost('on'), cost('off')),
    told: told[more === null ? 'none' : (sideOf(more, 0) ?? 'open')],
  }
}

/** What is more than a tenth of a handshake shows in capacity. */
const significant = 1.1
const usPerSecond = 1_000_000
