import {
  decided,
  depending,
  type Claim,
  type ClaimNumber,
  type Decision,
  type Windows,
} from './claim.ts'
import { milliseconds, notYet } from './claims-performance.ts'
import type { EventWindow } from './event-windows.ts'

/** Claims about running it, O1 to O9, and those that no laboratory can decide. */
export const operationClaims: readonly Claim[] = [
  {
    id: 'O2',
    sentence: 'mTLS fails when certificates expire or rotation breaks.',
    source: 'A',
    experiments: [],
    events: ['expire-certificate-new', 'expire-certificate-live'],
    decide: (_, windows) => decideExpiry(windows),
  },
  {
    id: 'O3',
    sentence: 'OAuth can revoke, mTLS has nothing of its own for it.',
    source: 'B',
    experiments: [],
    events: ['revoke-jwt', 'revoke-opaque', 'revoke-certificate-new', 'revoke-certificate-live'],
    decide: (_, windows) => decideRevocation(windows),
  },
  {
    id: 'O4',
    sentence: 'Introspection revokes tokens instantly.',
    source: 'B',
    experiments: [],
    events: ['revoke-opaque', 'revoke-opaque-cached', 'revoke-jwt'],
    decide: (_, windows) => decideInstantRevocation(windows),
  },
  ...notYet([
    ['O1', 'Credentials rotate without outages.', 'B'],
    ['O8', 'OAuth depends on its issuer; both together are the most resilient.', 'A'],
  ]),
  ...(
    [
      ['N1', 'Partners are on board sooner.'],
      ['N2', 'There are fewer outages.'],
      ['N3', 'Operations keep their sanity.'],
    ] as const
  ).map(([id, sentence]): Claim => ({
    id,
    sentence,
    source: 'B',
    experiments: [],
    decide: () => decided('not testable', 'no laboratory can tell'),
  })),
]

/** The windows of events, if all are sound: before the event everything must have been served. */
function sound(windows: Windows, names: readonly string[]): EventWindow[] | Decision {
  const found = names.flatMap((name) => windows.get(name) ?? [])
  if (found.length < names.length) return decided('not measured', 'not all events')
  const failed = found.find(
    ({ failedBefore, servedBefore }) => failedBefore > 0 || servedBefore === 0,
  )
  return failed === undefined
    ? found
    : decided('undecided', `${failed.name}: requests failed before the event`)
}

/** How long it was still served, or that it always was. */
function windowNumber(
  label: string,
  { lastServedMs, refusedAfter, watchedMs, resolutionMs }: EventWindow,
): ClaimNumber {
  if (refusedAfter === 0)
    return milliseconds(`${label}: still served when watching ended, after`, watchedMs)
  return milliseconds(
    `${label}: refused at the latest after`,
    Math.max(0, lastServedMs ?? 0) + resolutionMs,
  )
}

function decideExpiry(windows: Windows): Decision {
  const found = sound(windows, ['expire-certificate-new', 'expire-certificate-live'])
  if (!Array.isArray(found)) return found
  const [fresh, live] = found
  if (fresh === undefined || live === undefined) return decided('not measured', 'not all events')
  const numbers = [windowNumber('new connections', fresh), windowNumber('a live connection', live)]
  if (fresh.refusedAfter === 0)
    return decided('refuted', 'an expired certificate still opens connections', numbers)
  if (live.refusedAfter > 0)
    return decided('supported', 'live connections end with the certificate, too', numbers)
  return depending(
    { variable: 'a new connection is needed', value: null },
    'new connections are refused at once; a live one goes on as if nothing had happened',
    numbers,
  )
}

function decideRevocation(windows: Windows): Decision {
  const names = ['revoke-jwt', 'revoke-opaque', 'revoke-certificate-new', 'revoke-certificate-live']
  const found = sound(windows, names)
  if (!Array.isArray(found)) return found
  const [jwt, opaque, fresh, live] = found
  if (!jwt || !opaque || !fresh || !live) return decided('not measured', 'not all events')
  const numbers = [
    windowNumber('JWT', jwt),
    windowNumber('opaque token', opaque),
    windowNumber('certificate, new connections', fresh),
    windowNumber('certificate, a live connection', live),
  ]
  if (fresh.refusedAfter === 0)
    return decided('supported', 'a revoked certificate still opens connections', numbers)
  if (jwt.refusedAfter > 0 && opaque.refusedAfter > 0 && live.refusedAfter > 0)
    return decided('refuted', 'both revoke, in every form', numbers)
  return depending(
    { variable: 'form of the token, and age of the connection', value: null },
    'a CRL refuses new connections as introspection refuses tokens; a JWT is good until it ends, a live connection too',
    numbers,
  )
}

function decideInstantRevocation(windows: Windows): Decision {
  const found = sound(windows, ['revoke-opaque', 'revoke-opaque-cached', 'revoke-jwt'])
  if (!Array.isArray(found)) return found
  const [opaque, cached, jwt] = found
  if (!opaque || !cached || !jwt) return decided('not measured', 'not all events')
  const numbers = [
    windowNumber('introspected each time', opaque),
    windowNumber('answers remembered for 5 s', cached),
    windowNumber('JWT', jwt),
  ]
  if (opaque.refusedAfter === 0 || (opaque.lastServedMs ?? 0) > instantMs)
    return decided('refuted', 'a revoked token is still served', numbers)
  if (cached.refusedAfter > 0 && (cached.lastServedMs ?? 0) <= instantMs)
    return decided('supported', 'with a cache, too', numbers)
  return depending(
    { variable: 'introspection is not cached', value: null },
    'instant where each token is asked about; up to the TTL where answers are remembered; never for a JWT',
    numbers,
  )
}

/** Some requests may be under way. */
const instantMs = 100
