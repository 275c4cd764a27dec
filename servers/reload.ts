import type { ClientTrust, Reload, TlsConfig } from './config.ts'
import { createDrain } from './draining.ts'
import type { Service } from './process.ts'
import { reloadTrust, tlsOptions } from './trust.ts'

/** What a resource server has that changes while it serves. */
export interface Reloadable {
  readonly tls: TlsConfig
  /** Null where it asks for no client certificates. */
  readonly clients: ClientTrust | null
  /** Live connections at a change of client trust; default: they are kept. */
  readonly drainMs?: number | null
  /** The guards' part of changed client trust; `recheck`: also for connections that are open. */
  readonly takeClients?: (clients: ClientTrust, recheck: boolean) => void
  /** Absent where it checks no tokens. */
  readonly takeRevokedTokens?: (ids: readonly string[]) => void
}

/**
 * Lets a server take over changed certificates, trust and revocations without a restart. Everything is read
 * before anything changes; what the server has no use for is refused, so that nobody believes it done.
 */
export function withReload(service: Service, reloadable: Reloadable): Service {
  const { drainMs = null, takeClients, takeRevokedTokens } = reloadable
  const drain = drainMs === null ? null : createDrain(service.server, drainMs)
  let { tls, clients } = reloadable
  return {
    ...service,
    reload(changes: Reload) {
      assertUseful(changes, reloadable)
      if (changes.tls !== undefined || changes.clients !== undefined) {
        const options = tlsOptions(changes.tls ?? tls, changes.clients ?? clients)
        if (changes.clients !== undefined) takeClients?.(changes.clients, drain !== null)
        reloadTrust(service.server, options)
        tls = changes.tls ?? tls
        clients = changes.clients ?? clients
      }
      if (changes.revokedTokens !== undefined) takeRevokedTokens?.(changes.revokedTokens)
      if (changes.clients !== undefined) drain?.()
    },
  }
}

function assertUseful(
  { clients, registry, revokedTokens }: Reload,
  { clients: known, takeRevokedTokens }: Reloadable,
): void {
  if (clients !== undefined && known === null)
    throw new Error('reload: this server trusts no certificates')
  if (revokedTokens !== undefined && takeRevokedTokens === undefined)
    throw new Error('reload: this server checks no tokens')
  if (registry !== undefined) throw new Error('reload: this server issues no tokens')
}
