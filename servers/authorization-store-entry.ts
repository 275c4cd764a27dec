import type { Adapter, AdapterPayload } from 'oidc-provider'

/** What the authorization server remembers: opaque tokens, used client assertions and proofs. */
export interface TokenStore {
  /** The store as oidc-provider sees it, one adapter per model. */
  readonly adapter: (model: string) => Adapter
  /** Also removes what was put into a database that others use too. */
  readonly close: () => void | Promise<void>
}

/** A payload as it was put; throws on anything else, which would be a fault of the store. */
export function parsePayload(json: string): AdapterPayload {
  const payload: unknown = JSON.parse(json)
  if (typeof payload !== 'object' || payload === null)
    throw new Error('the token store holds a payload that is no object')
  return payload as AdapterPayload
}

/** Now, as JWTs count time. */
export function epochSeconds(): number {
  return Math.floor(Date.now() / 1_000)
}

/** Message of an error; a refused connection has it in its parts. */
export function reasonOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(reasonOf).join(', ')
  return error instanceof Error ? error.message : String(error)
}
