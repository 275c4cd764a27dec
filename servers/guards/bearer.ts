import type { AccessToken, Guard, Refusal } from './guard.ts'

/** Makes a guard of a way to check a token: extraction and challenges are the same for every form of token. */
export function createBearerGuard(check: (token: string) => Promise<AccessToken | Refusal>): Guard {
  return async ({ request, caller }) => {
    const bearer = readBearer(request)
    if (typeof bearer !== 'string') return bearer
    const checked = await check(bearer)
    if ('reason' in checked) return checked
    caller.token = checked
    return null
  }
}

/** How a token is presented: its scheme, and what follows it. */
export interface TokenScheme {
  readonly scheme: RegExp
  /** Its first group is the token. */
  readonly credentials: RegExp
}

/** The bearer token of a request (RFC 6750 section 2.1), or why there is none to be had. */
export function readBearer(
  request: {
    readonly rawHeaders: readonly string[]
    readonly url?: string | undefined
  },
  { scheme, credentials }: TokenScheme = bearerScheme,
): string | Refusal {
  const [authorization, ...others] = authorizationHeaders(request.rawHeaders)
  const inQuery = hasQueryToken(request.url ?? '')
  if (others.length > 0) return invalidRequest('two_authorization_headers')
  if (authorization !== undefined && inQuery) return invalidRequest('token_in_header_and_query')
  // Section 3.1: no error code for a request that lacks the one kind of credentials accepted here.
  if (inQuery) return { status: 401, reason: 'token_in_query', challenge: 'Bearer' }
  if (authorization === undefined) return noToken
  if (!scheme.test(authorization)) return noToken
  return credentials.exec(authorization)?.[1] ?? invalidToken('malformed_token')
}

/** Refusal of a token that is malformed, wrong, expired or revoked (RFC 6750 section 3.1). */
export function invalidToken(reason: string): Refusal {
  return { status: 401, reason, challenge: 'Bearer error="invalid_token"' }
}

/** Refusal where the authorization server gave no usable answer: closed, and the client may try again. */
export function unavailable(reason: string): Refusal {
  return { status: 503, reason, retryAfterSeconds: 1 }
}

/** From the raw headers: `headers` silently drops all but the first. */
function authorizationHeaders(rawHeaders: readonly string[]): string[] {
  const values: string[] = []
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]
    if (name?.length !== authorizationLength || name.toLowerCase() !== 'authorization') continue
    values.push(rawHeaders[index + 1] ?? '')
  }
  return values
}

function hasQueryToken(url: string): boolean {
  const query = url.indexOf('?')
  return query !== -1 && new URLSearchParams(url.slice(query + 1)).has('access_token')
}

function invalidRequest(reason: string): Refusal {
  return { status: 400, reason, challenge: 'Bearer error="invalid_request"' }
}

const noToken: Refusal = { status: 401, reason: 'no_token', challenge: 'Bearer' }
const authorizationLength = 'authorization'.length
/** The scheme is case-insensitive (RFC 9110 section 11.1), the rest a b64token of RFC 6750 section 2.1. */
const bearerScheme: TokenScheme = {
  scheme: /^bearer(?: |$)/i,
  credentials: /^bearer +([\w.~+/-]+=*)$/i,
}
