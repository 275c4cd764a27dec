import type { CompanionCpu } from '../companion/messages.ts'
import { accompany, createCpuBook, leaveWithBench } from '../companion/process.ts'
import { renderLive, type LiveView } from '../render/live-html.ts'
import { readRun } from '../store.ts'
import type { LiveOrder } from './messages.ts'
import { startPageServer } from './page-server.ts'

// The process of the live page: away from the bench, so that drawing costs the client nothing, and at the
// lowest priority. It works when it is told that no block runs, and sleeps else.

leaveWithBench()

let view: LiveView = {
  checks: [],
  run: null,
  progress: { most: 1, of: '', leftMs: null },
  ended: null,
}
const server = await startPageServer(renderLive(view))
const cpu = createCpuBook()
let inBlock = false
accompany({
  ready: { port: server.port },
  obey(order: LiveOrder): CompanionCpu {
    inBlock = order.kind === 'checked' ? inBlock : order.kind === 'block-started'
    cpu.blockRuns(inBlock)
    draw(order)
    return cpu.read()
  },
})

function draw(order: LiveOrder): void {
  switch (order.kind) {
    case 'block-started':
      return
    case 'checked':
      view = { ...view, checks: [...view.checks, order.check] }
      // It belongs before the blocks; if one runs, it can wait for the block's end.
      if (!inBlock) server.publish(renderLive(view), 'drawn')
      return
    case 'between-blocks':
      view = { ...view, ...saved(order.file), progress: order.progress }
      server.publish(renderLive(view), 'drawn')
      return
    case 'ended':
      view = {
        ...view,
        ...saved(order.file),
        progress: order.progress,
        ended: { file: order.file },
      }
      server.publish(renderLive(view), 'ended')
  }
}

/** Read from the disk rather than sent: the bench would have to write it once more. */
function saved(file: string | null): Pick<LiveView, 'run'> | null {
  return file === null ? null : { run: readRun(file).run }
}
