import { decided, depending, type Claim, type Decision, type Windows } from './claim.ts'
import { byEvents, windowNumber } from './claims-events.ts'
import { faultClaim } from './claims-faults.ts'
import { rotationClaim } from './claims-rotation.ts'

/** Claims about running it, O1 to O9, and those that no laboratory can decide. */
export const operationClaims: readonly Claim[] = [
  rotationClaim,
  faultClaim,
  {
    id: 'O2',
    sentence: 'mTLS fails when certificates expire or rotation breaks.',
    source: 'A',
    experiments: [],
    events: ['expire-certificate-new', 'expire-certificate-resumed', 'expire-certificate-live'],
    decide: (_, windows) => decideExpiry(windows),
  },
  {
    id: 'O3',
    sentence: 'OAuth can revoke, mTLS has nothing of its own for it.',
    source: 'B',
    experiments: [],
    events: [
      'revoke-jwt',
      'revoke-opaque',
      'revoke-certificate-new',
      'revoke-certificate-resumed',
      'revoke-certificate-resumed-pinned',
      'revoke-certificate-live',
    ],
    decide: (_, windows) => decideRevocation(windows),
  },
  {
    id: 'O4',
    sentence: 'Introspection revokes tokens instantly.',
    source: 'B',
    experiments: [],
    events: [
      'revoke-opaque',
      'revoke-opaque-cached',
      'revoke-opaque-told',
      'revoke-jwt',
      'revoke-jwt-listed',
    ],
    decide: (_, windows) => decideInstantRevocation(windows),
  },
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

function decideExpiry(windows: Windows): Decision {
  return byEvents(windows, expiryEvents, (found) => {
    const fresh = found['expire-certificate-new']
    const resumed = found['expire-certificate-resumed']
    const live = found['expire-certificate-live']
    const numbers = [
      windowNumber('new connections', fresh),
      windowNumber('resumed connections', resumed),
      windowNumber('a live connection', live),
    ]
    if (fresh.refusedAfter === 0)
      return decided('refuted', 'an expired certificate still opens connections', numbers)
    if (live.refusedAfter > 0 && resumed.refusedAfter > 0)
      return decided(
        'supported',
        'resumed and live connections end with the certificate, too',
        numbers,
      )
    return depending(
      { variable: 'a new connection is needed', value: null },
      resumed.refusedAfter === 0
        ? 'full handshakes are refused at once; resumed and live connections go on as if nothing had happened'
        : 'new connections are refused at once, resumed ones too because this server looks at the dates again; a live one goes on as if nothing had happened',
      numbers,
    )
  })
}

function decideRevocation(windows: Windows): Decision {
  return byEvents(windows, revocationEvents, (found) => {
    const jwt = found['revoke-jwt']
    const opaque = found['revoke-opaque']
    const fresh = found['revoke-certificate-new']
    const resumed = found['revoke-certificate-resumed']
    const live = found['revoke-certificate-live']
    const numbers = [
      windowNumber('JWT', jwt),
      windowNumber('opaque token', opaque),
      windowNumber('certificate, new connections', fresh),
      windowNumber('certificate, resumed connections', resumed),
      windowNumber(
        "certificate, resumed connections with pinned ticket keys, by the server's own check",
        found['revoke-certificate-resumed-pinned'],
      ),
      windowNumber('certificate, a live connection', live),
    ]
    if (fresh.refusedAfter === 0 || resumed.refusedAfter === 0)
      return decided('supported', 'a revoked certificate still opens connections', numbers)
    if (jwt.refusedAfter > 0 && opaque.refusedAfter > 0 && live.refusedAfter > 0)
      return decided('refuted', 'both revoke, in every form', numbers)
    return depending(
      { variable: 'form of the token, and age of the connection', value: null },
      'a CRL refuses new and resumed connections as introspection refuses tokens; a JWT is good until it ends, a live connection too',
      numbers,
    )
  })
}

function decideInstantRevocation(windows: Windows): Decision {
  return byEvents(windows, instantEvents, (found) => {
    const opaque = found['revoke-opaque']
    const cached = found['revoke-opaque-cached']
    const numbers = [
      windowNumber('introspected each time', opaque),
      windowNumber('answers remembered for 5 s', cached),
      windowNumber('answers remembered, and the server told of it', found['revoke-opaque-told']),
      windowNumber('JWT', found['revoke-jwt']),
      windowNumber('JWT, and the server told its id', found['revoke-jwt-listed']),
    ]
    if (opaque.refusedAfter === 0 || (opaque.lastServedMs ?? 0) > instantMs)
      return decided('refuted', 'a revoked token is still served', numbers)
    if (cached.refusedAfter > 0 && (cached.lastServedMs ?? 0) <= instantMs)
      return decided('supported', 'with a cache, too', numbers)
    return depending(
      { variable: 'introspection is not cached', value: null },
      'instant where each token is asked about; up to the TTL where answers are remembered; never for a JWT; both at once where the server is told by something else',
      numbers,
    )
  })
}

const expiryEvents = [
  'expire-certificate-new',
  'expire-certificate-resumed',
  'expire-certificate-live',
] as const
const revocationEvents = [
  'revoke-jwt',
  'revoke-opaque',
  'revoke-certificate-new',
  'revoke-certificate-resumed',
  'revoke-certificate-resumed-pinned',
  'revoke-certificate-live',
] as const
const instantEvents = [
  'revoke-opaque',
  'revoke-opaque-cached',
  'revoke-opaque-told',
  'revoke-jwt',
  'revoke-jwt-listed',
] as const
/** Some requests may be under way. */
const instantMs = 100
