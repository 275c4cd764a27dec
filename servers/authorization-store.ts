import type { Adapter, AdapterPayload } from 'oidc-provider'
import type { AuthorizationConfig } from './config.ts'
import { readConfigured } from './process.ts'

/** What the authorization server remembers: opaque tokens, used client assertions and proofs. */
export interface TokenStore {
  /** The store as oidc-provider sees it, one adapter per model. */
  readonly adapter: (model: string) => Adapter
  /** Also removes what was put into a database that others use too. */
  readonly close: () => void | Promise<void>
}

/** Opens the store that the configuration names; throws a StartError when it cannot be used. */
export async function openTokenStore({
  store,
  storePasswordFile,
  databaseFile,
}: Pick<AuthorizationConfig, 'store' | 'storePasswordFile' | 'databaseFile'>): Promise<TokenStore> {
  const password =
    storePasswordFile === null
      ? undefined
      : readConfigured('storePasswordFile', storePasswordFile).toString('utf8').trim()
  // Only the driver that is used: a process holds only what is measured.
  if (store === 'memory') return (await import('./authorization-store-memory.ts')).openMemoryStore()
  if (store.startsWith('redis:'))
    return (await import('./authorization-store-redis.ts')).openRedisStore(store, password)
  if (store.startsWith('postgres:'))
    return (await import('./authorization-store-postgres.ts')).openPostgresStore(store, password)
  return (await import('./authorization-store-sqlite.ts')).openSqliteStore(databaseFile)
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
