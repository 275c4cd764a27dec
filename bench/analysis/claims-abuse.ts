import { handshakeSeries, refusalCostSeries } from '../trial-series.ts'
import {
  decided,
  numberOf,
  depending,
  sideOf,
  type Claim,
  type ClaimNumber,
  type Decision,
  type Trials,
  type Windows,
} from './claim.ts'
import { over, ratio } from './claim-figures.ts'
import { countOf, seriesOf } from './trial-figures.ts'

/** Claims about when a bad client is noticed, and what it costs until then: S1 and S2. */
export const abuseClaims: readonly Claim[] = [
  {
    id: 'S1',
    sentence: 'mTLS refuses before application code runs, which limits abuse.',
    source: 'A',
    experiments: [],
    events: ['attack-by-certificates', 'attack-by-tokens'],
    trials: ['refusal-cost'],
    decide: (_, windows, trials) => decideAbuse(windows, trials),
  },
  {
    id: 'S2',
    sentence: 'Both sides verify each other before they communicate.',
    source: 'A',
    experiments: [],
    trials: ['handshake-verdicts'],
    decide: (_, __, trials) => decideOrder(trials),
  },
]

function decideAbuse(windows: Windows, trials: Trials): Decision {
  const at = (series: string) => seriesOf(trials, 'refusal-cost', series)
  const certificate = at(refusalCostSeries.certificate)
  const [live, fresh] = [at(refusalCostSeries.tokenLive), at(refusalCostSeries.tokenNew)]
  const overLive = ratio(certificate, live)
  const overFresh = ratio(certificate, fresh)
  const calls = countOf(trials, 'refusal-cost', refusalCostSeries.handlerCalls)
  const numbers: ClaimNumber[] = [
    ...numberOf('a rogue certificate, refused', 'µs', over(certificate)),
    ...numberOf('a forged token on a live connection, refused', 'µs', over(live)),
    ...numberOf('a forged token on a new connection, refused', 'µs', over(fresh)),
    ...numberOf('a good request on a live connection', 'µs', over(at(refusalCostSeries.goodToken))),
    ...numberOf('rogue certificate over forged token, live', '×', overLive),
    ...numberOf('rogue certificate over forged token, new connection', '×', overFresh),
    ...(calls === null
      ? []
      : [{ label: 'handler calls of them', unit: '' as const, value: calls }]),
    ...underAttack(windows),
  ]
  if (calls === null) return decided('not measured', 'no handler calls were counted', numbers)
  if (calls > 0) return decided('refuted', 'the handler ran for a refused client', numbers)
  const [sideLive, sideFresh] = [sideOf(overLive, 1), sideOf(overFresh, 1)]
  if (sideLive === 'below')
    return decided('supported', 'it costs the server less than a 401, and no handler runs', numbers)
  if (sideLive === 'above' && sideFresh === 'below')
    return depending(
      { variable: "the attacker's connections stay open", value: null },
      'no handler runs for either; a handshake that is refused costs less than a new connection with a forged token, and more than a 401 on a live one',
      numbers,
    )
  if (sideLive === 'above' && sideFresh === 'above')
    return decided(
      'refuted',
      'no handler runs for either, but the server pays more for a refused handshake than for any 401',
      numbers,
    )
  if (sideLive === 'above')
    return depending(
      { variable: "the attacker's connections stay open", value: null },
      'no handler runs for either; a refused handshake costs more than a 401 on a live connection, and about as much as one on a new connection',
      numbers,
    )
  return decided('undecided', 'the intervals do not tell which costs more', numbers)
}

/** What good clients notice of ten times as many bad ones. */
function underAttack(windows: Windows): ClaimNumber[] {
  return [
    ['attack-by-certificates', 'rogue certificates'],
    ['attack-by-tokens', 'forged tokens'],
  ].flatMap(([name = '', label = '']): ClaimNumber[] => {
    const window = windows.get(name)
    if (window === undefined) return []
    const { latencyBeforeMs, latencyAfterMs, refusedAfter } = window
    return [
      { label: `good clients under ${label}: failed`, unit: 'requests', value: refusedAfter },
      ...(latencyBeforeMs === null || latencyAfterMs === null
        ? []
        : [
            {
              label: `good clients before ${label}: p50`,
              unit: 'ms' as const,
              value: rounded(latencyBeforeMs),
            },
            {
              label: `good clients under ${label}: p50`,
              unit: 'ms' as const,
              value: rounded(latencyAfterMs),
            },
          ]),
    ]
  })
}

function decideOrder(trials: Trials): Decision {
  const count = (series: string) => countOf(trials, 'handshake-verdicts', series) ?? 0
  const versions = ['1.3', '1.2'].map((version) => ({
    version,
    tried: count(handshakeSeries.tried(version)),
    finished: count(handshakeSeries.finished(version)),
    served: count(handshakeSeries.served(version)),
  }))
  const resumed = {
    tried: count(handshakeSeries.resumedTried),
    served: count(handshakeSeries.resumedServed),
  }
  const numbers: ClaimNumber[] = [
    ...versions.flatMap(({ version, tried, finished, served }): ClaimNumber[] => [
      { label: `TLS ${version}: bad certificates tried`, unit: 'of', value: tried },
      { label: `TLS ${version}: client believed its handshake done`, unit: 'of', value: finished },
      { label: `TLS ${version}: served`, unit: 'of', value: served },
    ]),
    {
      label: 'stolen session without certificate and key: tried',
      unit: 'of',
      value: resumed.tried,
    },
    {
      label: 'stolen session without certificate and key: served',
      unit: 'of',
      value: resumed.served,
    },
  ]
  if (versions.some(({ tried }) => tried === 0) || resumed.tried === 0)
    return decided('not measured', 'not all was tried', numbers)
  if (versions.some(({ served }) => served > 0))
    return decided('refuted', 'a client with a bad certificate was served', numbers)
  const early = versions.filter(({ finished }) => finished > 0).map(({ version }) => version)
  if (early.length === 0 && resumed.served === 0)
    return decided(
      'supported',
      'no client believed its handshake done before it was refused',
      numbers,
    )
  return decided(
    'refuted',
    [
      early.length === 0
        ? 'each client learns in its handshake'
        : `with TLS ${early.join(' and ')} a client may send before the server has judged its certificate`,
      resumed.served > 0
        ? 'a resumed session proves nothing anew'
        : 'a resumed session needs the certificate again',
    ].join('; '),
    numbers,
  )
}

function rounded(ms: number): number {
  return Math.round(ms * 100) / 100
}
