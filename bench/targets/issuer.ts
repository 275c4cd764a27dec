import { createGrants, issuerClientOf, placeOf, requestOf } from './issuer-grant.ts'
import type { ClientIdentity } from './credentials.ts'
import { createAgent, trustOf } from './issuer-trust.ts'
import type { RequestSettings } from './settings.ts'
import type { FetchedToken } from './tokens.ts'

/** Fetches access tokens by client credentials (RFC 6749 section 4.4). */
export interface TokenIssuer extends AsyncDisposable {
  /** Rejects with one line about what was wrong, that repeats no secret. */
  fetch(client: number): Promise<FetchedToken>
}

/** The issuer of the settings, for their one client; throws usage errors, and asks nothing of it yet. */
export async function createIssuer(
  settings: RequestSettings,
  identity: ClientIdentity | null,
  timeoutMs: number,
): Promise<TokenIssuer> {
  const place = placeOf(settings)
  const client = await issuerClientOf(settings, identity)
  const agent = createAgent(trustOf(settings), identity)
  const request = requestOf(settings)
  const grants = createGrants({ place, client, agent, request, timeoutMs, server: null })
  return {
    fetch: () => grants.fetch(),
    // Not `close`, which would wait for a fetch under way.
    [Symbol.asyncDispose]: () => agent.destroy(),
  }
}
