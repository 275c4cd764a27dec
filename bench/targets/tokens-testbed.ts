import type { TokenWorld } from './tokens.ts'

/** A world whose time passes when it is told to. */
export function createTokenWorld(random = 0): TokenWorld & { advance(ms: number): Promise<void> } {
  let nowMs = 1_000
  let timers: { atMs: number; then: () => void }[] = []
  return {
    nowMs: () => nowMs,
    random: () => random,
    after(delayMs, then) {
      const timer = { atMs: nowMs + delayMs, then }
      timers.push(timer)
      return () => {
        timers = timers.filter((one) => one !== timer)
      }
    },
    async advance(ms) {
      const endMs = nowMs + ms
      for (;;) {
        await settle()
        const [next] = timers.filter(({ atMs }) => atMs <= endMs).sort((a, b) => a.atMs - b.atMs)
        if (next === undefined) break
        timers = timers.filter((one) => one !== next)
        nowMs = Math.max(nowMs, next.atMs)
        next.then()
      }
      nowMs = endMs
    },
  }
}

/** Lets what was promised come about. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve()
}
