import { renderLive, type LiveView } from '../render/live-html.ts'
import { readRun } from '../store.ts'
import type { LiveOrder, LiveReport } from './messages.ts'
import { startPageServer } from './page-server.ts'
import { lowerPriority } from './priority.ts'

// The process of the live page: away from the bench, so that drawing costs the client nothing, and at the
// lowest priority. It works when it is told that no block runs, and sleeps else.

// First of all: a bench that is killed closes the channel, and must leave no orphan.
process.once('disconnect', () => process.exit(0))
if (!process.connected) process.exit(0)
lowerPriority()

let view: LiveView = {
  checks: [],
  run: null,
  progress: { most: 1, of: '', leftMs: null },
  ended: null,
}
const server = await startPageServer(renderLive(view))
// What is used up to here is neither in a block nor between two.
let markUs = cpuUs()
let inBlock = false
const used = { inBlocksUs: 0, betweenBlocksUs: 0 }
process.on('message', (order: LiveOrder) => {
  try {
    obey(order)
  } catch (error) {
    report({ kind: 'failed', why: error instanceof Error ? error.message : String(error) })
  }
})
report({ kind: 'ready', port: server.port })

function obey(order: LiveOrder): void {
  count()
  switch (order.kind) {
    case 'block-started':
      inBlock = true
      return
    case 'checked':
      view = { ...view, checks: [...view.checks, order.check] }
      // It belongs before the blocks; if one runs, it can wait for the block's end.
      if (!inBlock) server.publish(renderLive(view), 'drawn')
      return
    case 'between-blocks':
      inBlock = false
      view = { ...view, ...saved(order.file), progress: order.progress }
      server.publish(renderLive(view), 'drawn')
      break
    case 'ended':
      inBlock = false
      view = {
        ...view,
        ...saved(order.file),
        progress: order.progress,
        ended: { file: order.file },
      }
      server.publish(renderLive(view), 'ended')
  }
  count()
  report({ kind: 'drawn', ...used })
}

/** Read from the disk rather than sent: the bench would have to write it once more. */
function saved(file: string | null): Pick<LiveView, 'run'> | null {
  return file === null ? null : { run: readRun(file).run }
}

/** Books what was used since the last time. */
function count(): void {
  const nowUs = cpuUs()
  used[inBlock ? 'inBlocksUs' : 'betweenBlocksUs'] += nowUs - markUs
  markUs = nowUs
}

function cpuUs(): number {
  const { user, system } = process.cpuUsage()
  return user + system
}

function report(message: LiveReport): void {
  process.send?.(message)
}
