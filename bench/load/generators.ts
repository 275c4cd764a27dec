import { fork, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { BenchError } from '../errors.ts'
import { clientRange } from './client-range.ts'
import type { GeneratorOrder, GeneratorReport, SentTarget } from './generator-process.ts'
import { mergeStripes, type MergedReading, type StripeTask } from './stripe.ts'
import type { Endpoint } from './target.ts'

/** A window that several generator processes offer together. */
export interface GeneratorsOptions extends Omit<StripeTask, 'index' | 'of'> {
  readonly generators: number
  readonly signal?: AbortSignal
  /** Awaited when all connections of all generators are open, before the common start. */
  readonly onConnected?: () => Promise<void>
  /** Told the ids of the processes when they are there. */
  readonly onStarted?: (pids: readonly number[]) => void
}

/**
 * Offers one schedule from several processes of this machine: striped, begun at one instant of the clock
 * that they share, merged without loss. This process renews what their requests bring, and tells them. Of many
 * clients each process has its own. A generator that fails or dies fails the window: nothing is extrapolated over
 * a missing stripe. Throws `measurement-failed`, or the signal's reason.
 */
export async function runGenerators(
  targets: Endpoint | readonly Endpoint[],
  { generators: of, signal, onConnected, onStarted, ...task }: GeneratorsOptions,
): Promise<MergedReading> {
  signal?.throwIfAborted()
  const list = [targets].flat()
  const parts = Array.from({ length: of }, (_, index) => partOf(list, index, of))
  const sent = parts.map((own) => own.map(sentTarget))
  const processes = Array.from({ length: of }, (_, index) =>
    startGenerator(`generator ${index + 1} of ${of}`),
  )
  const aborted = Promise.withResolvers<never>()
  aborted.promise.catch(() => undefined)
  const onAbort = () => {
    aborted.reject(signal?.reason as Error)
  }
  signal?.addEventListener('abort', onAbort, { once: true })
  // The first that fails ends the wait for all.
  const all = <T>(waits: readonly Promise<T>[]) =>
    Promise.race([Promise.all(waits), aborted.promise])
  try {
    onStarted?.(processes.map(({ pid }) => pid))
    for (const [index, each] of processes.entries())
      each.order({ kind: 'prepare', targets: sent[index] ?? [], task: { ...task, index, of } })
    using telling = new DisposableStack()
    for (const [index, each] of processes.entries())
      for (const end of tellRenewals(parts[index] ?? [], each)) telling.defer(end)
    await all(processes.map(({ connected }) => connected))
    await onConnected?.()
    const atNs = process.hrtime.bigint() + leadNs
    for (const each of processes) each.order({ kind: 'start', atNs })
    const done = await all(processes.map((each) => each.done))
    for (const [index, { presented }] of done.entries())
      for (const client of presented) parts[index]?.[client]?.onPresented?.()
    return mergeStripes(done.map(({ reading }) => reading))
  } finally {
    signal?.removeEventListener('abort', onAbort)
    await Promise.all(processes.map((each) => each.stop()))
  }
}

/** Clients of one generator: no other has them, unless there are fewer than generators. */
function partOf(targets: readonly Endpoint[], index: number, of: number): readonly Endpoint[] {
  const { first, count } = clientRange(targets.length, index, of)
  if (targets.length >= of) return targets.slice(first, first + count)
  const shared = index % targets.length
  return targets.slice(shared, shared + 1)
}

/** What a generator can be sent of a target: no function. Throws `usage` where it cannot do without. */
function sentTarget(target: Endpoint): SentTarget {
  const { ownHeaders, renewal, onPresented: _, ...endpoint } = target
  if (endpoint.body === undefined && (ownHeaders === undefined || renewal !== undefined))
    return { endpoint, credential: renewal?.current() ?? null }
  throw new BenchError(
    'usage',
    '--generators: requests that are signed one by one are made by one process, leave it out',
  )
}

/** Hands each renewed credential on; gives what ends that. */
function tellRenewals(endpoints: readonly Endpoint[], generator: Generator): (() => void)[] {
  return endpoints.flatMap(
    ({ renewal }, target) =>
      renewal?.onRenewed((credential) => {
        generator.order({ kind: 'renew', target, credential })
      }) ?? [],
  )
}

interface Generator {
  readonly pid: number
  readonly connected: Promise<undefined>
  readonly done: Promise<Done>
  order(order: GeneratorOrder): void
  stop(): Promise<void>
}

function startGenerator(name: string): Generator {
  const child = fork(join(import.meta.dirname, 'generator-process.ts'), [], {
    // Instants are bigints, and bodies Buffers.
    serialization: 'advanced',
    // Ctrl-C reaches the bench alone; a bench that is killed closes the channel, which ends this too.
    detached: true,
    execArgv: [],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    env: { PATH: process.env['PATH'], TZ: 'UTC', NODE_ENV: 'production' },
  })
  const connected = Promise.withResolvers<undefined>()
  const done = Promise.withResolvers<Done>()
  const exited = Promise.withResolvers<undefined>()
  const lastWords = keepLastWords(child)
  const fail = (why: string) => {
    const error = new BenchError('measurement-failed', `${name} ${why}`)
    connected.reject(error)
    done.reject(error)
  }
  // Whoever waits for one of them is told; nobody may be waiting yet, or any more.
  connected.promise.catch(() => undefined)
  done.promise.catch(() => undefined)
  child.on('message', (report: GeneratorReport) => {
    if (report.kind === 'connected') connected.resolve(undefined)
    else if (report.kind === 'done') done.resolve(report)
    else fail(`failed: ${report.why}`)
  })
  child.once('error', (error) => {
    fail(`could not be started: ${error.message}`)
    exited.resolve(undefined)
  })
  child.once('close', (code, signal) => {
    fail(`ended with ${signal ?? `exit code ${code ?? '?'}`}${lastWords()}`)
    exited.resolve(undefined)
  })
  return {
    pid: child.pid ?? 0,
    connected: connected.promise,
    done: done.promise,
    order(order) {
      // One that does not hear it any more has ended, or ends by that: `close` says why.
      child.send(order, () => undefined)
    },
    async stop() {
      if (child.pid !== undefined && child.exitCode === null && child.signalCode === null)
        child.kill('SIGKILL')
      await exited.promise
    },
  }
}

/** The first line of what it wrote last, of a crash its message. */
function keepLastWords(child: ChildProcess): () => string {
  let text = ''
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    text = (text + chunk).slice(-mostLastWords)
  })
  return () => {
    const line = text.split('\n').find((each) => /^\w*Error\b/.test(each))
    return line === undefined ? '' : `: ${line}`
  }
}

type Done = Extract<GeneratorReport, { kind: 'done' }>
/** Longer than a message takes to a process that is awake: an order that comes late shows as lateness. */
const leadNs = 100_000_000n
const mostLastWords = 4_096
