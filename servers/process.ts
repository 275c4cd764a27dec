import { readFileSync } from 'node:fs'
import type { Server } from 'node:http'
import type { Reload } from './config.ts'
import { createTelemetry, logLine } from './telemetry.ts'
import type { ParentMessage, ServerMessage, Telemetry } from './telemetry.ts'

/** A server program: how it reads its configuration, and the server it makes of it. */
export interface Program<Config extends Address> {
  /** Throws a StartError that names the faulty value. */
  readonly parse: (value: unknown) => Config
  /** Builds the server; `runProgram` attaches the telemetry, listens and closes. */
  readonly create: (config: Config, telemetry: Telemetry) => Service | Promise<Service>
}

/** Where a program listens. */
export interface Address {
  readonly host: string
  /** 0 = any free port. */
  readonly port: number
  /** Processes that share the port; default: this one alone. */
  readonly workers?: number
}

/** A server that is ready to listen. */
export interface Service {
  readonly server: Server
  readonly scheme: 'http' | 'https'
  /** Takes over what changes; throws, which ends the process, for what this server has no use for. */
  readonly reload?: (changes: Reload) => void | Promise<void>
  /** Releases what the server holds beside its sockets: databases, agents. */
  readonly close?: () => void | Promise<void>
}

/** A program that cannot start: one line that says what, which value, and what to do about it. */
export class StartError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'StartError'
  }
}

/**
 * Runs a program from the configuration file named by its first argument until SIGTERM, SIGINT, an IPC
 * `shutdown` or the death of its parent. Exits 0 then, 3 with one line on stderr if it cannot start.
 */
export async function runProgram<Config extends Address>(program: Program<Config>): Promise<void> {
  // First of all: a parent killed while this starts must not leave an orphan.
  process.once('disconnect', () => process.exit(0))
  try {
    const config = program.parse(readConfig(process.argv[2]))
    const { workers = 1 } = config
    if (workers > 1 && (await runPrimary(workers))) return
    const telemetry = createTelemetry()
    const service = await program.create(config, telemetry)
    telemetry.attach(service.server)
    const stop = stopOnce(service)
    process.once('SIGTERM', stop).once('SIGINT', stop)
    process.on('uncaughtException', die)
    await listen(service.server, config)
    answerParent(service, telemetry, stop)
    announce(service, config)
  } catch (error) {
    logLine(error instanceof StartError ? error.message : `cannot start: ${describe(error)}`)
    process.exit(startFailedExitCode)
  }
}

/** The process that its parent knows: it starts the others, and speaks for them. False in one of those. */
async function runPrimary(count: number): Promise<boolean> {
  // Loaded only where it is asked for: a process holds only what is measured.
  const { isWorker, startWorkers } = await import('./process-cluster.ts')
  if (isWorker) return false
  const workers = startWorkers(count, (why) => die(new Error(why)))
  const stop = (): void => {
    workers.stop()
    setTimeout(() => process.exit(0), workerStopMs)
  }
  process.once('SIGTERM', stop).once('SIGINT', stop)
  process.on('uncaughtException', die)
  const port = await workers.ready
  process.on('message', (message: ParentMessage) => {
    switch (message.kind) {
      case 'snapshot':
        void workers.snapshot().then((snapshot) => {
          send({ kind: 'snapshot', id: message.id, snapshot })
        }, die)
        return
      case 'reload':
        void workers.reload(changesOf(message)).then(() => {
          send({ kind: 'reloaded', id: message.id })
        }, die)
        return
      case 'shutdown':
        stop()
    }
  })
  send({ kind: 'ready', port })
  return true
}

/** Reads a file that a configuration names; throws a StartError that says which setting and why. */
export function readConfigured(setting: string, file: string): Buffer {
  try {
    return readFileSync(file)
  } catch (error) {
    throw new StartError(
      `${setting} ${file} cannot be read (${codeOf(error)}): give an existing readable file`,
      { cause: error },
    )
  }
}

