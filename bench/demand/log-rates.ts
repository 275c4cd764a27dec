/** Rates of a stream of requests, from the second that each came in. */
export interface Rates {
  /** Highest rate of any second, and of any ten in a row, in requests per second. */
  readonly peak1PerSecond: number
  readonly peak10PerSecond: number
  readonly meanPerSecond: number
  /** Variance over mean of the counts of seconds (Cox and Lewis 1966): 1 is what independent users make. */
  readonly dispersion: number
  /** From the first second to the last, empty ones among them. */
  readonly seconds: number
  /** Requests too far behind others to be placed; they are in no rate. */
  readonly late: number
}

/** Counts requests by the second, in memory that does not grow. */
export interface RateMeter {
  add(second: number): void
  finish(): Rates
}

/**
 * A meter for lines in about the order of their times: a log is written when a request ends, so that long
 * ones are behind. A quarter of an hour is kept open; what comes later than that is counted as late.
 */
export function createRateMeter(keepSeconds = 900): RateMeter {
  const counts = new Float64Array(keepSeconds)
  const totals = createTotals()
  let oldest = 0
  let newest = -1
  let isEmpty = true
  let late = 0
  const place = (second: number) => second % keepSeconds
  const close = (upTo: number) => {
    for (; oldest <= upTo; oldest++) {
      totals.add(counts[place(oldest)] ?? 0)
      counts[place(oldest)] = 0
    }
  }
  const advance = (second: number) => {
    close(Math.min(newest, second - keepSeconds))
    // A gap longer than what is open: nothing came in it.
    if (oldest <= second - keepSeconds) {
      totals.addEmpty(second - keepSeconds + 1 - oldest)
      oldest = second - keepSeconds + 1
    }
    newest = second
  }
  return {
    add(second) {
      if (isEmpty) {
        isEmpty = false
        oldest = second
        newest = second
      }
      if (second > newest) advance(second)
      // The first lines of a log may be a little behind each other too.
      if (second < oldest && totals.seconds() === 0 && newest - second < keepSeconds)
        oldest = second
      if (second < oldest) late += 1
      else counts[place(second)] = (counts[place(second)] ?? 0) + 1
    },
    finish() {
      close(newest)
      return { ...totals.read(), late }
    },
  }
}

/** Sums over seconds that are closed, in their order. */
function createTotals() {
  const window = new Float64Array(windowSeconds)
  let seconds = 0
  let sum = 0
  let squares = 0
  let inWindow = 0
  let peak1 = 0
  let peak10 = 0
  const add = (count: number) => {
    const slot = seconds % windowSeconds
    inWindow += count - (window[slot] ?? 0)
    window[slot] = count
    seconds += 1
    sum += count
    squares += count * count
    peak1 = Math.max(peak1, count)
    if (seconds >= windowSeconds) peak10 = Math.max(peak10, inWindow / windowSeconds)
  }
  return {
    add,
    addEmpty(gap: number) {
      for (let second = 0; second < Math.min(gap, windowSeconds); second++) add(0)
      seconds += Math.max(0, gap - windowSeconds)
    },
    seconds: () => seconds,
    read(): Omit<Rates, 'late'> {
      const mean = seconds === 0 ? 0 : sum / seconds
      const variance = seconds < 2 ? 0 : (squares - seconds * mean * mean) / (seconds - 1)
      return {
        peak1PerSecond: peak1,
        // A log that is shorter has no ten seconds but itself.
        peak10PerSecond: seconds < windowSeconds ? mean : peak10,
        meanPerSecond: mean,
        dispersion: mean === 0 ? 0 : Math.max(0, variance) / mean,
        seconds,
      }
    },
  }
}

const windowSeconds = 10
