import { readdirSync } from 'node:fs'
import { setPriority } from 'node:os'

/** Gives this process, with all its threads, the lowest priority; best effort. */
export function lowerPriority(): void {
  for (const thread of threads()) {
    try {
      setPriority(thread, lowest)
    } catch {
      // A thread that has ended meanwhile, or a platform that refuses: it is a courtesy.
    }
  }
}

/** Linux keeps a priority for each thread, and those of V8 are there before any script. */
function threads(): number[] {
  try {
    return readdirSync('/proc/self/task').map(Number)
  } catch {
    return [process.pid]
  }
}

const lowest = 19
