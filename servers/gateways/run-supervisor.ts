import type { Reload, ServerConfig } from '../config.ts'
import { readConfigured, StartError } from '../process.ts'
import { logLine } from '../telemetry.ts'
import type { ParentMessage } from '../telemetry.ts'
import type { ProductReady, ProgramMessage, ServerSnapshot } from './messages.ts'

/** A product that serves, as the parent of its supervisor wants it. */
export interface SupervisedProduct extends ProductReady {
  readonly port: number
  /** Rejects when it ends unasked. */
  readonly ended: Promise<never>
  snapshot(): Promise<ServerSnapshot>
  /** Why it cannot take over some changes; null where it can. */
  readonly unableTo: (changes: Reload) => string | null
  reload(changes: Reload): Promise<void>
  stop(): Promise<void>
  /** At once, without waiting for anything. */
  kill(): void
}

/** How a supervisor reads its configuration, and starts its product. */
export interface Supervisor {
  readonly parse: (value: unknown) => ServerConfig
  readonly start: (config: ServerConfig, configFile: string) => Promise<SupervisedProduct>
}

/**
 * Runs a product as `runProgram` runs a server: from the configuration file named by the first argument until
 * SIGTERM, SIGINT, an IPC `shutdown` or the death of its parent. Exits 0 then, 3 with one line on stderr if it
 * cannot start, or ends unasked.
 */
export async function runSupervisor({ parse, start }: Supervisor): Promise<void> {
  let product: SupervisedProduct | null = null
  const end = (code: number): never => {
    product?.kill()
    return process.exit(code)
  }
  process.once('disconnect', () => end(0))
  process.on('uncaughtException', (error) => {
    logLine(describe(error))
    end(failedExitCode)
  })
  try {
    const file = process.argv[2] ?? ''
    product = await start(parse(readJson(file)), file)
    serve(product)
    await product.ended
  } catch (error) {
    logLine(error instanceof StartError ? error.message : `cannot start: ${describe(error)}`)
    end(failedExitCode)
  }
}

function serve(product: SupervisedProduct): void {
  const stop = once(() => product.stop().finally(() => process.exit(0)))
  process.once('SIGTERM', stop).once('SIGINT', stop)
  process.on('message', (message: ParentMessage) => {
    void answer(message, product, stop).catch((error: unknown) => {
      logLine(JSON.stringify({ event: 'died', message: describe(error) }))
      product.kill()
      process.exit(failedExitCode)
    })
  })
  const { port, title, pid } = product
  if (process.send === undefined) logLine(JSON.stringify({ event: 'ready', product: title, port }))
  else send({ kind: 'ready', port, product: { title, pid } })
}

/** An error ends the process, as it does in a server: a product in an unknown state must not go on. */
async function answer(
  message: ParentMessage,
  product: SupervisedProduct,
  stop: () => void,
): Promise<void> {
  switch (message.kind) {
    case 'snapshot':
      send({ kind: 'snapshot', id: message.id, snapshot: await product.snapshot() })
      return
    case 'reload': {
      const { kind: _kind, id, ...changes } = message
      const reason = product.unableTo(changes)
      if (reason === null) await product.reload(changes)
      send(reason === null ? { kind: 'reloaded', id } : { kind: 'unable', id, reason })
      return
    }
    case 'shutdown':
      stop()
  }
}

function send(message: ProgramMessage): void {
  // A parent that died in between is the business of 'disconnect', not an error of this send.
  process.send?.(message, undefined, undefined, () => undefined)
}

function readJson(file: string): unknown {
  if (file === '') {
    throw new StartError('no configuration: give the path of a config.json as the first argument')
  }
  const text = readConfigured('configuration', file).toString('utf8')
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new StartError(`configuration ${file} is not JSON: write it again`, { cause: error })
  }
}

function once(call: () => unknown): () => void {
  let called = false
  return () => {
    if (called) return
    called = true
    call()
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** DESIGN section 5: could not measure. */
const failedExitCode = 3
