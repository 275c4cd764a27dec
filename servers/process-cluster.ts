import cluster, { type Worker } from 'node:cluster'
import type { Reload } from './config.ts'
import type { ServerMessage, Snapshot } from './telemetry.ts'

/** Whether this process is one of several that share a port. */
export const { isWorker } = cluster

/** Worker processes that share one port, and what they say together. */
export interface Workers {
  /** The port, when all of them listen. */
  readonly ready: Promise<number>
  /** Counters of all, this process's CPU and memory included: it hands out the connections. */
  readonly snapshot: () => Promise<Snapshot>
  /** Tells all of them what changes, and resolves when each has it. */
  readonly reload: (changes: Reload) => Promise<unknown>
  readonly stop: () => void
}

/**
 * Starts this very program so many times, each with the same configuration: the same ticket secret, so that
 * a session of one resumes with any. `onDeath` is told when one ends unasked.
 */
export function startWorkers(count: number, onDeath: (why: string) => void): Workers {
  cluster.setupPrimary({ exec: process.argv[1] ?? '', args: process.argv.slice(2) })
  const asked = createMailbox()
  let stopping = false
  const workers = Array.from({ length: count }, () => cluster.fork())
  for (const worker of workers) {
    worker.on('message', (message: ServerMessage) => {
      asked.receive(message)
    })
    worker.once('exit', (code: number | null, signal: string | null) => {
      if (!stopping) onDeath(`a worker ended with ${signal ?? `exit code ${code ?? '?'}`}`)
    })
  }
  return {
    ready: Promise.all(workers.map((worker) => asked.ready(worker))).then(([port = 0]) => port),
    reload: (changes) =>
      Promise.all(workers.map((worker) => asked.ask(worker, { kind: 'reload', ...changes }))),
    async snapshot() {
      const answers = await Promise.all(
        workers.map((worker) => asked.ask(worker, { kind: 'snapshot' })),
      )
      return addUp(
        answers.flatMap((answer) => (answer.kind === 'snapshot' ? [answer.snapshot] : [])),
      )
    },
    stop() {
      stopping = true
      for (const worker of workers) worker.kill('SIGTERM')
    },
  }
}

function createMailbox() {
  const waiting = new Map<number, (answer: ServerMessage) => void>()
  let nextId = 1
  return {
    receive(message: ServerMessage): void {
      if (message.kind === 'ready') return
      waiting.get(message.id)?.(message)
      waiting.delete(message.id)
    },
    ready: (worker: Worker) =>
      new Promise<number>((resolve) => {
        worker.on('message', (message: ServerMessage) => {
          if (message.kind === 'ready') resolve(message.port)
        })
      }),
    ask: (worker: Worker, message: object) =>
      new Promise<ServerMessage>((resolve) => {
        const id = nextId++
        waiting.set(id, resolve)
        worker.send({ ...message, id })
      }),
  }
}

/** Counters add up, gauges too: what several processes hold, they hold together. */
function addUp(snapshots: readonly Snapshot[]): Snapshot {
  const sum = (valueOf: (snapshot: Snapshot) => number) =>
    snapshots.reduce((total, snapshot) => total + valueOf(snapshot), 0)
  const merge = (valuesOf: (snapshot: Snapshot) => Readonly<Record<string, number>>) => {
    const merged: Record<string, number> = {}
    for (const [name, value] of snapshots.flatMap((snapshot) => Object.entries(valuesOf(snapshot))))
      merged[name] = (merged[name] ?? 0) + value
    return merged
  }
  const own = process.cpuUsage()
  const { rss, heapUsed } = process.memoryUsage()
  return {
    handlerCalls: sum((one) => one.handlerCalls),
    requests: sum((one) => one.requests),
    responses: merge((one) => one.responses),
    handshakesFull: sum((one) => one.handshakesFull),
    handshakesResumed: sum((one) => one.handshakesResumed),
    handshakesFailed: sum((one) => one.handshakesFailed),
    connectionsOpen: sum((one) => one.connectionsOpen),
    refusals: merge((one) => one.refusals),
    cpuUs: sum((one) => one.cpuUs) + own.user + own.system,
    eventLoopActiveUs: sum((one) => one.eventLoopActiveUs),
    eventLoopIdleUs: sum((one) => one.eventLoopIdleUs),
    gcUs: sum((one) => one.gcUs),
    rssBytes: sum((one) => one.rssBytes) + rss,
    heapUsedBytes: sum((one) => one.heapUsedBytes) + heapUsed,
    counters: merge((one) => one.counters),
  }
}
