/** Keeps requests from coming faster than a rate, over all connections and targets that share it. */
export interface Pace {
  /** Resolves when the next request may be sent; null: it may be at once. */
  turn(): Promise<void> | null
}

/** A clock and its timers, so that tests need not wait. */
export interface PaceClock {
  readonly nowMs: () => number
  readonly after: (delayMs: number, then: () => void) => void
}

/**
 * A pace of so many requests a second. Timers are late, so that up to `slackMs` of turns nobody took may be
 * made up for: in any t seconds at most rate × (t + slack) requests begin.
 */
export function createPace(ratePerSecond: number, clock: PaceClock = realClock): Pace {
  const gapMs = msPerSecond / ratePerSecond
  let nextMs = -Infinity
  return {
    turn() {
      const nowMs = clock.nowMs()
      const dueMs = Math.max(nextMs, nowMs - slackMs)
      nextMs = dueMs + gapMs
      if (dueMs <= nowMs) return null
      return new Promise((resolve) => {
        clock.after(dueMs - nowMs, resolve)
      })
    },
  }
}

const realClock: PaceClock = {
  nowMs: () => performance.now(),
  after: (delayMs, then) => {
    setTimeout(then, delayMs)
  },
}
const msPerSecond = 1_000
/** A few ticks of Node's timers. */
const slackMs = 5
