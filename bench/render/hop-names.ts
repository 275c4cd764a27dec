import type { HopFigures } from '../analysis/hops.ts'

/** From the client on: what is farther from the last hop in any case comes first. */
export function hopNames(rows: readonly { readonly hops: readonly HopFigures[] }[]): string[] {
  const farthest = new Map<string, number>()
  for (const { hops } of rows)
    for (const [index, { hop }] of hops.entries())
      farthest.set(hop, Math.max(farthest.get(hop) ?? 0, hops.length - index))
  return [...farthest].sort(([, a], [, b]) => b - a).map(([name]) => name)
}
