/** Which of many clients were seen, by what was sent of them. */
export interface Witness {
  /** By its place from 0; more than once is no more. */
  saw(client: number): void
  /** Clients that were seen; several of which the very same was sent are one. */
  count(): number
}

/** Has seen nobody yet; `kinds` are what is sent of each client, or stand for it. */
export function createWitness(kinds: readonly string[]): Witness {
  const idOf = idsOf(kinds)
  const seen = new Uint8Array(kinds.length)
  let count = 0
  return {
    saw(client) {
      const id = idOf[client]
      if (id === undefined || seen[id] === 1) return
      seen[id] = 1
      count += 1
    },
    count: () => count,
  }
}

/** Of each the place of the first that is the same. A function of its own, so that no text is kept. */
function idsOf(kinds: readonly string[]): Uint32Array {
  const ids = new Map<string, number>()
  return Uint32Array.from(kinds, (kind, index) => {
    const id = ids.get(kind) ?? index
    ids.set(kind, id)
    return id
  })
}
