import { shuffle, type Random } from './random.ts'

/** Arms of one case, and how much of them is wanted. */
export interface SliceGroup {
  readonly ids: readonly string[]
  /** Quick arms get several times the slices. */
  readonly repeats: number
}

/**
 * Order of the paired slices in a block, `slices` × `repeats` of each arm. Arms of different cases run in
 * rounds of a random order and its reverse. Where there are arms of one case, these are what is compared,
 * and most finely: each such group has the machine to itself twice in the block and runs as ABBA BAAB, with
 * no slice of another case between them to cool their caches or to let the machine change its pace. A
 * case with one arm then is only a scale, and gets half the slices.
 */
export function sliceOrder(
  groups: readonly SliceGroup[],
  slices: number,
  random: Random,
): string[] {
  return groups.some(({ ids }) => ids.length > 1)
    ? orderByGroup(groups, slices, random)
    : orderByRound(groups, slices, random)
}

function orderByGroup(groups: readonly SliceGroup[], slices: number, random: Random): string[] {
  const order = shuffle(groups, random)
  return [...order, ...order.toReversed()].flatMap(({ ids, repeats }) => {
    const first = shuffle(ids, random)
    // ABBA, then BAAB: each is as often the one that comes after the other, and never thrice in a row.
    return Array.from({ length: (slices * repeats) / slicesInAbba / visits }, (_, turn) => {
      if (ids.length === 1) return ids
      return thereAndBack(turn % 2 === 0 ? first : first.toReversed())
    }).flat()
  })
}

function orderByRound(groups: readonly SliceGroup[], slices: number, random: Random): string[] {
  const turns = groups.flatMap(({ ids, repeats }) =>
    new Array<readonly string[]>(repeats).fill(ids),
  )
  return Array.from({ length: slices / slicesInAbba }, () =>
    thereAndBack(shuffle(turns.flat(), random)),
  ).flat()
}

function thereAndBack(ids: readonly string[]): string[] {
  return [...ids, ...ids.toReversed()]
}

/** Of each arm. */
const slicesInAbba = 2
const visits = 2
