import type { Random } from '../random.ts'
import { signedRankTail } from './distributions.ts'
import {
  criticalRank,
  DEFAULT_LEVEL,
  exclusionError,
  hodgesLehmann,
  intervalAtRank,
  signedRankInterval,
  type Estimate,
} from './stats.ts'

/** One value per block, with the block that each is from. */
export interface Cell {
  readonly blocks: readonly number[]
  readonly values: readonly number[]
}

/**
 * Intervals of several cells that all cover at once at the level. Max-T and not Holm: Holm orders
 * tests but gives no intervals of its own, and the cells share blocks, so that their errors go
 * together, which max-T makes use of and Holm and Bonferroni cannot. The statistic is each cell's
 * signed rank on the scale of its exact p-value, so cells of unequal numbers of blocks stand
 * together; its joint distribution comes from flipping the signs of whole blocks (Westfall, Young
 * 1993), of the residuals about the Hodges-Lehmann estimates: all flips up to 14 blocks, a seeded
 * sample above. Never wider than Bonferroni. `level` of each estimate is the one that the family
 * reaches. Cells with too few blocks for the level are a family apart. Null for a cell without values.
 */
export function simultaneousIntervals(
  cells: readonly Cell[],
  random: Random,
  level: number = DEFAULT_LEVEL,
): (Estimate | null)[] {
  const reaches = ({ values }: Cell) => 2 / 2 ** values.length <= 1 - level
  const judged = cells.filter(({ values }) => values.length > 1)
  const estimates = new Map<Cell, Estimate | null>()
  for (const family of [judged.filter(reaches), judged.filter((cell) => !reaches(cell))]) {
    const intervals = familyIntervals(family, random, level)
    for (const [index, cell] of family.entries()) estimates.set(cell, intervals[index] ?? null)
  }
  return cells.map((cell) => estimates.get(cell) ?? signedRankInterval(cell.values, level))
}

function familyIntervals(
  family: readonly Cell[],
  random: Random,
  level: number,
): (Estimate | null)[] {
  const [only] = family
  if (only === undefined) return []
  if (family.length === 1) return [signedRankInterval(only.values, level)]
  const smallest = smallestErrors(family, random)
  const cut = Math.max(cutAt(smallest, 1 - level), (1 - level) / family.length)
  const ranks = family.map(({ values }) => criticalRank(values.length, cut))
  const errors = family.map(({ values }, index) => exclusionError(values.length, ranks[index] ?? 1))
  const reached = 1 - familyError(smallest, errors)
  return family.map(({ values }, index) => intervalAtRank(values, ranks[index] ?? 1, reached))
}

/** Per flip, the smallest p-value over the cells, ascending. */
function smallestErrors(family: readonly Cell[], random: Random): Float64Array {
  const blocks = [...new Set(family.flatMap(({ blocks }) => blocks))]
  const scorers = family.map((cell) => createScorer(cell, blocks))
  const flips = blocks.length <= LARGEST_ENUMERATED ? 2 ** (blocks.length - 1) : SAMPLED_FLIPS
  const isEnumerated = blocks.length <= LARGEST_ENUMERATED
  const smallest = new Float64Array(flips)
  const signs = new Int8Array(blocks.length)
  for (let flip = 0; flip < flips; flip++) {
    // A flip of every sign mirrors the statistic, so half of all flips, with the last sign fixed, is enough.
    for (let block = 0; block < signs.length; block++) {
      signs[block] = isEnumerated ? (flip >> block) & 1 : random() < 0.5 ? 1 : 0
    }
    smallest[flip] = scorers.reduce((least, score) => Math.min(least, score(signs)), 1)
  }
  return smallest.sort()
}

/** The two-sided p-value of a cell after a flip of signs. */
function createScorer(
  { blocks, values }: Cell,
  allBlocks: readonly number[],
): (signs: Int8Array) => number {
  const centre = hodgesLehmann(values)
  // Equal sizes are ranked in order and a zero counts as positive: the cell's own distribution stays
  // exact, only how it goes with the other cells is blurred a little.
  const members = values
    .map((value, index) => ({ residual: value - centre, block: blocks[index] ?? 0 }))
    .sort((a, b) => Math.abs(a.residual) - Math.abs(b.residual))
  const places = Int32Array.from(members, ({ block }) => allBlocks.indexOf(block))
  const positive = Int8Array.from(members, ({ residual }) => (residual >= 0 ? 1 : 0))
  const total = (members.length * (members.length + 1)) / 2
  const tail = signedRankTail(members.length)
  const errorOf = Float64Array.from({ length: total + 1 }, (_, sum) =>
    Math.min(1, 2 * tail(Math.min(sum, total - sum))),
  )
  return (signs) => {
    let sum = 0
    for (let index = 0; index < places.length; index++) {
      if (signs[places[index] ?? 0] === positive[index]) sum += index + 1
    }
    return errorOf[sum] ?? 1
  }
}

/** The largest p-value that, taken as the limit in every cell, keeps the family's error; 0 if none does. */
function cutAt(smallest: Float64Array, error: number): number {
  const allowed = Math.floor(error * smallest.length)
  const next = smallest[allowed]
  // All flips at the first value that is one too many fall together, so the cut lies before it.
  return smallest.findLast((value) => next === undefined || value < next) ?? 0
}

/** Share of flips in which some interval would miss; between its largest member and the sum of all. */
function familyError(smallest: Float64Array, errors: readonly number[]): number {
  const largest = Math.max(...errors)
  const joint = smallest.filter((value) => value <= largest).length / smallest.length
  const sum = errors.reduce((total, error) => total + error, 0)
  return Math.min(sum, Math.max(joint, largest))
}

/** 8,192 flips: 14 blocks take as long as the sample. */
const LARGEST_ENUMERATED = 14
/** At 1 % the level of a sample this large has a standard error of 0.08 percentage points. */
const SAMPLED_FLIPS = 16_384
