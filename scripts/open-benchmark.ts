import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { readEnvironment } from '../bench/environment.ts'
import { exitCodeOf } from '../bench/errors.ts'
import { percentileUs, sampleCount } from '../bench/load/histogram.ts'
import { runOpenLoop, type OpenReading } from '../bench/load/open.ts'
import { createSchedule, type OpenPlan } from '../bench/load/schedule.ts'
import type { Endpoint } from '../bench/load/target.ts'
import { acquireLock } from '../bench/lock.ts'
import { pinClient, type Pinning } from '../bench/pinning.ts'
import { plainTable } from '../bench/render/table.ts'
import { bucketShares, dispersionDeviate, type AccuracyRow } from './open-benchmark/judge.ts'
import type { ServerReport } from './open-benchmark/server.ts'

// How true is the open loop? Against servers of known latency, beside what autocannon and wrk say of them.
//   node scripts/open-benchmark.ts [--out file.json]

async function run(): Promise<number> {
  const { values } = parseArgs({ options: { out: { type: 'string' } } })
  await using _lock = await acquireLock('open-benchmark')
  const { pinning } = pinClient()
  const rows = [
    ...(await constantLatency(pinning)),
    ...(await stall(pinning)),
    ...(await evenArrivals(pinning)),
    await poissonArrivals(pinning),
  ]
  const columns = ['asked', 'ours', 'autocannon', 'wrk', ''].map(
    (head) => ({ head, align: 'left' }) as const,
  )
  const cells = rows.map(({ asked, ours, autocannon, wrk, holds }) => [
    asked,
    ours,
    autocannon,
    wrk,
    holds ? 'holds' : 'missed',
  ])
  process.stdout.write(`${plainTable(columns, cells, { color: false }).join('\n')}\n`)
  if (values.out !== undefined) {
    const environment = readEnvironment(join(import.meta.dirname, '..'), pinning)
    writeFileSync(values.out, `${JSON.stringify({ schema: 1, environment, rows }, null, 1)}\n`)
  }
  return rows.every(({ holds }) => holds) ? 0 : 1
}

async function constantLatency(pinning: Pinning | null): Promise<AccuracyRow[]> {
  const plan: OpenPlan = { ratePerSecond: 100, arrivals: 'constant', durationMs: 10_000, seed: 1 }
  const { reading, report } = await ours([50], plan, pinning)
  const others = await beside([50], 100, pinning)
  const trueMs = report.latenciesMs[Math.floor(report.latenciesMs.length / 2)] ?? 0
  const p50Ms = ms(reading, 50)
  return [
    {
      asked: 'a server of 50 ms at 100/s: p50 within 1.5 ms',
      ours: `${p50Ms.toFixed(2)} ms (server: ${trueMs.toFixed(2)})`,
      autocannon: `${others.autocannon.p50Ms} ms`,
      wrk: `${others.wrk.p50Ms} ms`,
      holds: Math.abs(p50Ms - 50) <= 1.5,
    },
    {
      asked: 'as many samples as requests',
      ours: `${sampleCount(reading.response)} of ${reading.requests}`,
      autocannon: `${others.autocannon.samples} answers`,
      wrk: `${others.wrk.samples} answers`,
      holds: sampleCount(reading.response) === reading.requests && reading.requests === 1_000,
    },
  ]
}

async function stall(pinning: Pinning | null): Promise<AccuracyRow[]> {
  const plan: OpenPlan = { ratePerSecond: 100, arrivals: 'constant', durationMs: 10_000, seed: 1 }
  const { reading } = await ours([0, 4_000, 2_000], plan, pinning)
  const { autocannon, wrk } = await beside([0, 4_000, 2_000], 100, pinning)
  const row = (asked: string, percentile: 50 | 90 | 99, holds: (seen: number) => boolean) => ({
    asked,
    ours: `${ms(reading, percentile).toFixed(percentile === 50 ? 2 : 0)} ms`,
    autocannon: `${autocannon[`p${percentile}Ms`]} ms`,
    wrk: `${wrk[`p${percentile}Ms`]} ms`,
    holds: holds(ms(reading, percentile)),
  })
  return [
    row('2 s stall in 10 s at 100/s: p50 ≤ 2 ms', 50, (seen) => seen <= 2),
    row('p90 within 5 % of 1,000 ms', 90, (seen) => Math.abs(seen / 1_000 - 1) <= 0.05),
    row('p99 within 5 % of 1,900 ms', 99, (seen) => Math.abs(seen / 1_900 - 1) <= 0.05),
  ]
}

async function evenArrivals(pinning: Pinning | null): Promise<AccuracyRow[]> {
  const plan: OpenPlan = { ratePerSecond: 1_000, arrivals: 'constant', durationMs: 10_000, seed: 1 }
  const { reading, report } = await ours([], plan, pinning)
  const { autocannon } = await beside([], 1_000, pinning)
  const [own, theirs] = [bucketShares(report), bucketShares(autocannon.report)]
  const shares = ({ least, most }: typeof own) =>
    `${(least * 100).toFixed(1)} to ${(most * 100).toFixed(1)} %`
  const latenessUs = percentileUs(reading.lateness, 50) ?? Infinity
  return [
    {
      asked: '1,000/s: each 100 ms has 8 to 12 % of its second',
      ours: shares(own),
      autocannon: shares(theirs),
      wrk: 'has no rate',
      holds: own.least >= 0.08 && own.most <= 0.12,
    },
    {
      asked: 'lateness of the generator: p50 ≤ 5 µs',
      ours: `${latenessUs} µs, p99 ${percentileUs(reading.lateness, 99) ?? '–'} µs`,
      autocannon: 'not told',
      wrk: 'not told',
      holds: latenessUs <= 5,
    },
  ]
}

