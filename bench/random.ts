/** A seeded source of numbers in [0, 1): the same seed gives the same run. */
export type Random = () => number

/** mulberry32: small, and good enough for shuffling; nothing secret comes from it. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** A new array in random order (Fisher and Yates). */
export function shuffle<T>(items: readonly T[], random: Random): T[] {
  const shuffled = [...items]
  for (let last = shuffled.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1))
    const item = shuffled[last]
    const swap = shuffled[other]
    if (item === undefined || swap === undefined) continue
    shuffled[last] = swap
    shuffled[other] = item
  }
  return shuffled
}
