import { createHmac, KeyObject, timingSafeEqual, verify as verifySignature } from 'node:crypto'
import type { VerifyKeyObjectInput } from 'node:crypto'
import { errors } from 'jose'
import type { CryptoKey, JWTHeaderParameters, JWTPayload, JWTVerifyGetKey } from 'jose'
import type { PublicKeyAlgorithm, SigningAlgorithm } from '../config.ts'

/** Claims of a token whose header, signature and registered claims are right; throws for any other. */
export type JwtVerifier = (token: string) => Promise<JWTPayload>

/** What is asked of a token (RFC 9068 section 4), in jose's words. */
export interface VerificationRules {
  readonly algorithms: SigningAlgorithm[]
  readonly typ: string
  readonly issuer: string
  readonly audience: string
  readonly requiredClaims: string[]
  readonly clockTolerance: number
}

/** Why a token is refused whose header or claims a verifier itself has no opinion about. */
export class TokenError extends Error {
  readonly reason: string
  constructor(reason: string) {
    super(reason)
    this.name = 'TokenError'
    this.reason = reason
  }
}

/**
 * Verifies with `crypto.verify` of Node, on the event loop's own thread: no job for the thread pool, and
 * no promise but that of the key.
 */
export function createNodeVerifier(keyOf: JWTVerifyGetKey, rules: VerificationRules): JwtVerifier {
  const keyObjects = new WeakMap<object, KeyObject>()
  return async (token) => {
    const parts = splitToken(token)
    const header = checkHeader(parts.header, rules)
    const key = await keyFor(keyOf, header, parts, keyObjects)
    const signed = Buffer.from(token.slice(0, token.lastIndexOf('.')), 'latin1')
    const signature = Buffer.from(parts.signature, 'base64url')
    if (!isSigned(header.alg, { signed, key, signature })) throw new TokenError('bad_signature')
    return checkClaims(parseObject(parts.payload), rules)
  }
}

/** A compact JWS in its three parts, each in base64url without padding (RFC 7515 section 3.1). */
export interface TokenParts {
  readonly header: string
  readonly payload: string
  readonly signature: string
}

/** Splits a compact JWS; throws for what is none. Node's own decoder would skip what is no base64url. */
export function splitToken(token: string): TokenParts {
  const { header, payload, signature } = compactJws.exec(token)?.groups ?? {}
  if (header === undefined || payload === undefined || signature === undefined)
    throw new TokenError('malformed_token')
  return { header, payload, signature }
}

/** A header that passed: the algorithm is one of those allowed. */
export interface CheckedHeader extends JWTHeaderParameters {
  readonly alg: SigningAlgorithm
}

/** The protected header, when its algorithm and type are those wanted and no extension is critical. */
export function checkHeader(encoded: string, rules: VerificationRules): CheckedHeader {
  const header = parseObject(encoded)
  const { alg, typ, crit } = header
  const algorithm = rules.algorithms.find((allowed) => allowed === alg)
  // RFC 7515 section 4.1.11: none is understood here.
  if (crit !== undefined) throw new TokenError('unknown_critical')
  if (algorithm === undefined) throw new TokenError('algorithm_not_allowed')
  // RFC 7515 section 4.1.9: the prefix may be left out, and media types are case-insensitive.
  const type = typeof typ === 'string' ? typ.toLowerCase().replace(/^application\//, '') : null
  if (type !== rules.typ) throw new TokenError('wrong_type')
  return { ...header, alg: algorithm }
}

/** The registered claims, compared as RFC 7519 and RFC 9068 ask. */
export function checkClaims(claims: JWTPayload, rules: VerificationRules): JWTPayload {
  for (const name of [...rules.requiredClaims, 'iss', 'aud'])
    if (!Object.hasOwn(claims, name)) throw new TokenError('missing_claim')
  const { iss, aud, exp, nbf, iat } = claims
  if (iss !== rules.issuer) throw new TokenError('wrong_issuer')
  if (![aud].flat().includes(rules.audience)) throw new TokenError('wrong_audience')
  for (const time of [exp, iat, ...(nbf === undefined ? [] : [nbf])])
    if (typeof time !== 'number') throw new TokenError('malformed_claim')
  const nowSeconds = Math.floor(Date.now() / 1_000)
  if (nbf !== undefined && nbf > nowSeconds + rules.clockTolerance)
    throw new TokenError('token_not_yet_valid')
  if (exp === undefined || exp <= nowSeconds - rules.clockTolerance)
    throw new TokenError('token_expired')
  return claims
}

/** The key that the issuer publishes for this header, as Node's crypto takes it; parsed once. */
export async function keyFor(
  keyOf: JWTVerifyGetKey,
  header: CheckedHeader,
  parts: TokenParts,
  keyObjects: WeakMap<object, KeyObject>,
): Promise<KeyObject> {
  const { header: encoded, payload, signature } = parts
  const key = await keyOf(header, { protected: encoded, payload, signature })
  // The kind of key follows from the algorithm that is allowed: no public key may pass for a secret.
  if (header.alg === 'HS256' && key instanceof KeyObject && key.type === 'secret') return key
  if (header.alg === 'HS256' || !isCryptoKey(key)) throw new errors.JWKSNoMatchingKey()
  const known = keyObjects.get(key)
  if (known !== undefined) return known
  const keyObject = KeyObject.from(key)
  keyObjects.set(key, keyObject)
  return keyObject
}

/** A JSON object in base64url. */
export function parseObject(encoded: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(utf8.decode(Buffer.from(encoded, 'base64url')))
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value }
  } catch {
    // Told below, like an array.
  }
  throw new TokenError('malformed_token')
}

function isCryptoKey(key: unknown): key is CryptoKey {
  return key instanceof globalThis.CryptoKey
}

function isSigned(
  alg: SigningAlgorithm,
  {
    signed,
    key,
    signature,
  }: { readonly signed: Buffer; readonly key: KeyObject; readonly signature: Buffer },
): boolean {
  if (alg !== 'HS256') return verifySignature(digests[alg], signed, keyInput(alg, key), signature)
  const expected = createHmac('sha256', key).update(signed).digest()
  return signature.length === expected.length && timingSafeEqual(signature, expected)
}

function keyInput(alg: PublicKeyAlgorithm, key: KeyObject): KeyObject | VerifyKeyObjectInput {
  switch (alg) {
    case 'ES256':
    case 'ES384':
      // JWS carries r and s side by side (RFC 7518 section 3.4), OpenSSL wants DER unless told.
      return { key, dsaEncoding: 'ieee-p1363' }
    case 'PS256':
      return { key, padding: rsaPssPadding, saltLength: pssSaltBytes }
    case 'RS256':
    case 'EdDSA':
      return key
  }
}

const digests: Readonly<Record<PublicKeyAlgorithm, 'sha256' | 'sha384' | null>> = {
  ES256: 'sha256',
  ES384: 'sha384',
  RS256: 'sha256',
  PS256: 'sha256',
  EdDSA: null,
}
const utf8 = new TextDecoder('utf-8', { fatal: true })
const compactJws = /^(?<header>[\w-]+)\.(?<payload>[\w-]+)\.(?<signature>[\w-]*)$/
/** RSA_PKCS1_PSS_PADDING of OpenSSL; RFC 7518 section 3.5: as long a salt as the digest. */
const rsaPssPadding = 6
const pssSaltBytes = 32
