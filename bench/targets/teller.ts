/** Told of long work as it goes on: what is done, of how much. */
export type Tell = (what: string, done: number, of: number) => void

/** Passes on one word every 2 s at most, and none of what takes no longer. */
export function createTeller(say: Tell, nowMs: () => number = () => performance.now()): Tell {
  let lastMs = nowMs()
  return (what, done, of) => {
    const now = nowMs()
    if (now - lastMs < everyMs) return
    lastMs = now
    say(what, done, of)
  }
}

const everyMs = 2_000
