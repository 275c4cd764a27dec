import {
  decided,
  depending,
  type Claim,
  type ClaimNumber,
  type Decision,
  type Windows,
} from './claim.ts'
import { byEvents, windowNumber } from './claims-events.ts'
import type { EventWindow } from './event-windows.ts'

/** What is decided by credentials that are stolen, revoked or expired while requests go on. */
export const theftClaims: readonly Claim[] = [
  {
    id: 'S3',
    sentence: 'Every request is strongly verified.',
    source: 'A',
    experiments: [],
    events: [
      'revoke-certificate-live',
      'expire-certificate-live',
      'revoke-certificate-draining',
      'revoke-opaque',
    ],
    decide: (_, windows) => decideEveryRequest(windows),
  },
  {
    id: 'S4',
    sentence: 'A leaked token can be replayed.',
    source: 'A',
    experiments: [],
    events: ['steal-token-bearer', 'steal-token-bound', 'steal-token-dpop'],
    decide: (_, windows) => decideReplay(windows),
  },
  {
    id: 'S10',
    sentence: 'Who breaks the transport gains nothing without a token.',
    source: 'B',
    experiments: [],
    events: [
      'steal-key-mtls',
      'steal-key-combined',
      'steal-token-without-key',
      'interceptor-bearer',
      'interceptor-bound',
    ],
    decide: (_, windows) => decideBrokenTransport(windows),
  },
]

function decideEveryRequest(windows: Windows): Decision {
  const names = [
    'revoke-certificate-live',
    'expire-certificate-live',
    'revoke-certificate-draining',
    'revoke-opaque',
  ] as const
  return byEvents(windows, names, (found) => {
    const revoked = found['revoke-certificate-live']
    const expired = found['expire-certificate-live']
    const numbers = [
      served('certificate revoked, live connection', revoked),
      windowNumber('certificate revoked, live connection', revoked),
      served('certificate expired, live connection', expired),
      windowNumber('certificate expired, live connection', expired),
      served(
        'certificate revoked, and live connections ended',
        found['revoke-certificate-draining'],
      ),
      served('opaque token revoked', found['revoke-opaque']),
    ]
    const goOn = [revoked, expired].filter(({ refusedAfter }) => refusedAfter === 0)
    if (goOn.length === 2)
      return decided(
        'refuted',
        'a certificate is verified once for each connection: revoked or expired, it goes on being served as long as that lives, unless the server ends it',
        numbers,
      )
    if (goOn.length === 1)
      return depending(
        { variable: 'what ended the certificate', value: null },
        'a live connection outlives one of revocation and expiry',
        numbers,
      )
    return decided('supported', 'live connections end with what is revoked or expired', numbers)
  })
}

function decideReplay(windows: Windows): Decision {
  const names = ['steal-token-bearer', 'steal-token-bound', 'steal-token-dpop'] as const
  return byEvents(windows, names, (found) => {
    const bearer = found['steal-token-bearer']
    const bound = [found['steal-token-bound'], found['steal-token-dpop']]
    const numbers = [
      ...theft('bearer token', bearer),
      ...theft('bound to a certificate', found['steal-token-bound']),
      ...theft('bound to a key, with its proof', found['steal-token-dpop']),
    ]
    if (bearer.servedAfter === 0)
      return bound.every(({ servedAfter }) => servedAfter === 0)
        ? decided('refuted', 'no stolen token was served', numbers)
        : decided('undecided', 'a bound token was replayed and a bearer token was not', numbers)
    if (bound.every(({ servedAfter }) => servedAfter > 0))
      return decided('supported', 'stolen tokens are served, bound ones too', numbers)
    if (bound.some(({ servedAfter }) => servedAfter > 0))
      return decided('supported', 'stolen tokens are served, one kind of bound ones too', numbers)
    return depending(
      { variable: 'tokens are bound to a certificate or key', value: null },
      'a bearer token serves whoever has it; a bound one is refused each time without its key',
      numbers,
    )
  })
}

function decideBrokenTransport(windows: Windows): Decision {
  const names = [
    'steal-key-mtls',
    'steal-key-combined',
    'steal-token-without-key',
    'interceptor-bearer',
    'interceptor-bound',
  ] as const
  return byEvents(windows, names, (found) => {
    const numbers = [
      ...theft('stolen key, mTLS alone', found['steal-key-mtls']),
      ...theft('stolen key without token, both', found['steal-key-combined']),
      ...theft('stolen token without key, both', found['steal-token-without-key']),
      ...theft('interceptor, bearer tokens', found['interceptor-bearer']),
      ...theft('interceptor, bound tokens', found['interceptor-bound']),
    ]
    const gains = (name: (typeof names)[number]) => found[name].servedAfter > 0
    if (
      gains('steal-key-combined') ||
      gains('steal-token-without-key') ||
      gains('interceptor-bound')
    )
      return decided(
        'refuted',
        'half of the credentials was enough where both are asked for',
        numbers,
      )
    if (!gains('interceptor-bearer'))
      return decided('supported', 'nothing was gained, by an interceptor neither', numbers)
    return depending(
      { variable: 'tokens are bound to the connection', value: null },
      'a key without its token gains nothing; but a broken transport yields the token: bearer tokens serve the interceptor, bound ones do not',
      numbers,
    )
  })
}

function served(label: string, { servedAfter }: EventWindow): ClaimNumber {
  return { label: `${label}: still served`, unit: 'requests', value: servedAfter }
}

function theft(label: string, { servedAfter, refusedAfter }: EventWindow): ClaimNumber[] {
  return [
    { label: `${label}: the thief was served`, unit: 'requests', value: servedAfter },
    { label: `${label}: of`, unit: 'requests', value: servedAfter + refusedAfter },
  ]
}
