import type { Preflight } from '../results.ts'
import { handshakeSeries, mechanisms, sizes, sprawlSeries, stackSeries } from '../trial-series.ts'
import {
  decided,
  numberOf,
  sideOf,
  type Claim,
  type ClaimNumber,
  type Decision,
  type Evidence,
  type Trials,
} from './claim.ts'
import { over, preflightOf, ratio } from './claim-figures.ts'
import { countOf, seriesOf } from './trial-figures.ts'

/** Claims about what operators see and have to keep: O6, O7 and O9. */
export const tellingClaims: readonly Claim[] = [
  {
    id: 'O6',
    sentence: 'OAuth tells why it refuses, mTLS hardly.',
    source: 'B',
    experiments: ['combined', 'tokens'],
    trials: ['handshake-verdicts'],
    decide: (evidence, _, trials) => decideTelling(evidence, trials),
  },
  {
    id: 'O7',
    sentence: 'OAuth is simple to deploy, mTLS is not.',
    source: 'A, B',
    experiments: [],
    trials: ['stacks'],
    decide: (_, __, trials) => countStacks(trials),
  },
  {
    id: 'O9',
    sentence: 'The sprawl of certificates is the bottleneck.',
    source: 'B',
    experiments: [],
    trials: ['sprawl', 'certificates'],
    decide: (_, __, trials) => decideSprawl(trials),
  },
]

/** Of refused credentials of one kind: how many, how many with a code for the client, how many with a reason in the log. */
interface Told {
  readonly tried: number
  readonly toClient: number
  readonly inLog: number
}

/** Ids of a kind, as `J` for tokens; an HTTP error code or a status that says it all is a reason. */
function toldOf(preflight: Preflight | null, kinds: readonly string[]): Told {
  const refusals = (preflight?.refusals ?? []).filter(
    ({ id, kind }) => kind === 'refuse' && kinds.includes(id.charAt(0)),
  )
  return {
    tried: refusals.length,
    toClient: refusals.filter(({ outcome }) => /^\d{3}\b/.test(outcome)).length,
    inLog: refusals.filter(({ reasons }) => reasons.length > 0).length,
  }
}

function decideTelling(evidence: Evidence, trials: Trials): Decision {
  const [combined, tokens] = [evidence.get('combined'), evidence.get('tokens')]
  if (combined === undefined || tokens === undefined) return decided('not measured', 'no run')
  const jwt = toldOf(preflightOf(combined, 'jwt'), ['J'])
  const asked = toldOf(preflightOf(tokens, 'introspection'), ['I', 'J'])
  const mtls = toldOf(preflightOf(combined, 'mtls'), ['M'])
  const alerts = ['1.3', '1.2'].map((version) => ({
    version,
    tried: countOf(trials, 'handshake-verdicts', handshakeSeries.tried(version)) ?? 0,
    told: countOf(trials, 'handshake-verdicts', handshakeSeries.alerted(version)) ?? 0,
  }))
  const numbers: ClaimNumber[] = [
    ...shares('JWT', jwt),
    ...shares('introspection', asked),
    ...shares('mTLS', mtls),
    ...alerts.flatMap(({ version, tried, told }): ClaimNumber[] => [
      {
        label: `mTLS, TLS ${version}: client told by an alert, %`,
        unit: '%',
        value: percent(told, tried),
      },
    ]),
  ]
  if (jwt.tried === 0 || mtls.tried === 0 || asked.tried === 0)
    return decided('not measured', 'nothing was refused', numbers)
  const client = (told: Told) => told.toClient / told.tried
  const isClientTold = client(jwt) > client(mtls) && client(asked) > client(mtls)
  const isLogFull = mtls.inLog === mtls.tried && jwt.inLog === jwt.tried
  if (!isClientTold)
    return decided('refuted', 'clients of mTLS are told as often as those of OAuth', numbers)
  return decided(
    'supported',
    isLogFull
      ? 'to clients: a status against a handshake that fails; in the logs of these servers both leave a reason each time'
      : 'to clients and in the logs',
    numbers,
  )
}

function shares(mode: string, { tried, toClient, inLog }: Told): ClaimNumber[] {
  return [
    { label: `${mode}: refused credentials`, unit: 'of', value: tried },
    { label: `${mode}: reason visible to the client`, unit: '%', value: percent(toClient, tried) },
    { label: `${mode}: reason in the server's log`, unit: '%', value: percent(inLog, tried) },
  ]
}

function percent(part: number, whole: number): number {
  return whole === 0 ? 0 : Math.round((100 * part) / whole)
}

function countStacks(trials: Trials): Decision {
  const numbers = mechanisms.flatMap((scenario) =>
    Object.values(stackSeries).flatMap((nameOf): ClaimNumber[] => {
      const value = countOf(trials, 'stacks', nameOf(scenario))
      return value === null ? [] : [{ label: nameOf(scenario), unit: '', value }]
    }),
  )
  return decided(
    'not testable',
    'counts and no verdict: what is simple no laboratory can tell. Beside them: a client renews a 90-day certificate 0.01 times a day, a token of 5 minutes 288 times',
    numbers,
  )
}

function decideSprawl(trials: Trials): Decision {
  const at = (series: string) => seriesOf(trials, 'sprawl', series)
  const [few, , most] = sizes.authorities
  const [one, many] = sizes.clients
  const stores = ratio(at(sprawlSeries.authorities(most)), at(sprawlSeries.authorities(few)))
  const lists = ratio(at(sprawlSeries.clients(many)), at(sprawlSeries.clients(one)))
  const numbers = [
    ...sizes.authorities.flatMap((count) =>
      numberOf(sprawlSeries.authorities(count), 'µs', over(at(sprawlSeries.authorities(count)))),
    ),
    ...sizes.clients.flatMap((count) =>
      numberOf(sprawlSeries.clients(count), 'µs', over(at(sprawlSeries.clients(count)))),
    ),
    ...numberOf(`${most} CAs over ${few}`, '×', stores),
    ...numberOf(`${many} clients over ${one}`, '×', lists),
  ]
  const sides = [sideOf(stores, growing), sideOf(lists, growing)]
  if (sides.includes('above'))
    return decided('supported', 'a handshake grows with what a server trusts', numbers)
  if (sides.every((side) => side === 'below'))
    return decided(
      'refuted',
      'the handshake stays the same; what sprawls is renewal, which P10 counts',
      numbers,
    )
  return decided('undecided', 'the intervals reach over a tenth', numbers)
}

/** What is more than a tenth of a handshake shows in capacity. */
const growing = 1.1
