/**
 * Works through so many things in order, no more than `atOnce` at a time; rejects with the first failure, after
 * which no other is begun.
 */
export async function inParallel(
  count: number,
  atOnce: number,
  work: (index: number) => Promise<void>,
): Promise<void> {
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < count) {
      const index = next
      next += 1
      await work(index).catch((error: unknown) => {
        next = count
        throw error
      })
    }
  }
  await Promise.all(Array.from({ length: Math.min(atOnce, count) }, worker))
}

/** Lets no more than so many pieces of work go on at a time; the others wait in order. */
export function createLimit(atOnce: number): <T>(work: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = []
  let busy = 0
  return async (work) => {
    if (busy === atOnce) await new Promise<void>((resolve) => waiting.push(resolve))
    else busy += 1
    try {
      return await work()
    } finally {
      const next = waiting.shift()
      // A place is handed on: it is free only where nobody waits.
      if (next === undefined) busy -= 1
      else next()
    }
  }
}
