import type { TokenStore } from './authorization-store-entry.ts'
import type { AuthorizationConfig } from './config.ts'
import { readConfigured } from './process.ts'

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
