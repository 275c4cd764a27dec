import { fork, type ChildProcess } from 'node:child_process'
import { pinBesideServers } from '../pinning.ts'
import type { CompanionOrder, CompanionReport } from './messages.ts'

/**
 * A process that accompanies a run and takes no part in it, as the bench sees it. One that is gone is no
 * error: orders then do nothing.
 */
export interface Companion<Order, Answer, Ready> extends AsyncDisposable {
  readonly pid: number
  /** What it said when it was ready. */
  readonly ready: Ready
  readonly order: (order: Order) => void
  /** Orders, and waits for the answer; when that takes too long, the process is ended. Null when it is gone. */
  readonly ask: (order: Order, timeoutMs: number) => Promise<Answer | null>
}

/** What to start. */
export interface CompanionOptions {
  readonly script: string
  readonly args?: readonly string[]
  readonly env?: NodeJS.ProcessEnv
  /** Told, at most once, why it is gone before its time. */
  readonly onLost: (why: string) => void
}

/** Starts a companion; throws an Error when it does not start. */
export async function startCompanion<Order, Answer, Ready>({
  script,
  args = [],
  env = {},
  onLost,
}: CompanionOptions): Promise<Companion<Order, Answer, Ready>> {
  const child = fork(script, args, {
    // Ctrl-C reaches the bench alone; a bench that is killed closes the channel, which ends this too.
    detached: true,
    execArgv: [],
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    env: { PATH: process.env['PATH'], TZ: 'UTC', NODE_ENV: 'production', ...env },
  })
  const closed = new Promise<void>((resolve) => {
    child.once('exit', () => {
      resolve()
    })
    child.once('error', () => {
      resolve()
    })
  })
  const started = Promise.withResolvers<Ready>()
  const waiting = new Map<number, PromiseWithResolvers<Answer | null>>()
  let state: 'starting' | 'alive' | 'over' = 'starting'
  const lose = (why: string) => {
    const was = state
    state = 'over'
    for (const { resolve } of waiting.values()) resolve(null)
    if (child.connected) child.disconnect()
    if (was === 'starting') started.reject(new Error(why))
    if (was === 'alive') onLost(why)
  }
  child.on('message', (report: CompanionReport<Answer, Ready>) => {
    switch (report.kind) {
      case 'ready':
        started.resolve(report.ready)
        return
      case 'answer':
        waiting.get(report.id)?.resolve(report.answer)
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
  const ready = await withTimeout(started.promise, startTimeoutMs, () => {
    lose(`it was not ready after ${startTimeoutMs} ms`)
  })
  state = 'alive'
  const pid = child.pid ?? 0
  pinBesideServers(pid)
  const send = (message: CompanionOrder<Order>) => {
    if (state === 'alive') child.send(message, () => undefined)
  }
  let asked = 0
  return {
    pid,
    ready,
    order(order) {
      send({ id: null, order })
    },
    async ask(order, timeoutMs) {
      if (state !== 'alive') return null
      const id = asked++
      const answer = Promise.withResolvers<Answer | null>()
      waiting.set(id, answer)
      send({ id, order })
      const got = await withTimeout(answer.promise, timeoutMs, () => {
        // What is not done yet would be done while a block runs.
        child.kill('SIGKILL')
        lose(`it had not answered after ${timeoutMs} ms`)
      })
      waiting.delete(id)
      return got
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
