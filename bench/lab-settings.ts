import type { KeyType, SigningAlgorithm, TlsVersion } from '../servers/config.ts'
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
  readonly introspectionCacheMs: number
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
    introspectionCacheMs: durationMs(value('introspectionCache', 'off')),
  }
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

const crlSizes = { '0': 0, '1': 1, '1k': 1_000, '20k': 20_000, '100k': 100_000 } as const
type CrlSize = keyof typeof crlSizes
const chains = [1, 2, 3] as const
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
] as const satisfies readonly SigningAlgorithm[]
