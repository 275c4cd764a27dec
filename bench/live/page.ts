import { fork, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { pinBesideServers } from '../pinning.ts'
import type { LiveOrder, LiveReport } from './messages.ts'

/** CPU in µs that the page's process used since it listens, all threads. */
export type PageCpu = Pick<Extract<LiveReport, { kind: 'drawn' }>, 'inBlocksUs' | 'betweenBlocksUs'>

/** The page, in a process of its own, as the bench sees it. A page that is gone is no error: orders then do nothing. */
export interface Page extends AsyncDisposable {
  readonly pid: number
  readonly url: string
  order(order: LiveOrder): void
  /** Orders, and waits until it is drawn and sent; when that takes too long, the page is ended. Null when it is gone. */
  draw(order: LiveOrder, timeoutMs: number): Promise<PageCpu | null>
}

/** Starts the page; `onLost` is told, at most once, why it is gone before its time. Throws an Error when it does not start. */
export async function startPage(onLost: (why: string) => void): Promise<Page> {
  const child = fork(join(import.meta.dirname, 'page-process.ts'), [], {
    // Ctrl-C reaches the bench alone; a bench that is killed closes the channel, which ends this too.
    detached: true,
    execArgv: [],
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    env: { PATH: process.env['PATH'], TZ: 'UTC', NODE_ENV: 'production' },
  })
  const closed = new Promise<void>((resolve) => {
    child.once('exit', () => {
      resolve()
    })
    child.once('error', () => {
      resolve()
    })
  })
  const ready = Promise.withResolvers<number>()
  let waiting: PromiseWithResolvers<PageCpu | null> | null = null
  let state: 'starting' | 'alive' | 'over' = 'starting'
  const lose = (why: string) => {
    const was = state
    state = 'over'
    waiting?.resolve(null)
    if (child.connected) child.disconnect()
    if (was === 'starting') ready.reject(new Error(why))
    if (was === 'alive') onLost(why)
  }
  child.on('message', (report: LiveReport) => {
    switch (report.kind) {
      case 'ready':
        ready.resolve(report.port)
        return
      case 'drawn':
        waiting?.resolve(report)
        return
      case 'failed':
        lose(report.why)
    }
  })
  child.once('error', (error) => {
    lose(error.message)
  })
  child.once('exit', (code, signal) => {
    lose(`its process ended with ${signal ?? `exit code ${code ?? '?'}`}`)
  })
  const port = await withTimeout(ready.promise, startTimeoutMs, () => {
    lose(`it was not ready after ${startTimeoutMs} ms`)
  })
  state = 'alive'
  const pid = child.pid ?? 0
  pinBesideServers(pid)
  const order = (what: LiveOrder) => {
    if (state === 'alive') child.send(what, () => undefined)
  }
  return {
    pid,
    url: `http://127.0.0.1:${port}/`,
    order,
    async draw(what, timeoutMs) {
      if (state !== 'alive') return null
      waiting = Promise.withResolvers()
      order(what)
      return await withTimeout(waiting.promise, timeoutMs, () => {
        // What is not done yet would be done while a block runs.
        child.kill('SIGKILL')
        lose(`it was not drawn after ${timeoutMs} ms`)
      })
    },
    async [Symbol.asyncDispose]() {
      state = 'over'
      await end(child, closed)
    },
  }
}

async function end(child: ChildProcess, closed: Promise<void>): Promise<void> {
  if (child.connected) child.disconnect()
  await withTimeout(closed, stopTimeoutMs, () => child.kill('SIGKILL'))
}

async function withTimeout<T>(
  promise: Promise<T>,
  timeoutMs: number,
  onTimeout: () => void,
): Promise<T> {
  const timer = setTimeout(onTimeout, timeoutMs)
  try {
    return await promise
  } finally {
    clearTimeout(timer)
  }
}

// As for servers: twenty times what it needs on an idle machine of two cores.
const startTimeoutMs = 20_000
// Ctrl-C promises that the children are gone within 2 s.
const stopTimeoutMs = 1_000
