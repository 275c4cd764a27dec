import type { IssuerConfig } from '../config.ts'
import { readConfigured } from '../process.ts'
import type { Telemetry } from '../telemetry.ts'
import { createBearerGuard, invalidToken, unavailable } from './bearer.ts'
import type { Guard, Refusal } from './guard.ts'
import { createIssuerClient } from './issuer-client.ts'
import type { IssuerAnswer } from './issuer-client.ts'
import type { RevokedTokens } from './revoked-tokens.ts'
import { rememberTokens } from './token-cache.ts'
import type { ActiveToken } from './token-cache.ts'

/** Asks the issuer about each token (RFC 7662), or remembers its answer for `introspectionCacheMs`. */
export function createIntrospectionGuard(
  issuer: IssuerConfig,
  telemetry: Telemetry,
  revoked?: RevokedTokens,
): Guard {
  return createBearerGuard(
    rememberTokens({
      check: createIntrospector(issuer, telemetry),
      ttlMs: issuer.introspectionCacheMs,
      maxEntries: issuer.cacheEntries,
      telemetry,
      hitCounter: 'introspectionCacheHits',
      ...(revoked === undefined ? {} : { revoked }),
    }),
  )
}

/** Reads an introspection answer; refuses closed on anything but a sound `active: true` (RFC 7662 section 2.2). */
export function readAnswer(
  { status, mediaType, body }: IssuerAnswer,
  { issuer, audience }: Pick<IssuerConfig, 'issuer' | 'audience'>,
): ActiveToken | Refusal {
  if (status === 401) return unavailable('introspection_unauthorized')
  // The issuer knows no such form of token: the client's fault, not the issuer's.
  if (status === 400) return invalidToken('token_not_introspectable')
  if (status !== 200) return unavailable('introspection_refused')
  if (mediaType !== 'application/json') return unavailable('introspection_not_json')
  const answer = parseObject(body)
  if (answer === null) return unavailable('introspection_not_json')
  const { active, exp, iss, aud, client_id, scope, org_id, cnf, jti } = answer
  if (active === false) return invalidToken('token_inactive')
  if (active !== true) return unavailable('introspection_malformed')
  if (typeof exp !== 'number') return invalidToken('missing_claim')
  if (exp * 1_000 <= Date.now()) return invalidToken('token_expired')
  if (iss !== issuer) return invalidToken('wrong_issuer')
  if (![aud].flat().includes(audience)) return invalidToken('wrong_audience')
  if (typeof client_id !== 'string') return invalidToken('missing_claim')
  return {
    token: {
      clientId: client_id,
      scopes: typeof scope === 'string' ? scope.split(' ') : [],
      orgId: typeof org_id === 'string' ? org_id : null,
      confirmation: cnf,
    },
    ...(typeof jti === 'string' ? { id: jti } : {}),
    expiresAtMs: exp * 1_000,
  }
}

/** Client authentication with both parts form-encoded first (RFC 6749 section 2.3.1). */
export function basicAuthorization(clientId: string, secret: string): string {
  const credentials = `${formEncode(clientId)}:${formEncode(secret)}`
  return `Basic ${Buffer.from(credentials).toString('base64')}`
}

function createIntrospector(issuer: IssuerConfig, telemetry: Telemetry) {
  const ask = createIssuerClient(issuer.caFile)
  const secret = readConfigured('issuer.clientSecretFile', issuer.clientSecretFile)
  const headers = {
    authorization: basicAuthorization(issuer.clientId, secret.toString('utf8').trim()),
    accept: 'application/json',
    'content-type': 'application/x-www-form-urlencoded',
  }
  return async (token: string): Promise<ActiveToken | Refusal> => {
    telemetry.count('introspectionCalls')
    try {
      const answer = await ask({
        url: issuer.introspectionEndpoint,
        method: 'POST',
        headers,
        body: `token=${formEncode(token)}&token_type_hint=access_token`,
        timeoutMs: issuer.introspectionTimeoutMs,
      })
      return readAnswer(answer, issuer)
    } catch {
      return unavailable('issuer_unavailable')
    }
  }
}

function parseObject(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? { ...value } : null
  } catch {
    return null
  }
}

function formEncode(value: string): string {
  return String(new URLSearchParams([['', value]])).slice(1)
}
