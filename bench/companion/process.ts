import type { CompanionCpu, CompanionOrder, CompanionReport } from './messages.ts'
import { lowerPriority } from './priority.ts'

// What every companion does in its own process: it lives no longer than the bench, has the lowest priority,
// and books its CPU to blocks and to the time between them.

/** Called first of all: a bench that is killed closes the channel, and must leave no orphan. */
export function leaveWithBench(): void {
  process.once('disconnect', () => process.exit(0))
  if (!process.connected) process.exit(0)
  lowerPriority()
}

/** What a companion says when it is ready, and how it obeys. */
export interface Duty<Order, Answer, Ready> {
  readonly ready: Ready
  readonly obey: (order: Order) => Answer | Promise<Answer>
}

/** Says that it is ready, and answers orders; an order that throws is told to the bench as the end of all. */
export function accompany<Order, Answer, Ready>({ ready, obey }: Duty<Order, Answer, Ready>): void {
  const report = (message: CompanionReport<Answer, Ready>) => {
    process.send?.(message)
  }
  process.on('message', ({ id, order }: CompanionOrder<Order>) => {
    void (async () => {
      try {
        const answer = await obey(order)
        if (id !== null) report({ kind: 'answer', id, answer })
      } catch (error) {
        report({ kind: 'failed', why: error instanceof Error ? error.message : String(error) })
      }
    })()
  })
  report({ kind: 'ready', ready })
}

/** CPU of this process, all threads, by whether a block runs. */
export interface CpuBook {
  readonly blockRuns: (runs: boolean) => void
  readonly read: () => CompanionCpu
}

/** A book that begins now, between blocks: what was used before is in neither. */
export function createCpuBook(): CpuBook {
  let markUs = cpuUs()
  let inBlock = false
  const used = { inBlocksUs: 0, betweenBlocksUs: 0 }
  const book = () => {
    const nowUs = cpuUs()
    used[inBlock ? 'inBlocksUs' : 'betweenBlocksUs'] += nowUs - markUs
    markUs = nowUs
  }
  return {
    blockRuns(runs) {
      book()
      inBlock = runs
    },
    read() {
      book()
      return { ...used }
    },
  }
}

function cpuUs(): number {
  const { user, system } = process.cpuUsage()
  return user + system
}
