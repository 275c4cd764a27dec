import type { IncomingMessage } from 'node:http'

/** OAuth scopes of the payments API. */
export type Scope = 'payments:read' | 'payments:write' | 'admin:manage'

/** Why a request is refused: its HTTP status, and the reason for the log, never for the client. */
export interface Refusal {
  readonly status: 400 | 401 | 403 | 503
  readonly reason: string
  /** Value of `WWW-Authenticate`. */
  readonly challenge?: string
  readonly retryAfterSeconds?: number
}

/** Whom a client certificate names. */
export interface ClientIdentity {
  /** URI subject alternative name. */
  readonly uri: string
  readonly orgId: string
  /** base64url SHA-256 of the DER certificate (RFC 8705 section 3.1). */
  readonly thumbprint: string
}

/** What an access token says, whatever its form. */
export interface AccessToken {
  readonly clientId: string
  readonly scopes: readonly string[]
  /** Null where the token names no tenant. */
  readonly orgId: string | null
  /** The `cnf` claim as it came (RFC 7800); undefined for a bearer token. */
  readonly confirmation: unknown
}

/** One request before its guards: what it brings, what its route requires, who the caller turns out to be. */
export interface Exchange {
  readonly request: IncomingMessage
  readonly requires: { readonly scope: Scope; readonly orgId: string }
  /** Filled by the guards in their order. */
  readonly caller: { certificate: ClientIdentity | null; token: AccessToken | null }
}

/** One credential check in front of a handler: null lets the request pass to the next. */
export type Guard = (exchange: Exchange) => Refusal | null | Promise<Refusal | null>

/**
 * Asks the guards in their order and stops at the first refusal. Stays synchronous while they are, so a
 * guard that only compares costs no turn of the event loop. A guard that throws refuses: closed, 503.
 */
export function admit(
  guards: readonly Guard[],
  exchange: Exchange,
): Refusal | null | Promise<Refusal | null> {
  for (const [index, guard] of guards.entries()) {
    const verdict = ask(guard, exchange)
    if (verdict instanceof Promise) {
      const rest = guards.slice(index + 1)
      return verdict
        .catch(() => guardFailed)
        .then((refusal) => (refusal === null ? admit(rest, exchange) : refusal))
    }
    if (verdict !== null) return verdict
  }
  return null
}

function ask(guard: Guard, exchange: Exchange): Refusal | null | Promise<Refusal | null> {
  try {
    return guard(exchange)
  } catch {
    return guardFailed
  }
}

const guardFailed: Refusal = { status: 503, reason: 'guard_failed', retryAfterSeconds: 1 }
