import { createHash } from 'node:crypto'

/** Which of many clients were seen, by what was sent of them. */
export interface Witness {
  /** By its place from 0; more than once is no more. */
  saw(client: number): void
  /** Clients that were seen; several of which the very same was sent are one. */
  count(): number
  /**
   * A mark of each that is counted: the first 8 bytes of the SHA-256 of what was sent, which tells it from what
   * other processes have sent, and nothing else.
   */
  marks(): Buffer
}

/** Has seen nobody yet; `kinds` are what is sent of each client, or stand for it. */
export function createWitness(kinds: readonly string[]): Witness {
  const known = marksOf(kinds)
  const idOf = idsOf(known)
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
    marks() {
      const marks = Buffer.alloc(count * markBytes)
      let next = 0
      for (const [id, isSeen] of seen.entries()) {
        if (isSeen === 0) continue
        marks.writeBigUInt64BE(known[id] ?? 0n, next)
        next += markBytes
      }
      return marks
    },
  }
}

/** How many different ones there are in several lists of marks. */
export function countMarks(lists: readonly Buffer[]): number {
  const different = new Set<bigint>()
  for (const marks of lists) {
    for (let next = 0; next + markBytes <= marks.length; next += markBytes)
      different.add(marks.readBigUInt64BE(next))
  }
  return different.size
}

/** A function of its own, so that no text is kept. */
function marksOf(kinds: readonly string[]): BigUint64Array {
  return BigUint64Array.from(kinds, (kind) =>
    createHash('sha256').update(kind).digest().readBigUInt64BE(),
  )
}

/** Of each the place of the first that is the same. */
function idsOf(marks: BigUint64Array): Uint32Array {
  const ids = new Map<bigint, number>()
  return Uint32Array.from(marks, (_, index) => {
    const mark = marks[index] ?? 0n
    const id = ids.get(mark) ?? index
    ids.set(mark, id)
    return id
  })
}

const markBytes = 8
