import type { Run } from '../results.ts'
import { agentSeries, certificateSeries, coldStartSeries, fleets } from '../trial-series.ts'
import {
  decided,
  numberOf,
  depending,
  sideOf,
  type Claim,
  type ClaimNumber,
  type Decision,
  type Evidence,
  type Trials,
} from './claim.ts'
import { armOf, combine, difference, over, ratio, valuesOf, type Values } from './claim-figures.ts'
import { valuesAtOne } from './question-figures.ts'
import type { Estimate } from './stats.ts'
import { seriesOf } from './trial-figures.ts'

/** Claims about credentials that are made anew: P7, P10, P11 and O5. */
export const issuanceClaims: readonly Claim[] = [
  {
    id: 'P7',
    sentence: 'OAuth scales better: issuing tokens is no burden.',
    source: 'B',
    experiments: ['issuance'],
    decide: (evidence) => decideIssuance(evidence),
  },
  {
    id: 'P10',
    sentence: 'A certificate for every interaction of an agent is impossible to run.',
    source: 'B',
    experiments: [],
    trials: ['certificates', 'agent'],
    decide: (_, __, trials) => decideShortCertificates(trials),
  },
  {
    id: 'P11',
    sentence: 'OAuth suits serverless and edge, where processes start cold.',
    source: 'A',
    experiments: [],
    trials: ['cold-start'],
    decide: (_, __, trials) => decideColdStart(trials),
  },
  {
    id: 'O5',
    sentence: 'Short lifetimes mitigate leakage.',
    source: 'A, B',
    experiments: ['issuance'],
    decide: (evidence) => decideLifetime(evidence),
  },
]

/** CPU of the issuer for a grant, which is the server of these runs. */
function grantUs(evidence: Evidence): Values {
  const run = evidence.get('issuance')
  if (run === undefined) return new Map()
  return valuesOf(
    run,
    armOf(run, 'token-issuance', { clientAuthentication: 'secret' }),
    'cpuUsPerRequest',
  )
}

/** Thousandths of an issuer core that a thousand clients keep busy which fetch a token once a lifetime. */
function millicoresOf(grants: Values, lifetimeSeconds: number): Estimate | null {
  const used = (us: number) => (thousand * us) / usPerSecond / lifetimeSeconds
  return over(combine([grants], ([us = 0]) => used(us) * thousand))
}

function decideIssuance(evidence: Evidence): Decision {
  const run = evidence.get('issuance')
  if (run === undefined) return decided('not measured', 'no run')
  const grants = grantUs(evidence)
  const shortest = millicoresOf(grants, 30)
  const numbers = [
    ...ways.flatMap(([way, label]) => grantNumbers(run, way, label)),
    ...lifetimes.flatMap(([seconds, label]) =>
      numberOf(`1,000 clients, tokens of ${label}`, 'millicores', millicoresOf(grants, seconds)),
    ),
  ]
  switch (sideOf(shortest, burden)) {
    case 'below':
      return decided(
        'supported',
        'a tenth of an issuer core carries 1,000 clients even with tokens of 30 s; Keycloak plans 120 grants/s for a core',
        numbers,
      )
    case 'above':
      return decided('refuted', 'with tokens of 30 s the issuer is a burden', numbers)
    case null:
      return decided('undecided', 'the interval reaches over a tenth of a core', numbers)
  }
}

function grantNumbers(run: Run, way: string, label: string): ClaimNumber[] {
  const arm = armOf(run, 'token-issuance', { clientAuthentication: way })
  const waits = arm === undefined ? null : over(valuesAtOne(run, arm))
  return [
    ...numberOf(`a grant, ${label}`, 'µs', over(valuesOf(run, arm, 'cpuUsPerRequest'))),
    ...numberOf(`a grant, ${label}: p50 for one client`, 'µs', waits),
  ]
}

function decideLifetime(evidence: Evidence): Decision {
  const grants = grantUs(evidence)
  // 1,000 clients take a hundredth of a core where lifetime = 1,000 × grant ÷ 0.01.
  const turn = over(combine([grants], ([us = 0]) => (thousand * us) / usPerSecond / hundredth))
  if (turn === null) return decided('not measured', 'no grants')
  return depending(
    {
      variable: 'token lifetime in s at which 1,000 clients take 1 % of an issuer core',
      value: turn,
    },
    'a stolen JWT is good for up to its whole lifetime, and on average for half; halving it doubles the grants',
    lifetimes.flatMap(([seconds, label]) =>
      numberOf(
        `stolen token good for up to ${label}: issuer for 1,000 clients`,
        'millicores',
        millicoresOf(grants, seconds),
      ),
    ),
  )
}

