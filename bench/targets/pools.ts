import type { TargetConnections } from './closed.ts'

/** Pools of connections to one target, one for each number of connections that is asked for. */
export interface TargetPools {
  /** Opens it when first asked for; rejects as opening does. */
  of(connections: number): Promise<TargetConnections>
  close(): void
}

/** No pool yet; none of more than so many connections. */
export function createPools(
  open: (connections: number) => Promise<TargetConnections>,
  most: number,
): TargetPools {
  const pools = new Map<number, TargetConnections>()
  return {
    async of(connections) {
      const count = Math.min(connections, most)
      const pool = pools.get(count) ?? (await open(count))
      pools.set(count, pool)
      return pool
    },
    close() {
      for (const pool of pools.values()) pool[Symbol.dispose]()
    },
  }
}
