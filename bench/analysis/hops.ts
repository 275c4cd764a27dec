import { decodeHistogram, percentileUs } from '../load/histogram.ts'
import type { Block, HopRefusals, Slice } from '../results.ts'
import { signedRankInterval, type Estimate } from './stats.ts'

/** What one hop of a case costs, and what it would still catch. */
export interface HopFigures {
  readonly hop: string
  /** Of all threads of its process. */
  readonly cpuUsPerRequest: Estimate | null
  /**
   * In its process without waiting for the next hop, at the case's connections. Until its thread comes to
   * read the next hop's answer counts as that hop's; all other waits for the thread are in it.
   */
  readonly ownP50Us: Estimate | null
  /** In its process, with all that is behind it. */
  readonly wholeP50Us: Estimate | null
  /** As `ownP50Us`, at one connection: no request waits for another. */
  readonly singleOwnP50Us: Estimate | null
  /** With all before it in the hands of an attacker; null for the first, which has none before it. */
  readonly bypassed: Pick<HopRefusals, 'holds' | 'tried' | 'refused'> | null
}

/** Figures of the hops of one arm, from the client's side; empty where it is one server. */
export function hopFigures(
  blocks: readonly Block[],
  {
    arm,
    connections,
    level,
  }: { readonly arm: string; readonly connections: number; readonly level: number },
  bypassed: readonly HopRefusals[],
): HopFigures[] {
  const slicesOf = (block: Block) =>
    block.slices.filter(
      (slice) => slice.arm === arm && slice.load === 'duet' && slice.connections === connections,
    )
  const names = blocks.flatMap(slicesOf).find(({ hops }) => hops !== undefined)?.hops ?? []
  const overBlocks = (valueOf: (block: Block) => number | null) =>
    signedRankInterval(
      blocks.map(valueOf).filter((value) => value !== null),
      level,
    )
  return names.map(({ hop }) => {
    const found = bypassed.find((one) => one.hop === hop)
    const p50 = (span: 'own' | 'whole', at: number) =>
      overBlocks((block) => spanP50(block, { arm, hop, connections: at }, span))
    return {
      hop,
      cpuUsPerRequest: overBlocks((block) => cpuOf(slicesOf(block), hop)),
      ownP50Us: p50('own', connections),
      wholeP50Us: p50('whole', connections),
      singleOwnP50Us: p50('own', 1),
      bypassed:
        found === undefined
          ? null
          : { holds: found.holds, tried: found.tried, refused: found.refused },
    }
  })
}

function cpuOf(slices: readonly Slice[], hop: string): number | null {
  const requests = slices.reduce((sum, slice) => sum + slice.requests, 0)
  if (requests === 0) return null
  const shares = slices.map(({ hops }) => hops?.find((one) => one.hop === hop)?.cpuUs ?? null)
  // A sum of some slices would pass for all.
  if (shares.includes(null)) return null
  return shares.reduce<number>((sum, share) => sum + (share ?? 0), 0) / requests
}

function spanP50(
  { spans = [] }: Block,
  at: { readonly arm: string; readonly hop: string; readonly connections: number },
  span: 'own' | 'whole',
): number | null {
  const found = spans.find(
    ({ arm, hop, connections }) =>
      arm === at.arm && hop === at.hop && connections === at.connections,
  )
  return found === undefined ? null : percentileUs(decodeHistogram(found[span]), 50)
}
