import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ClientTrust, Reload } from '../servers/config.ts'
import type { ProgramMessage, ServerSnapshot } from '../servers/gateways/messages.ts'
import type { SpanMessage, SpanReport } from '../servers/spans.ts'
import { BenchError } from './errors.ts'
import type { Hop } from './scenario.ts'
import { temporaryPrefix } from './temporary.ts'

/** What to start: a program of `servers/` out of a source tree, with its configuration file. */
export interface StartOptions {
  readonly program: string
  readonly configFile: string
  /** Root of the source tree; default: this one. */
  readonly sourceRoot?: string
  /** Cores to pin the process to, best effort; null = not pinned. */
  readonly cpus?: readonly number[] | null
  /** Folder for V8's compiled code (NODE_COMPILE_CACHE): the second start of a program is a third shorter. */
  readonly compileCache?: string
}

/** A server of `servers/`, alive in a process of its own. */
export interface ServerProcess extends AsyncDisposable {
  readonly program: string
  /** Name and version of the product that the program supervises; default: the program serves itself. */
  readonly product?: string
  /** Process whose tree serves. */
  readonly pid: number
  readonly port: number
  /** Aborted with the reason when the process ends without having been asked to. */
  readonly died: AbortSignal
  /** Counters since start; throws `arm-failed` when the process does not answer. */
  snapshot(): Promise<ServerSnapshot>
  /** Replaces trusted CA and CRL, as an operator would while it serves; throws where a product cannot. */
  reload(clients: ClientTrust): Promise<void>
  /** Tells it of anything else that changes while it serves. */
  change(changes: Reload): Promise<void>
  /** Times of requests since it was last asked; throws `arm-failed` where it was not told to take any. */
  spans(): Promise<SpanReport>
  /** Where several processes pass requests on, all of them, this being the first; absent: this one alone. */
  readonly hops?: readonly HopProcess[]
  /** Last log lines. */
  stderrTail(): string[]
  /** Ends the process: asks, then kills. Safe to call twice. */
  stop(): Promise<void>
}

/** One hop, alive. */
export interface HopProcess {
  readonly hop: Hop
  readonly process: ServerProcess
  readonly takesSpans: boolean
}

/** All processes of a server: itself, or its hops. */
export function processesOf(server: ServerProcess): readonly ServerProcess[] {
  return server.hops?.map(({ process }) => process) ?? [server]
}