async function poissonArrivals(pinning: Pinning | null): Promise<AccuracyRow> {
  const plan: OpenPlan = { ratePerSecond: 1_000, arrivals: 'poisson', durationMs: 10_000, seed: 1 }
  const { report } = await ours([], plan, pinning)
  const deviate = dispersionDeviate(report)
  return {
    asked: 'Poisson at 1,000/s: dispersion within ±3.3 sd',
    ours: `${deviate.toFixed(2)} sd`,
    autocannon: 'has none',
    wrk: 'has none',
    holds: Math.abs(deviate) <= 3.3,
  }
}

/** Our open loop on a fresh server, and what that server saw. */
async function ours(
  server: readonly number[],
  plan: OpenPlan,
  pinning: Pinning | null,
): Promise<{ reading: OpenReading; report: ServerReport }> {
  await using started = await startServer(server, pinning)
  const endpoint: Endpoint = {
    host: '127.0.0.1',
    port: started.port,
    tls: null,
    path: '/',
    headers: {},
    expect: { status: 200, body: Buffer.from('{"ok":true}') },
  }
  const reading = await runOpenLoop(endpoint, {
    schedule: createSchedule(plan),
    connections: 8,
    maxConnections: 1_024,
    timeoutMs: 10_000,
  })
  return { reading, report: await started.report() }
}

interface Told {
  readonly p50Ms: string
  readonly p90Ms: string
  readonly p99Ms: string
  readonly samples: string
  readonly report: ServerReport
}

/** What autocannon says at that rate, and wrk at whatever rate it goes: each of a fresh server. */
async function beside(
  server: readonly number[],
  ratePerSecond: number,
  pinning: Pinning | null,
): Promise<{ autocannon: Told; wrk: Told }> {
  return {
    autocannon: await tell(server, pinning, autocannonOf(ratePerSecond)),
    wrk: await tell(server, pinning, wrkOf),
  }
}

type Teller = (url: string) => {
  readonly command: readonly string[]
  readonly read: (out: string) => Omit<Told, 'report'>
}

const autocannonOf =
  (ratePerSecond: number): Teller =>
  (url) => ({
    command: [
      process.execPath,
      join(import.meta.dirname, '..', 'node_modules', 'autocannon', 'autocannon.js'),
      ...['-c', '8', '-d', '10', '-R', String(ratePerSecond), '--json', url],
    ],
    read: (out) => {
      const { latency, requests } = JSON.parse(out) as {
        latency: Record<'p50' | 'p90' | 'p99', number>
        requests: { total: number }
      }
      const [p50Ms, p90Ms, p99Ms] = [latency.p50, latency.p90, latency.p99].map(String)
      return {
        p50Ms: p50Ms ?? '–',
        p90Ms: p90Ms ?? '–',
        p99Ms: p99Ms ?? '–',
        samples: String(requests.total),
      }
    },
  })

const wrkOf: Teller = (url) => ({
  command: ['wrk', '-t', '1', '-c', '8', '-d', '10s', '--latency', url],
  read: (out) => {
    const at = (percentile: number) => {
      const [, value, unit] = new RegExp(`${percentile}%\\s+([\\d.]+)(us|ms|s)`).exec(out) ?? []
      if (value === undefined) return '–'
      return String(Number(value) * ({ us: 0.001, ms: 1, s: 1_000 }[unit ?? 'ms'] ?? 1))
    }
    const samples = /(\d+) requests in/.exec(out)?.[1] ?? '–'
    return { p50Ms: at(50), p90Ms: at(90), p99Ms: at(99), samples }
  },
})

async function tell(
  server: readonly number[],
  pinning: Pinning | null,
  teller: Teller,
): Promise<Told> {
  await using started = await startServer(server, pinning)
  const { command, read } = teller(`http://127.0.0.1:${started.port}/`)
  const [file = '', ...rest] = pinned(command, pinning?.clientCpus)
  const child = spawn(file, rest, { stdio: ['ignore', 'pipe', 'ignore'] })
  let out = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text))
  const missing = new Promise<boolean>((resolve) => {
    child.once('error', () => {
      resolve(true)
    })
    child.once('close', (code) => {
      resolve(code === 127)
    })
  })
  if (await missing) {
    const none = 'not installed'
    return { p50Ms: none, p90Ms: none, p99Ms: none, samples: none, report: await started.report() }
  }
  return { ...read(out), report: await started.report() }
}

async function startServer(
  options: readonly number[],
  pinning: Pinning | null,
): Promise<AsyncDisposable & { readonly port: number; report(): Promise<ServerReport> }> {
  const program = join(import.meta.dirname, 'open-benchmark', 'server.ts')
  const command = [process.execPath, program, ...options.map(String)]
  const [file = '', ...rest] = pinned(command, pinning?.serverCpus)
  const child = spawn(file, rest, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  const [{ port }] = (await once(child, 'message')) as [{ port: number }]
  return {
    port,
    async report() {
      child.send('report')
      const [report] = (await once(child, 'message')) as [ServerReport]
      return report
    },
    [Symbol.asyncDispose]: () => end(child),
  }
}

function pinned(
  command: readonly string[],
  cpus: readonly number[] | undefined,
): readonly string[] {
  return cpus === undefined ? command : ['taskset', '-c', cpus.join(','), ...command]
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const closed = once(child, 'close')
  child.kill()
  await closed
}

function ms({ response }: OpenReading, percentile: number): number {
  return (percentileUs(response, percentile) ?? Number.NaN) / 1_000
}

if (import.meta.main) {
  process.exitCode = await run().catch((error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
    return exitCodeOf(error)
  })
}
