import { fork, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { BenchError } from '../errors.ts'
import { pinProcess } from '../pinning.ts'
import type { PrimitiveReading, PrimitivesOrder, PrimitivesReport } from './primitive.ts'

/** A process that measures primitives, alive until disposal. */
export interface PrimitivesProcess extends AsyncDisposable {
  readonly ids: readonly string[]
  /** Measures these in their order, each for so long; throws `measurement-failed`. */
  measure(
    ids: readonly string[],
    timeMs: number,
    onReading: (reading: PrimitiveReading) => void,
  ): Promise<void>
}

/** Starts it, on the cores that servers have; null = not pinned. Throws `measurement-failed`. */
export async function startPrimitives(
  serverCpus: readonly number[] | null,
  signal: AbortSignal,
): Promise<PrimitivesProcess> {
  signal.throwIfAborted()
  const child = fork(join(import.meta.dirname, 'worker.ts'), [], {
    detached: true,
    execArgv: [],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    env: { PATH: process.env['PATH'], TZ: 'UTC', NODE_ENV: 'production' },
  })
  if (serverCpus !== null && child.pid !== undefined) pinProcess(child.pid, serverCpus)
  const stop = () => stopChild(child)
  const onAbort = () => void stop()
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    const listed = await conversation(child, null, (report) =>
      report.kind === 'listed' ? report.ids : undefined,
    )
    return {
      ids: listed,
      async measure(ids, timeMs, onReading) {
        await conversation(child, { kind: 'measure', ids, timeMs }, (report) => {
          if (report.kind === 'measured') onReading(report.reading)
          return report.kind === 'done' ? true : undefined
        })
      },
      async [Symbol.asyncDispose]() {
        signal.removeEventListener('abort', onAbort)
        await stop()
      },
    }
  } catch (error) {
    await stop()
    throw signal.aborted ? signal.reason : error
  }
}

/** Sends an order, if any, and listens until `settle` says what the reports came to. */
function conversation<T>(
  child: ChildProcess,
  order: PrimitivesOrder | null,
  settle: (report: PrimitivesReport) => T | undefined,
): Promise<T> {
  const outcome = Promise.withResolvers<T>()
  const fail = (why: string) => {
    outcome.reject(new BenchError('measurement-failed', `primitives: ${why}`))
  }
  const onMessage = (report: PrimitivesReport) => {
    if (report.kind === 'failed') fail(report.why)
    const settled = settle(report)
    if (settled !== undefined) outcome.resolve(settled)
  }
  const onExit = (code: number | null, signal: NodeJS.Signals | null) => {
    fail(`their process ended with ${signal ?? `exit code ${code ?? '?'}`}`)
  }
  child.on('message', onMessage).once('exit', onExit)
  if (order !== null) child.send(order)
  return outcome.promise.finally(() => {
    child.off('message', onMessage).off('exit', onExit)
  })
}

async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = new Promise((resolve) => child.once('exit', resolve))
  // Its peer ends with it: the channel between them closes.
  child.kill('SIGKILL')
  await exited
}
