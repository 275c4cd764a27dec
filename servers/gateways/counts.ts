import { closeSync, openSync, readSync } from 'node:fs'

/** What a product has done since its start, as far as it tells. */
export interface ProductCounts {
  readonly requests: number
  /** By status. */
  readonly responses: Readonly<Record<string, number>>
  readonly handshakesFull: number
  readonly handshakesResumed: number
  readonly handshakesFailed: number
  /** Gauge; null where the product does not tell. */
  readonly connectionsOpen: number | null
  /** By reason, in the product's words. */
  readonly refusals: Readonly<Record<string, number>>
}

/** Adds up what log lines tell. */
export interface Tally {
  readonly request: (status: string) => void
  readonly handshake: (kind: 'full' | 'resumed') => void
  readonly handshakeFailed: () => void
  readonly refused: (reason: string, status: number | null) => void
  readonly counts: (connectionsOpen: number | null) => ProductCounts
}

/** Creates counters; `told` hears of each refusal. */
export function createTally(told: (reason: string, status: number | null) => void): Tally {
  const totals = { requests: 0, handshakesFull: 0, handshakesResumed: 0, handshakesFailed: 0 }
  const responses: Record<string, number> = {}
  const refusals: Record<string, number> = {}
  return {
    request(status) {
      totals.requests += 1
      responses[status] = (responses[status] ?? 0) + 1
    },
    handshake(kind) {
      if (kind === 'full') totals.handshakesFull += 1
      else totals.handshakesResumed += 1
    },
    handshakeFailed() {
      totals.handshakesFailed += 1
    },
    refused(reason, status) {
      refusals[reason] = (refusals[reason] ?? 0) + 1
      told(reason, status)
    },
    counts: (connectionsOpen) => ({
      ...totals,
      responses: { ...responses },
      refusals: { ...refusals },
      connectionsOpen,
    }),
  }
}

/** Reads what has been written to a file since the last time, whole lines only; a missing file is empty. */
export function createTail(file: string): () => string[] {
  let position = 0
  let rest = ''
  return () => {
    const text = readFrom(file, position)
    position += text.length
    const lines = (rest + text).split('\n')
    rest = lines.pop() ?? ''
    return lines
  }
}

/** In Latin-1: a character is a byte, so that lengths are positions. */
function readFrom(file: string, start: number): string {
  const descriptor = openOrNull(file)
  if (descriptor === null) return ''
  const parts: string[] = []
  const buffer = Buffer.alloc(chunkBytes)
  try {
    for (let position = start; ;) {
      const read = readSync(descriptor, buffer, 0, chunkBytes, position)
      if (read === 0) return parts.join('')
      parts.push(buffer.toString('latin1', 0, read))
      position += read
    }
  } finally {
    closeSync(descriptor)
  }
}

function openOrNull(file: string): number | null {
  try {
    return openSync(file, 'r')
  } catch {
    return null
  }
}

const chunkBytes = 65_536