/** The setting, where a program cannot do without it; throws a StartError when it is null. */
export function required<Value>(setting: string, value: Value | null): Value {
  if (value !== null) return value
  throw new StartError(`configuration refused: ${setting} is null, this server needs it`)
}

function readConfig(file: string | undefined): unknown {
  if (file === undefined) {
    throw new StartError(`no configuration: give the path of a config.json as the first argument`)
  }
  const text = readConfigured('configuration', file).toString('utf8')
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new StartError(`configuration ${file} is not JSON: write it again`, { cause: error })
  }
}

function listen(server: Server, { host, port }: Address): Promise<void> {
  return new Promise((resolve, reject) => {
    const refuse = (error: Error): void => {
      reject(listenError(error, `${host}:${port}`))
    }
    server.once('error', refuse)
    server.listen(port, host, () => {
      server.off('error', refuse)
      resolve()
    })
  })
}

function listenError(error: Error, address: string): StartError {
  const code = codeOf(error)
  const message =
    code === 'EADDRINUSE'
      ? `port ${address} is taken (EADDRINUSE): stop the other program or use port 0 for any free one`
      : `cannot listen on ${address} (${code}): use host 127.0.0.1 and port 0 for any free one`
  return new StartError(message, { cause: error })
}

function answerParent(service: Service, telemetry: Telemetry, stop: () => void): void {
  process.on('message', (message: ParentMessage) => {
    switch (message.kind) {
      case 'snapshot':
        send({ kind: 'snapshot', id: message.id, snapshot: telemetry.snapshot() })
        return
      case 'reload':
        void reload(service, changesOf(message)).then(() => {
          send({ kind: 'reloaded', id: message.id })
        }, die)
        return
      case 'shutdown':
        stop()
    }
  })
}

/**
 * A reload that fails ends the process: the alternative would be to go on with trust of which it was just
 * told that it is no longer right.
 */
async function reload(service: Service, changes: Reload): Promise<void> {
  if (service.reload === undefined) throw new Error('reload: this server has nothing to reload')
  await service.reload(changes)
}

function changesOf(message: Extract<ParentMessage, { kind: 'reload' }>): Reload {
  const { kind: _kind, id: _id, ...changes } = message
  return changes
}

function announce({ server, scheme }: Service, { host }: Address): void {
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('not listening on TCP')
  if (process.send === undefined) {
    const name = host.includes(':') ? `[${host}]` : host
    logLine(JSON.stringify({ event: 'ready', url: `${scheme}://${name}:${address.port}` }))
  } else {
    send({ kind: 'ready', port: address.port })
  }
}

function send(message: ServerMessage): void {
  // A parent that died in between is the business of 'disconnect', not an error of this send.
  process.send?.(message, undefined, undefined, () => undefined)
}

/** Stops at the first call, and at the latest after `stopLimitMs`: nothing may keep a child alive. */
function stopOnce({ server, close }: Service): () => void {
  let stopping = false
  return () => {
    if (stopping) return
    stopping = true
    setTimeout(() => process.exit(0), stopLimitMs)
    server.close()
    server.closeAllConnections()
    void Promise.try(() => close?.()).then(() => process.exit(0), die)
  }
}

/** A server in an unknown state must not go on answering. */
function die(error: unknown): never {
  const stack = error instanceof Error ? error.stack : undefined
  logLine(JSON.stringify({ event: 'died', message: describe(error), stack }))
  return process.exit(startFailedExitCode)
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'
}

/** HTTP limits of every listener, the reference included: they show in its `Keep-Alive` header. */
export const httpLimits = {
  /** Longer than a block of a hundred arms leaves a connection alone: measuring never meets it. */
  keepAliveTimeout: 600_000,
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  /** Node's own default, spelled out because 431 above it is promised (J21). */
  maxHeaderSize: 16_384,
} as const

/** DESIGN section 5: could not measure. */
const startFailedExitCode = 3
/** Children must be gone within 2 s of a signal; this leaves half of it to the operating system. */
const stopLimitMs = 1_000
/** Workers close their sockets at once; whoever does not within this is ended with the channel. */
const workerStopMs = 300
