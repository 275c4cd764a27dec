import type { webcrypto } from 'node:crypto'
import type { SigningAlgorithm } from './config.ts'

/** A JWT before it is signed, as oidc-provider hands it out. */
export interface UnsignedToken {
  readonly payload: Record<string, unknown>
}

/**
 * Adds a claim that makes an access token as long as real ones with their groups and entitlements: the
 * token gets `tokenBytes`, or up to three more since base64url has no length in between. A token that is
 * longer anyway stays as it is.
 */
export function padToken(
  { payload }: UnsignedToken,
  {
    tokenBytes,
    algorithm,
    keys,
  }: {
    readonly tokenBytes: number
    readonly algorithm: SigningAlgorithm
    readonly keys: readonly webcrypto.JsonWebKey[]
  },
): void {
  const key = keys.find((one) => signs(one, algorithm))
  const header = {
    alg: algorithm,
    typ: 'at+jwt',
    kid: key !== undefined && 'kid' in key ? key.kid : '',
  }
  const signatureBytes = signatureSizes[algorithm](key)
  const others = encodedBytes(jsonBytes(header)) + encodedBytes(signatureBytes) + dots
  const wanted = Math.ceil(((tokenBytes - others) * 3) / 4)
  const missing = wanted - jsonBytes({ ...payload, [claim]: '' })
  if (missing > 0) payload[claim] = 'x'.repeat(missing)
}

/** Whether a key is the one that oidc-provider signs with: its own algorithm, or else its type, says so. */
function signs({ alg, kty, crv }: webcrypto.JsonWebKey, algorithm: SigningAlgorithm): boolean {
  if (alg !== undefined) return alg === algorithm
  return `${kty ?? ''} ${crv ?? ''}`.trim() === keyTypes[algorithm]
}

function jsonBytes(value: object): number {
  return Buffer.byteLength(JSON.stringify(value))
}

/** Length in base64url without padding (RFC 4648 section 5). */
function encodedBytes(bytes: number): number {
  return Math.ceil((bytes * 4) / 3)
}

/** Lengths of signatures in bytes (RFC 7518 section 3, RFC 8037 section 3.1); that of RSA is its modulus. */
const signatureSizes: Readonly<
  Record<SigningAlgorithm, (key: webcrypto.JsonWebKey | undefined) => number>
> = {
  ES256: () => 64,
  ES384: () => 96,
  EdDSA: () => 64,
  HS256: () => 32,
  RS256: modulusBytes,
  PS256: modulusBytes,
}

function modulusBytes(key: webcrypto.JsonWebKey | undefined): number {
  return Buffer.from(key?.n ?? '', 'base64url').length
}

/** RFC 7518 section 6, RFC 8037 section 2; a secret is no key of a key set. */
const keyTypes: Readonly<Record<SigningAlgorithm, string>> = {
  ES256: 'EC P-256',
  ES384: 'EC P-384',
  EdDSA: 'OKP Ed25519',
  RS256: 'RSA',
  PS256: 'RSA',
  HS256: 'oct',
}
const claim = 'padding'
const dots = 2
