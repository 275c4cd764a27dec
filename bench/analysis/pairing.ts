import { median } from './stats.ts'

/** Where a value stood in its block. */
export interface Positioned {
  readonly position: number
  readonly value: number
}

/**
 * Median of ln(second/first) over the adjacent pairs of two arms in one block. In the order of the
 * block a slice is paired with the next one of the other arm, each slice once; of several slices of
 * one arm in a row the nearest counts. Where every arm runs once a round, as in ABBA, that is the
 * pair of the round, whatever stands between. Swapping the arms only changes the sign. Null without
 * a pair of positive values.
 */
export function pairedLogRatio(
  first: readonly Positioned[],
  second: readonly Positioned[],
): number | null {
  const ratios = adjacentPairs(first, second).flatMap(([a, b]) =>
    a.value > 0 && b.value > 0 ? [Math.log(b.value / a.value)] : [],
  )
  return ratios.length === 0 ? null : median(ratios)
}

function adjacentPairs(
  first: readonly Positioned[],
  second: readonly Positioned[],
): [Positioned, Positioned][] {
  const ordered = [
    ...first.map((slice) => ({ slice, isFirst: true })),
    ...second.map((slice) => ({ slice, isFirst: false })),
  ].sort((a, b) => a.slice.position - b.slice.position)
  const pairs: [Positioned, Positioned][] = []
  let pending: (typeof ordered)[number] | null = null
  for (const next of ordered) {
    if (pending === null || pending.isFirst === next.isFirst) {
      pending = next
      continue
    }
    pairs.push(pending.isFirst ? [pending.slice, next.slice] : [next.slice, pending.slice])
    pending = null
  }
  return pairs
}
