import { createVerifier, TokenError as FastJwtError } from 'fast-jwt'
import type { KeyObject } from 'node:crypto'
import type { JWTPayload, JWTVerifyGetKey } from 'jose'
import {
  checkClaims,
  checkHeader,
  keyFor,
  splitToken,
  TokenError,
  type JwtVerifier,
  type VerificationRules,
} from './jwt-verifiers.ts'

/**
 * Verifies with fast-jwt, one verifier for each key as its authors advise, its own cache off. Header and
 * claims are checked as with Node's crypto: it has no opinion on critical extensions or embedded keys.
 */
export function createFastJwtVerifier(
  keyOf: JWTVerifyGetKey,
  rules: VerificationRules,
): JwtVerifier {
  const keyObjects = new WeakMap<object, KeyObject>()
  const verifiers = new WeakMap<KeyObject, (token: string) => unknown>()
  const verifierOf = (key: KeyObject) => {
    const known = verifiers.get(key)
    if (known !== undefined) return known
    const verifier = createVerifier({
      key: key.type === 'secret' ? key.export() : key.export({ type: 'spki', format: 'pem' }),
      algorithms: rules.algorithms,
      cache: false,
      clockTolerance: rules.clockTolerance,
      // Compared below, with this server's own reasons.
      ignoreExpiration: true,
      ignoreNotBefore: true,
    }) as (token: string) => unknown
    verifiers.set(key, verifier)
    return verifier
  }
  return async (token) => {
    const parts = splitToken(token)
    const key = await keyFor(keyOf, checkHeader(parts.header, rules), parts, keyObjects)
    return checkClaims(claimsOf(verifierOf(key), token), rules)
  }
}

function claimsOf(verify: (token: string) => unknown, token: string): JWTPayload {
  try {
    const claims = verify(token)
    if (typeof claims === 'object' && claims !== null && !Array.isArray(claims))
      return { ...claims }
  } catch (error) {
    if (!(error instanceof FastJwtError)) throw error
    throw new TokenError(reasons.get(error.code) ?? 'malformed_token')
  }
  throw new TokenError('malformed_token')
}

const reasons: ReadonlyMap<string, string> = new Map([
  ['FAST_JWT_INVALID_SIGNATURE', 'bad_signature'],
  ['FAST_JWT_MISSING_SIGNATURE', 'bad_signature'],
  ['FAST_JWT_INVALID_ALGORITHM', 'algorithm_not_allowed'],
  ['FAST_JWT_INVALID_CLAIM_TYPE', 'malformed_claim'],
])
