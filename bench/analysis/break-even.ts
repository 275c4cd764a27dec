import type { Block } from '../results.ts'
import { cellsOf, costs, usesOf, type PlacedCell } from './churn.ts'
import { inBoth } from './reading.ts'
import { signedRankInterval } from './stats.ts'

/** From how many requests per connection on one arm costs less server CPU than another. */
export interface BreakEven {
  /** Cheaper above, since its connections cost more and its requests less. */
  readonly cheaperAbove: string
  readonly cheaperBelow: string
  readonly policy: 'full' | 'resumed'
  readonly requestsPerConnection: number
  readonly low: number
  readonly high: number
  readonly level: number
  readonly blocks: number
}

/**
 * Where the costs of two arms cross, over requests per connection. Per block the difference of their CPU
 * per request is a broken line through the measured points, straight in 1/n: a connection that costs h
 * adds h/n to each of its n requests. The estimate is where its Hodges-Lehmann estimate over blocks is 0,
 * the interval holds every n at which its signed-rank interval contains 0 (Fieller 1954 for the principle:
 * the test is inverted at each point). Pairs whose costs are not proved to differ at both ends, in opposite
 * directions, have none.
 */
export function breakEvens(
  blocks: readonly Block[],
  arms: readonly string[],
  { level }: { readonly level: number },
): BreakEven[] {
  const cells = cellsOf(blocks)
  return pairs(arms).flatMap(([one, other]) =>
    crossingPolicies.flatMap((policy) => {
      const lines = differences(cells, policy, one, other)
      const crossing = lines === null ? null : crossingOf(lines, level)
      if (crossing === null) return []
      const { oneIsCheaperAbove, ...found } = crossing
      const [cheaperAbove, cheaperBelow] = oneIsCheaperAbove ? [one, other] : [other, one]
      return [{ cheaperAbove, cheaperBelow, policy, ...found }]
    }),
  )
}

/** The difference of one block: its values at the places x = 1/n, which are the same in all blocks. */
interface Differences {
  /** Ascending, from 0, where connections stay, or from the largest n. */
  readonly places: readonly number[]
  /** One list a block. */
  readonly values: readonly (readonly number[])[]
}

function differences(
  cells: readonly PlacedCell[],
  policy: BreakEven['policy'],
  one: string,
  other: string,
): Differences | null {
  const [own, others] = [one, other].map((arm) => cells.filter((cell) => cell.arm === arm))
  if (own === undefined || others === undefined) return null
  const uses = usesOf(own).filter(
    (use) => use.clients === undefined && (use.policy === policy || use.policy === 'keep-alive'),
  )
  const points = uses
    .map((use) => ({
      place: use.requestsPerConnection === null ? 0 : 1 / use.requestsPerConnection,
      blocks: new Map(
        inBoth(costs(own, use), costs(others, use)).map(({ block, first, second }) => [
          block,
          first - second,
        ]),
      ),
    }))
    .sort((a, b) => a.place - b.place)
  if (points.length < 2) return null
  const everywhere = [...(points[0]?.blocks.keys() ?? [])].filter((block) =>
    points.every(({ blocks }) => blocks.has(block)),
  )
  return {
    places: points.map(({ place }) => place),
    values: everywhere.map((block) => points.map(({ blocks }) => blocks.get(block) ?? Number.NaN)),
  }
}

function crossingOf({ places, values }: Differences, level: number) {
  const grid = gridOver(places[0] ?? 0, places.at(-1) ?? 1)
  const bands = grid.map((place) => {
    const interval = signedRankInterval(
      values.map((line) => valueAt(place, places, line)),
      level,
    )
    return { place, interval }
  })
  const first = bands.find(({ interval }) => interval !== null)?.interval
  const [atMany, atFew] = [bands[0]?.interval, bands.at(-1)?.interval]
  if (first == null || atMany == null || atFew == null) return null
  if (Math.sign(atMany.estimate) === Math.sign(atFew.estimate)) return null
  const side = Math.sign(atFew.estimate)
  const place = bands.find(({ interval }) => Math.sign(interval?.estimate ?? 0) === side)?.place
  if (place === undefined) return null
  const doubtful = bands.filter(
    ({ interval }) =>
      interval?.low != null && interval.high !== null && interval.low <= 0 && interval.high >= 0,
  )
  // None is in doubt where blocks do not scatter: the crossing lies between two places.
  const [least, most] = [doubtful[0]?.place ?? place, doubtful.at(-1)?.place ?? place]
  const [fewest, largest] = [grid.at(-1) ?? 1, grid[0] ?? 0]
  // Doubtful up to an end, the costs may not cross at all: two equal ones always do somewhere, by noise.
  if (first.level === null || most >= fewest || least <= largest) return null
  return {
    // Where the first needs more at few requests per connection, it needs less at many.
    oneIsCheaperAbove: side > 0,
    requestsPerConnection: 1 / place,
    low: 1 / most,
    high: 1 / least,
    level: first.level,
    blocks: values.length,
  }
}

/** Linear in x between the measured places. */
function valueAt(x: number, places: readonly number[], line: readonly number[]): number {
  const above = places.findIndex((place) => place >= x)
  const upper = above < 0 ? places.length - 1 : Math.max(1, above)
  const [from, to] = [places[upper - 1] ?? 0, places[upper] ?? 1]
  const [start, end] = [line[upper - 1] ?? Number.NaN, line[upper] ?? Number.NaN]
  return start + ((x - from) / (to - from)) * (end - start)
}

/** Places to look at, even in the logarithm of n, and the very ends. */
function gridOver(from: number, to: number): number[] {
  const least = from > 0 ? from : to / mostRequests
  const steps = Math.ceil(Math.log(to / least) / Math.log(gridRatio))
  const inner = Array.from(
    { length: steps + 1 },
    (_, step) => least * (to / least) ** (step / steps),
  )
  return from > 0 ? inner : [0, ...inner]
}

function pairs(arms: readonly string[]): [string, string][] {
  return arms.flatMap((one, index) =>
    arms.slice(index + 1).map((other): [string, string] => [one, other]),
  )
}

const crossingPolicies = ['full', 'resumed'] as const
/** Half of this is the error of a break-even: far below its interval. */
const gridRatio = 1.01
/** Between so many times the fewest requests per connection and connections that stay nothing is told apart. */
const mostRequests = 1_000