/** Starts a server and waits until it listens; throws `arm-failed` with its last log lines. */
export async function startServer(options: StartOptions): Promise<ServerProcess> {
  const { program, configFile, sourceRoot = ownRoot, cpus = null, compileCache } = options
  const child = spawnPinned(
    [process.execPath, join(sourceRoot, 'servers', `${program}.ts`), configFile],
    cpus,
    compileCache,
  )
  const tail = keepTail(child)
  const mailbox = createMailbox(child, program, tail)
  const exited = new Promise<void>((resolve) =>
    child.once('close', () => {
      resolve()
    }),
  )
  const stop = () => stopChild(child, exited)
  try {
    const ready = await mailbox.ready
    return {
      program,
      pid: ready.product?.pid ?? child.pid ?? 0,
      ...(ready.product === undefined ? {} : { product: ready.product.title }),
      port: ready.port,
      died: mailbox.died,
      async snapshot() {
        const answer = await mailbox.ask({ kind: 'snapshot' })
        if (answer.kind === 'snapshot') return answer.snapshot
        throw new BenchError(
          'arm-failed',
          `${program}: answered ${answer.kind} to a snapshot request`,
        )
      },
      async spans() {
        const answer = await mailbox.ask({ kind: 'spans' })
        if (answer.kind === 'spans') return answer.report
        throw new BenchError('arm-failed', `${program}: answered ${answer.kind} to a spans request`)
      },
      async reload(clients) {
        await mailbox.ask({ kind: 'reload', clients })
      },
      async change(changes) {
        await mailbox.ask({ kind: 'reload', ...changes })
      },
      stderrTail: () => [...tail],
      stop,
      [Symbol.asyncDispose]: stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}

/** Starts a server; what `createServerStarter` gives to those who may start some. */
export type StartServer = (options: StartOptions) => Promise<ServerProcess>

/** Starts servers that end with it, or at once when the signal aborts: Ctrl-C leaves no orphan. */
export function createServerStarter(
  signal: AbortSignal,
): AsyncDisposable & { readonly server: StartServer } {
  const alive = new Set<ServerProcess>()
  // One that the user keeps serves as well, for all trees alike, and stays.
  const kept = process.env['NODE_COMPILE_CACHE'] ?? ''
  const compileCache = kept === '' ? mkdtempSync(join(tmpdir(), temporaryPrefix('cache'))) : kept
  const stopAll = () => Promise.all([...alive].map((process) => process.stop()))
  const onAbort = () => void stopAll()
  signal.addEventListener('abort', onAbort, { once: true })
  return {
    async server(options) {
      signal.throwIfAborted()
      const started = await startServer({ compileCache, ...options })
      alive.add(started)
      started.died.addEventListener('abort', () => alive.delete(started), { once: true })
      if (!signal.aborted) return started
      await started.stop()
      throw signal.reason
    },
    async [Symbol.asyncDispose]() {
      signal.removeEventListener('abort', onAbort)
      await stopAll()
      if (compileCache !== kept) rmSync(compileCache, { recursive: true, force: true })
    },
  }
}

type Question = { kind: 'snapshot' } | { kind: 'spans' } | ({ kind: 'reload' } & Reload)

interface Mailbox {
  readonly ready: Promise<Ready>
  readonly died: AbortSignal
  ask(question: Question): Promise<Answer>
}

type Answer = ProgramMessage | SpanMessage
type Ready = Extract<ProgramMessage, { kind: 'ready' }>

function createMailbox(child: ChildProcess, program: string, tail: readonly string[]): Mailbox {
  const waiting = new Map<number, PromiseWithResolvers<Answer>>()
  const ready = Promise.withResolvers<Ready>()
  const death = new AbortController()
  let nextId = 1
  ready.promise.catch(() => undefined)
  const fail = (why: string) => {
    const error = new BenchError(
      'arm-failed',
      [`server ${program} ${why}`, ...lastWords(tail)].join('; '),
    )
    death.abort(error)
    ready.reject(error)
    for (const { reject } of waiting.values()) reject(error)
    waiting.clear()
  }
  child.on('message', (message: Answer) => {
    if (message.kind === 'ready') {
      ready.resolve(message)
      return
    }
    const asked = waiting.get(message.id)
    waiting.delete(message.id)
    if (message.kind === 'unable')
      asked?.reject(new BenchError('arm-failed', `server ${program}: ${message.reason}`))
    else asked?.resolve(message)
  })
  child.once('error', (error) => {
    fail(`could not be started: ${error.message}`)
  })
  // 'close' comes after the last line of stderr, 'exit' may come before it.
  child.once('close', (code, signal) => {
    fail(`ended with ${signal ?? `exit code ${code ?? '?'}`}`)
  })
  const timer = setTimeout(() => {
    fail(`was not ready after ${startTimeoutMs} ms`)
  }, startTimeoutMs)
  void ready.promise.then(
    () => {
      clearTimeout(timer)
    },
    () => {
      clearTimeout(timer)
    },
  )
  return {
    ready: ready.promise,
    died: death.signal,
    ask(question) {
      if (death.signal.aborted) return Promise.reject(death.signal.reason as BenchError)
      const id = nextId++
      const answer = Promise.withResolvers<Answer>()
      waiting.set(id, answer)
      child.send({ ...question, id }, (error) => {
        if (error)
          answer.reject(
            new BenchError('arm-failed', `server ${program} does not listen: ${error.message}`),
          )
      })
      return withTimeout(
        answer.promise,
        `server ${program} did not answer a ${question.kind} request`,
      )
    },
  }
}

/** The lines that say something: of a crash, the message and not the stack below it. */
function lastWords(tail: readonly string[]): string[] {
  return tail.filter((line) => !/^\s+at |^Node\.js v|^\s*[\^}]/.test(line)).slice(-3)
}

async function withTimeout<T>(promise: Promise<T>, what: string): Promise<T> {
  const timeout = Promise.withResolvers<never>()
  const timer = setTimeout(() => {
    timeout.reject(new BenchError('arm-failed', `${what} within ${answerTimeoutMs} ms`))
  }, answerTimeoutMs)
  try {
    return await Promise.race([promise, timeout.promise])
  } finally {
    clearTimeout(timer)
  }
}

function spawnPinned(
  command: readonly string[],
  cpus: readonly number[] | null,
  compileCache: string | undefined,
): ChildProcess {
  const pinned = cpus === null ? command : ['taskset', '-c', cpus.join(','), ...command]
  const [file = '', ...rest] = pinned
  return spawn(file, rest, {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    // A process group of its own: Ctrl-C reaches the bench alone, which then stops its servers. If
    // the bench is killed outright, the closed IPC channel ends them.
    detached: true,
    // The same few variables everywhere: two trees must not differ by the size of their environment.
    env: {
      PATH: process.env['PATH'],
      TZ: 'UTC',
      NODE_ENV: 'production',
      ...(compileCache === undefined ? {} : { NODE_COMPILE_CACHE: compileCache }),
    },
  })
}

function keepTail(child: ChildProcess): string[] {
  const tail: string[] = []
  let rest = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n')
    rest = (lines.pop() ?? '').slice(-tailBytes)
    tail.push(...lines.filter((line) => line.trim() !== ''))
    tail.splice(0, tail.length - tailLines)
  })
  return tail
}

async function stopChild(child: ChildProcess, exited: Promise<void>): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  const kill = setTimeout(() => child.kill('SIGKILL'), stopTimeoutMs)
  if (child.connected) child.send({ kind: 'shutdown' }, () => undefined)
  else child.kill('SIGKILL')
  await exited
  clearTimeout(kill)
}

const ownRoot = join(import.meta.dirname, '..')
// Twenty times what the slowest server needs on an idle machine of two cores.
const startTimeoutMs = 20_000
const answerTimeoutMs = 10_000
// Ctrl-C promises that the children are gone within 2 s.
const stopTimeoutMs = 1_000
const tailLines = 20
const tailBytes = 4_096
