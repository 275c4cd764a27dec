import type { ArmRecord } from '../results.ts'

/** Where a part of a ledger stands: its colour in the chart, its place in the stack. */
export type LedgerKind = 'http' | 'tls' | 'signature' | 'token' | 'issuer' | 'guards'

/** What a case's request consists of: a measured scenario, or primitives, one less another. */
export interface LedgerPart {
  readonly kind: LedgerKind
  readonly label: string
  readonly source:
    | { readonly kind: 'scenario'; readonly scenario: string }
    | {
        readonly kind: 'primitives'
        readonly add: readonly string[]
        readonly subtract: readonly string[]
      }
}

/** The parts of a request of an arm; empty for what is a part itself, or of which nothing is known. */
export function ledgerParts({ scenario, parameters }: ArmRecord): readonly LedgerPart[] {
  const value = (name: string, fallback: string) => parameters[name] ?? fallback
  const jwt = () => jwtParts(value('alg', 'ES256'), value('verifier', 'jose'))
  switch (scenario) {
    case 'tls':
      return [http, records]
    case 'mtls':
      return [http, records, guards(['guard: tenant'])]
    case 'jwt':
      return value('tokenCache', 'off') === 'on'
        ? [http, records, cachedToken, guards(bearerGuards)]
        : [http, records, ...jwt(), guards(bearerGuards)]
    case 'introspection':
      return value('introspectionCache', 'off') === 'off'
        ? [http, records, ...introspection, guards(bearerGuards)]
        : [http, records, cachedToken, guards(bearerGuards)]
    case 'combined':
      return combinedParts(value, jwt)
    default:
      return []
  }
}

function combinedParts(
  value: (name: string, fallback: string) => string,
  jwt: () => readonly LedgerPart[],
): readonly LedgerPart[] {
  const bound = guards([...bearerGuards, 'guard: certificate binding'])
  const [cache, check] =
    value('token', 'jwt') === 'opaque'
      ? (['introspectionCache', () => introspection] as const)
      : (['tokenCache', jwt] as const)
  const token = value(cache, 'off') === 'off' ? check() : [cachedToken]
  return [http, records, ...token, bound]
}

function jwtParts(alg: string, verifier: string): readonly LedgerPart[] {
  const [signature, whole] =
    verifier === 'jose'
      ? [`signature ${alg}: Web Crypto`, `JWT ${alg}: jose, key set`]
      : [
          `signature ${alg}: node:crypto, KeyObject`,
          verifier === 'node'
            ? `JWT ${alg}: node:crypto, key set`
            : `JWT ${alg}: fast-jwt, key set`,
        ]
  return [
    part('signature', `${alg} signature`, [signature]),
    part('token', `rest of ${verifier}: JSON, claims, key look-up`, [whole], [signature]),
    bearer,
  ]
}

function part(
  kind: LedgerKind,
  label: string,
  add: readonly string[],
  subtract: readonly string[] = [],
): LedgerPart {
  return { kind, label, source: { kind: 'primitives', add, subtract } }
}

function guards(ids: readonly string[]): LedgerPart {
  return part('guards', 'scope, tenant, binding', ids)
}

const http: LedgerPart = {
  kind: 'http',
  label: 'HTTP exchange (the scenario http)',
  source: { kind: 'scenario', scenario: 'http' },
}
const records = part('tls', 'TLS records', ['exchange: TLS'], ['exchange: TCP'])
const bearer = part('token', 'Authorization header', ['token: read the Authorization header'])
const cachedToken = part('token', 'token cache', [
  'token: read the Authorization header',
  'token: found in the cache',
])
const introspection = [
  bearer,
  part('issuer', 'call of the authorization server', [
    'exchange: HTTPS by the introspection client, 8 at once',
  ]),
  part('token', 'introspection answer', ['token: read an introspection answer']),
]
const bearerGuards = ['guard: scope', 'guard: tenant']
