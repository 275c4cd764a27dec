import type { RequestListener } from 'node:http'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { createClient } from 'redis'
import { startRedis, type Database } from '../../servers/database-testbed.ts'
import { startCli, temporaryFolder, type CliProcess } from '../cli-testbed.ts'
import { parseRun, type Run } from '../results.ts'
import { serveHttp } from '../targets/target-testbed.ts'
import { seatSource, type SeatSource } from './source.ts'

/** A Redis, a target that counts, and ways to start coordinators and seats that meet there. */
export interface SeatsBed {
  readonly redis: Database
  /** Without and with its password. */
  readonly rendezvous: string
  readonly secretRendezvous: string
  readonly target: CountingTarget
  readonly results: string
  coordinator(runId: string, ...more: string[]): CliProcess
  seat(runId: string, index: number, ...more: string[]): CliProcess
  /** Everything that is in Redis, by key: its text, and for how long it stays in ms. */
  dump(): Promise<Map<string, { readonly text: string; readonly ttlMs: number }>>
  run(): Run
}

/** A server that answers and counts. */
export interface CountingTarget {
  readonly url: string
  readonly seen: () => number
  /** Resolves when it has been asked so often. */
  readonly reached: (count: number) => Promise<void>
}

/** A target of plain HTTP. */
export async function countingTarget(t: TestContext): Promise<CountingTarget> {
  const counter = createCounter()
  return { url: await serveHttp(t, counter.listener), ...counter }
}

/** Answers every request, and counts. */
export function createCounter() {
  let seen = 0
  const waits: { readonly count: number; readonly resolve: () => void }[] = []
  const listener: RequestListener = (request, response) => {
    seen += 1
    for (const { count, resolve } of waits) if (seen >= count) resolve()
    request.resume()
    response.end('fine')
  }
  return {
    listener,
    seen: () => seen,
    reached: (count: number) => {
      const { promise, resolve } = Promise.withResolvers<undefined>()
      waits.push({
        count,
        resolve: () => {
          resolve(undefined)
        },
      })
      return seen >= count ? Promise.resolve() : promise.then(() => undefined)
    },
  }
}

/** Starts a Redis of the test's own. */
export async function createSeatsBed(
  t: TestContext,
  target: CountingTarget | null = null,
): Promise<SeatsBed> {
  const redis = await startRedis()
  t.after(() => redis[Symbol.asyncDispose]())
  const asked = target ?? (await countingTarget(t))
  const results = temporaryFolder(t)
  const secretRendezvous = redis.url.replace('//', `//:${encodeURIComponent(redis.password)}@`)
  const start = (words: readonly string[]) =>
    startCli(t, words, {
      env: {
        ...process.env,
        TMPDIR: temporaryFolder(t),
        TRUSTBENCH_RENDEZVOUS: secretRendezvous,
      },
    })
  return {
    redis,
    rendezvous: redis.url,
    secretRendezvous,
    target: asked,
    results,
    coordinator: (runId, ...more) =>
      start([
        ...['bench', '--target', asked.url, '--i-own-this-target', '--run-id', runId],
        ...['--rate', '100', '--duration', '1s', '--timeout', '2s', '--arrivals', 'constant'],
        ...['--result-wait', '10s', '--seat-wait', '30s', '--results', results, ...more],
      ]),
    seat: (runId, index, ...more) =>
      start([
        ...['seat', '--run-id', runId, '--index', String(index), '--json'],
        ...['--seat-wait', '30s', '--results', results, ...more],
      ]),
    dump: () => dumpOf(secretRendezvous),
    run: () => newestRun(results),
  }
}

async function dumpOf(url: string) {
  const client = createClient({ url })
  await client.connect()
  try {
    const dumped = new Map<string, { readonly text: string; readonly ttlMs: number }>()
    for (const key of await client.keys('*')) {
      const type = await client.type(key)
      const value =
        type === 'string'
          ? await client.get(key)
          : type === 'hash'
            ? { ...(await client.hGetAll(key)) }
            : await client.xRange(key, '-', '+')
      dumped.set(key, { text: JSON.stringify(value), ttlMs: await client.pTTL(key) })
    }
    return dumped
  } finally {
    client.destroy()
  }
}

/** The last line that a process wrote, without what npm or progress says before. */
export function lastLine(err: string): string {
  return err.trimEnd().split('\n').at(-1) ?? ''
}

/** The newest run of a folder. */
export function newestRun(folder: string): Run {
  const [file = ''] = readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .toSorted()
    .reverse()
  return parseRun(JSON.parse(readFileSync(join(folder, file), 'utf8')), file)
}

/** What this tree measures by. */
export function ownSource(): SeatSource {
  return seatSource(join(import.meta.dirname, '..', '..'))
}
