import { hash } from 'node:crypto'

/** Whether something that may be used once was used before; `full` when that can no longer be told. */
export type ReplayStore = (key: string) => 'first' | 'replayed' | 'full'

/**
 * Remembers keys for `ttlMs`, hashed, so that each takes the same room however long it is. At `maxEntries`
 * it takes no more instead of forgetting what could then be replayed: whoever asks must refuse.
 */
export function createReplayStore({
  ttlMs,
  maxEntries = defaultMaxEntries,
}: {
  readonly ttlMs: number
  readonly maxEntries?: number
}): ReplayStore {
  // A Map keeps the order of insertion, which is that of expiry.
  const expiresAtMs = new Map<string, number>()
  return (key) => {
    const nowMs = Date.now()
    for (const [oldest, untilMs] of expiresAtMs) {
      if (untilMs > nowMs) break
      expiresAtMs.delete(oldest)
    }
    const digest = hash('sha256', key, 'base64url')
    if (expiresAtMs.has(digest)) return 'replayed'
    if (expiresAtMs.size >= maxEntries) return 'full'
    expiresAtMs.set(digest, nowMs + ttlMs)
    return 'first'
  }
}

/** Some 120 MB, and 15,000 proofs a second over the minute that they live. */
const defaultMaxEntries = 1_000_000
