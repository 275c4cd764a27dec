import type { Adapter, AdapterPayload } from 'oidc-provider'
import { epochSeconds, parsePayload, type TokenStore } from './authorization-store-entry.ts'

/** One remembered payload, as JSON: what was put must not change when its owner changes it. */
interface Entry {
  readonly json: string
  /** Null: never. */
  readonly expiresAt: number | null
  consumedAt: number | null
}

/**
 * Keeps everything in this process and forgets nothing before its time; oidc-provider's own memory store
 * drops the oldest after a thousand entries. Gone with the process.
 */
export function openMemoryStore(): TokenStore {
  const models = new Map<string, Map<string, Entry>>()
  return {
    adapter: (model) => {
      const entries = models.get(model) ?? new Map<string, Entry>()
      models.set(model, entries)
      return adapterOf(entries, models)
    },
    close: () => {
      models.clear()
    },
  }
}

function adapterOf(
  entries: Map<string, Entry>,
  models: ReadonlyMap<string, Map<string, Entry>>,
): Adapter {
  const read = (id: string): AdapterPayload | undefined => {
    const entry = entries.get(id)
    if (entry === undefined) return undefined
    const { json, expiresAt, consumedAt } = entry
    if (expiresAt !== null && expiresAt <= epochSeconds()) {
      entries.delete(id)
      return undefined
    }
    const payload = parsePayload(json)
    return consumedAt === null ? payload : { ...payload, consumed: consumedAt }
  }
  // Client credentials never look for these: no index is worth its upkeep.
  const search = (isWanted: (payload: AdapterPayload) => boolean) =>
    Promise.resolve([...entries.keys()].map(read).find((payload) => payload && isWanted(payload)))
  return {
    upsert: (id, payload, expiresIn) => {
      const expiresAt = expiresIn === undefined ? null : epochSeconds() + expiresIn
      entries.set(id, { json: JSON.stringify(payload), expiresAt, consumedAt: null })
      return done
    },
    find: (id) => Promise.resolve(read(id)),
    findByUid: (uid) => search((payload) => payload.uid === uid),
    findByUserCode: (code) => search((payload) => payload.userCode === code),
    consume: (id) => {
      const entry = entries.get(id)
      if (entry !== undefined) entry.consumedAt = epochSeconds()
      return done
    },
    destroy: (id) => {
      entries.delete(id)
      return done
    },
    revokeByGrantId: (grantId) => {
      for (const own of models.values()) {
        for (const [id, { json }] of own) if (parsePayload(json).grantId === grantId) own.delete(id)
      }
      return done
    },
  }
}

const done = Promise.resolve()
