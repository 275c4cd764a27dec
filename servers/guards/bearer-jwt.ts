import { createSecretKey } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { errors, jwtVerify } from 'jose'
import type { JWTPayload, JWTVerifyGetKey } from 'jose'
import type { IssuerConfig } from '../config.ts'
import { readConfigured, required, StartError } from '../process.ts'
import type { Telemetry } from '../telemetry.ts'
import { createBearerGuard, invalidToken, unavailable } from './bearer.ts'
import type { AccessToken, Guard, Refusal } from './guard.ts'
import { createNodeVerifier, TokenError } from './jwt-verifiers.ts'
import type { JwtVerifier, VerificationRules } from './jwt-verifiers.ts'
import { createKeySet } from './key-set.ts'
import type { RevokedTokens } from './revoked-tokens.ts'
import { rememberTokens } from './token-cache.ts'
import type { ActiveToken } from './token-cache.ts'

/** Takes JWT access tokens as bearer tokens. */
export async function createBearerJwtGuard(
  issuer: IssuerConfig,
  telemetry: Telemetry,
  revoked?: RevokedTokens,
): Promise<Guard> {
  return createBearerGuard(await createJwtCheck(issuer, telemetry, revoked))
}

/**
 * Checks JWT access tokens locally (RFC 9068 section 4, RFC 8725) with the keys of the issuer, fetched at
 * once so that no request pays for them. An issuer that does not answer is logged, and every request is
 * then refused until it does.
 */
export async function createJwtCheck(
  issuer: IssuerConfig,
  telemetry: Telemetry,
  revoked?: RevokedTokens,
): Promise<(token: string) => Promise<AccessToken | Refusal>> {
  const keySet = createKeySet(issuer, telemetry)
  // Alone with HS256: the algorithms that are allowed say whether there is one.
  const secret = readSharedSecret(issuer)
  const keyOf: JWTVerifyGetKey = (header, token) => {
    const embedded = embeddedKeyHeaders.find((name) => Object.hasOwn(header, name))
    if (embedded !== undefined) throw new TokenError('embedded_key')
    if (secret !== null) return secret
    return keySet.keyOf(header, token)
  }
  const options = {
    algorithms: [...issuer.algorithms],
    typ: 'at+jwt',
    issuer: issuer.issuer,
    audience: issuer.audience,
    requiredClaims: ['exp', 'iat', 'sub', 'client_id', 'jti'],
    clockTolerance: issuer.clockToleranceSeconds,
  } satisfies VerificationRules

  await keySet.load().catch(() => {
    telemetry.refused('key_set_unavailable', null)
  })
  const verifyByJose: JwtVerifier = async (token) => {
    const { payload } = await jwtVerify(token, keyOf, options)
    return payload
  }
  const verify =
    issuer.verifier === 'jose' ? verifyByJose : await otherVerifier(issuer.verifier, keyOf, options)
  const check = async (token: string): Promise<ActiveToken | Refusal> => {
    try {
      return readClaims(await verify(token), issuer.clockToleranceSeconds)
    } catch (error) {
      return refusalOf(error)
    }
  }
  const { tokenCacheMs: ttlMs, cacheEntries: maxEntries } = issuer
  return rememberTokens({
    check,
    ttlMs,
    telemetry,
    hitCounter: 'tokenCacheHits',
    maxEntries,
    ...(revoked === undefined ? {} : { revoked }),
  })
}

/** Imports only the library that is used: a process holds only what is measured. */
async function otherVerifier(
  name: Exclude<IssuerConfig['verifier'], 'jose'>,
  keyOf: JWTVerifyGetKey,
  rules: VerificationRules,
): Promise<JwtVerifier> {
  switch (name) {
    case 'node':
      return createNodeVerifier(keyOf, rules)
    case 'fast-jwt':
      return (await import('./jwt-verifier-fast-jwt.ts')).createFastJwtVerifier(keyOf, rules)
  }
}

/** What a verifier has left: it verified the signature, the header and the registered claims. */
function readClaims(claims: JWTPayload, clockToleranceSeconds: number): ActiveToken | Refusal {
  const { iat = Infinity, exp = 0, client_id, sub, jti, scope, org_id, cnf } = claims
  const nowSeconds = Math.floor(Date.now() / 1_000)
  if (iat > nowSeconds + clockToleranceSeconds) return invalidToken('issued_in_future')
  if (typeof sub !== 'string' || typeof jti !== 'string') return invalidToken('malformed_claim')
  if (typeof client_id !== 'string') return invalidToken('malformed_claim')
  return {
    token: {
      clientId: client_id,
      scopes: typeof scope === 'string' ? scope.split(' ') : [],
      orgId: typeof org_id === 'string' ? org_id : null,
      confirmation: cnf,
    },
    id: jti,
    expiresAtMs: exp * 1_000,
  }
}

function refusalOf(error: unknown): Refusal {
  if (error instanceof TokenError) return invalidToken(error.reason)
  if (error instanceof errors.JWTClaimValidationFailed) return invalidToken(claimReason(error))
  const reason = error instanceof errors.JOSEError ? tokenReasons.get(error.code) : undefined
  // Anything else is about the key set, not about the token.
  return reason === undefined ? unavailable('key_set_unavailable') : invalidToken(reason)
}

function claimReason({ claim, reason }: errors.JWTClaimValidationFailed): string {
  if (reason === 'missing') return 'missing_claim'
  if (reason === 'invalid') return 'malformed_claim'
  return claimReasons.get(claim) ?? 'malformed_claim'
}

function readSharedSecret({ algorithms, sharedSecretFile }: IssuerConfig): KeyObject | null {
  if (!algorithms.includes('HS256')) return null
  if (algorithms.length > 1)
    throw new StartError(
      'issuer.algorithms: HS256 must be alone, or a public key could pass for its secret',
    )
  const file = required('issuer.sharedSecretFile', sharedSecretFile)
  return createSecretKey(readConfigured('issuer.sharedSecretFile', file))
}

/** RFC 8725 section 3.10: a key that comes with the token proves nothing. */
const embeddedKeyHeaders = ['jwk', 'jku', 'x5c', 'x5u']
/** jose's error codes that are about the token, and the reasons to log. */
const tokenReasons: ReadonlyMap<string, string> = new Map([
  ['ERR_JWT_EXPIRED', 'token_expired'],
  ['ERR_JOSE_ALG_NOT_ALLOWED', 'algorithm_not_allowed'],
  ['ERR_JOSE_NOT_SUPPORTED', 'unknown_critical'],
  ['ERR_JWKS_NO_MATCHING_KEY', 'unknown_key'],
  ['ERR_JWKS_MULTIPLE_MATCHING_KEYS', 'ambiguous_key'],
  ['ERR_JWS_SIGNATURE_VERIFICATION_FAILED', 'bad_signature'],
  ['ERR_JWS_INVALID', 'malformed_token'],
  ['ERR_JWT_INVALID', 'malformed_token'],
])
const claimReasons: ReadonlyMap<string, string> = new Map([
  ['iss', 'wrong_issuer'],
  ['aud', 'wrong_audience'],
  ['typ', 'wrong_type'],
  ['nbf', 'token_not_yet_valid'],
])