function decideShortCertificates(trials: Trials): Decision {
  const certificate = seriesOf(trials, 'certificates', certificateSeries.certificate)
  const token = seriesOf(trials, 'certificates', certificateSeries.token)
  const times = ratio(certificate, token)
  const perSecond = over(combine([certificate], ([us = 1]) => usPerSecond / us))
  const numbers = [
    ...numberOf('a P-256 certificate with its key', 'µs', over(certificate)),
    ...numberOf('a token', 'µs', over(token)),
    ...numberOf('certificate over token', '×', times),
    ...numberOf('certificates a second of a core', '', perSecond),
    ...fleets.flatMap((clients) =>
      numberOf(
        `anew for ${clients.toLocaleString('en-US')} clients`,
        'ms',
        over(seriesOf(trials, 'certificates', certificateSeries.renewal(clients))),
      ),
    ),
    ...agentNumbers(trials),
  ]
  switch (sideOf(times, impossible)) {
    case 'below':
      return decided(
        'refuted',
        'a core makes hundreds of certificates a second, each for the price of a few tokens; what a new connection for each costs tells P5',
        numbers,
      )
    case 'above':
      return decided('supported', 'a certificate costs ten times a token and more', numbers)
    case null:
      return decided('undecided', 'the interval reaches over ten times a token', numbers)
  }
}

/** What an agent needs that calls many APIs: as many tokens, or as many certificates. */
function agentNumbers(trials: Trials) {
  const { tokensBytes, certificatesBytes, ...costs } = agentSeries
  return [
    ...Object.values(costs).flatMap((series) =>
      numberOf(`an agent: ${series}`, 'µs', over(seriesOf(trials, 'agent', series))),
    ),
    ...[tokensBytes, certificatesBytes].flatMap((series) =>
      numberOf(`an agent: ${series}`, '', over(seriesOf(trials, 'agent', series))),
    ),
  ]
}

function decideColdStart(trials: Trials): Decision {
  const at = (series: string) => seriesOf(trials, 'cold-start', series)
  const tokens = combine(
    [at(coldStartSeries.tokenFetch), at(coldStartSeries.jwtFirst)],
    ([fetch = 0, first = 0]) => fetch + first,
  )
  const certificates = at(coldStartSeries.mtlsFirst)
  const extra = difference(tokens, certificates)
  const numbers = [
    ...numberOf('tokens: cold client and cold server to the first answer', 'ms', over(tokens)),
    ...numberOf('mTLS: the same', 'ms', over(certificates)),
    ...numberOf('tokens less mTLS', 'ms', extra),
    ...numberOf('of it discovery and token', 'ms', over(at(coldStartSeries.tokenFetch))),
    ...numberOf(
      'of it key set and first verification',
      'ms',
      difference(at(coldStartSeries.jwtFirst), at(coldStartSeries.jwtConnection)),
    ),
    ...numberOf(
      'server process until it listens, JWT less mTLS',
      'ms',
      difference(at(coldStartSeries.jwtStart), at(coldStartSeries.mtlsStart)),
    ),
  ]
  switch (sideOf(extra, 0)) {
    case 'above':
      return decided(
        'refuted',
        'from cold, mTLS is there first: tokens add discovery, a grant and a key set before the first answer',
        numbers,
      )
    case 'below':
      return decided('supported', 'from cold, tokens are there first', numbers)
    case null:
      return decided('undecided', 'the intervals do not tell them apart', numbers)
  }
}

const ways = [
  ['secret', 'client secret'],
  ['private_key_jwt', 'signed assertion'],
  ['tls_client_auth', 'certificate'],
] as const
const lifetimes = [
  [30, '30 s'],
  [300, '5 min'],
  [3_600, '1 h'],
] as const
const thousand = 1_000
const usPerSecond = 1_000_000
/** Of an issuer core for 1,000 clients: what nobody would plan for. */
const burden = 100
const hundredth = 0.01
/** Where somebody who can run tokens could not run certificates. */
const impossible = 10
