import type { KeyType, SigningAlgorithm, TlsVersion, VerifierName } from '../servers/config.ts'
import { BenchError } from './errors.ts'
import type { Parameters } from './scenario.ts'

/** Key types and algorithms of one lab, out of the parameters of a case. */
export interface LabSettings {
  readonly version: TlsVersion
  readonly caKey: KeyType
  readonly serverKey: KeyType
  readonly clientKey: KeyType
  /** Certificates from the leaf up, without the root. */
  readonly chain: 1 | 2 | 3
  /** Entries on the list of revoked client certificates. */
  readonly crlEntries: number
  readonly algorithm: SigningAlgorithm
  readonly verifier: VerifierName
  readonly tokenCacheMs: number
  readonly introspectionCacheMs: number
  /** Where the authorization server keeps tokens: `sqlite`, `memory`, or the URL of a database. */
  readonly store: string
  /** Distinct clients. */
  readonly clients: number
  /** Distinct access tokens of the measured client. */
  readonly tokens: number
  /** Share of requests that bring a token which the cache has; null where that is as it comes. */
  readonly hitRatio: number | null
  /** 0 = as the issuer makes them. */
  readonly tokenBytes: number
  readonly issuerLatencyMs: number
  /** 0 = as the payment is. */
  readonly bodyBytes: number
  /** Processes of a resource server. */
  readonly workers: number
  /** Whether a gateway asks a responder about client certificates. */
  readonly ocsp: 'off' | 'on' | 'cached'
}

/** Reads the parameters of a case; what it does not declare gets the default of those that do. */
export function labSettings(parameters: Parameters): LabSettings {
  const value = (name: string, fallback: string) => {
    const given = parameters[name] ?? ''
    return given === '' ? fallback : given
  }
  const caKey = value('key', 'p256')
  return {
    version: oneOf('tls', versions, value('tls', '1.3')),
    caKey: oneOf('key', keyTypes, caKey),
    serverKey: oneOf('serverKey', keyTypes, value('serverKey', caKey)),
    clientKey: oneOf('clientKey', keyTypes, value('clientKey', caKey)),
    chain: oneOf('chain', chains, Number(value('chain', '2'))),
    crlEntries: crlSizes[oneOf('crl', Object.keys(crlSizes) as CrlSize[], value('crl', '0'))],
    algorithm: oneOf('alg', algorithms, value('alg', 'ES256')),
    verifier: oneOf('verifier', verifiers, value('verifier', 'jose')),
    tokenCacheMs:
      oneOf('tokenCache', ['off', 'on'], value('tokenCache', 'off')) === 'on' ? tokenCacheMs : 0,
    introspectionCacheMs: durationMs(value('introspectionCache', 'off')),
    store: value('store', 'sqlite'),
    clients: clientsOf(value),
    tokens:
      tokenCounts[oneOf('tokens', Object.keys(tokenCounts) as TokenCount[], value('tokens', '1'))],
    hitRatio: hitRatioOf(value),
    tokenBytes: Number(value('tokenBytes', '0')),
    issuerLatencyMs: Number(value('issuerLatencyMs', '0')),
    bodyBytes: Number(value('bodyBytes', '0')),
    workers: Number(value('workers', '1')),
    ocsp: oneOf('ocsp', ['off', 'on', 'cached'], value('ocsp', 'off')),
  }
}

/** Partners are clients of which there are more than one. */
function clientsOf(value: (name: string, fallback: string) => string): number {
  const partners = value('partners', '')
  if (partners !== '') return Number(partners)
  const counts = Object.keys(clientCounts) as ClientCount[]
  return clientCounts[oneOf('clients', counts, value('clients', '1'))]
}

/** A ratio without a cache, or of more tokens than it needs, would be another thing than it says. */
function hitRatioOf(value: (name: string, fallback: string) => string): number | null {
  const ratio = value('hitRatio', '')
  if (ratio === '') return null
  const isCached =
    value('tokenCache', 'off') === 'on' || value('introspectionCache', 'off') !== 'off'
  if (!isCached) {
    throw new BenchError(
      'usage',
      `hitRatio=${ratio}: there is no cache to hit, add --set tokenCache=on or introspectionCache=60s`,
    )
  }
  if (value('tokens', '1') !== '1')
    throw new BenchError('usage', `hitRatio=${ratio}: it has tokens of its own, leave tokens out`)
  return Number(ratio)
}

function oneOf<T extends string | number>(
  name: string,
  allowed: readonly T[],
  value: string | number,
): T {
  const found = allowed.find((each) => each === value)
  if (found !== undefined) return found
  throw new BenchError('usage', `${name}=${value}: not one of ${allowed.join(', ')}`)
}

function durationMs(value: string): number {
  if (value === 'off') return 0
  const seconds = /^(\d+)s$/.exec(value)?.[1]
  if (seconds !== undefined) return Number(seconds) * 1_000
  throw new BenchError(
    'usage',
    `introspectionCache=${value}: not off or a number of seconds like 5s`,
  )
}

const clientCounts = { '1': 1, '50': 50, '1k': 1_000 } as const
type ClientCount = keyof typeof clientCounts
const tokenCounts = { '1': 1, '1k': 1_000, '100k': 100_000 } as const
type TokenCount = keyof typeof tokenCounts
const crlSizes = { '0': 0, '1': 1, '1k': 1_000, '20k': 20_000, '100k': 100_000 } as const
type CrlSize = keyof typeof crlSizes
const chains = [1, 2, 3] as const
const verifiers = ['jose', 'node', 'fast-jwt'] as const satisfies readonly VerifierName[]
/** A minute, or less where the token ends: so long a key that was withdrawn may still be honoured. */
const tokenCacheMs = 60_000
const versions = ['1.2', '1.3'] as const satisfies readonly TlsVersion[]
const keyTypes = [
  'p256',
  'p384',
  'rsa2048',
  'rsa4096',
  'ed25519',
] as const satisfies readonly KeyType[]
const algorithms = [
  'ES256',
  'ES384',
  'RS256',
  'PS256',
  'EdDSA',
  'HS256',
] as const satisfies readonly SigningAlgorithm[]
