import { parseArgs } from 'node:util'
import { setTimeout as sleep } from 'node:timers/promises'
import { createClient } from 'redis'
import { createHistogram, encodeHistogram, sampleCount } from '../bench/load/histogram.ts'
import { createRandom } from '../bench/random.ts'
import { driftUs, probeClock, toOwnMs, type ClockReading } from '../bench/seats/clock.ts'
import { collectResults } from '../bench/seats/collect.ts'
import { mergeSeats } from '../bench/seats/merge.ts'
import { planFormat, type SeatPlan } from '../bench/seats/plan.ts'
import { openRendezvous, type Rendezvous } from '../bench/seats/rendezvous.ts'
import { rollCall } from '../bench/seats/roll-call.ts'
import { encodeResult, type SeatResult } from '../bench/seats/seat-result.ts'
import { startRedis } from '../servers/database-testbed.ts'

// What does it take to bring a thousand seats together? 10 M requests/s for 10 minutes, made up; the wire format,
// the Redis, and the merge are real.
//   node scripts/seat-simulation.ts [--seats 1000] [--samples 6000000]

/** What a simulation came to. */
export interface Simulation {
  readonly seats: number
  readonly requests: number
  /** Whether every sample of every seat is in the merged histograms. */
  readonly isExact: boolean
  readonly mergeMs: number
  /** From the first look for results to the last one read. */
  readonly collectMs: number
  readonly maxRssBytes: number
  readonly resultBytes: number
  /** From the word to start to the last seat that heard it. */
  readonly propagationMs: number
  readonly startSkewUs: number
  readonly redis: {
    readonly keys: number
    readonly inputBytes: number
    readonly outputBytes: number
    /** By command. */
    readonly calls: Readonly<Record<string, number>>
  }
  readonly holds: boolean
}

/** Brings so many seats together, each with so many made-up samples. */
export async function simulate(seats: number, samples: number): Promise<Simulation> {
  await using redis = await startRedis()
  const settings = { url: redis.url, password: redis.password, ca: null }
  const plan = planOf(seats, samples)
  await using meeting = await openRendezvous(settings, plan.runId)
  await meeting.publishPlan(JSON.stringify(plan), plan.keepMs)
  await using crowd = new AsyncDisposableStack()
  const places = await inBatches(seats, async (index) => {
    const own = crowd.use(await openRendezvous(settings, plan.runId))
    const clock = await probeClock(() => own.timeUs())
    const seat = { index, ticket: `t${index}` }
    await own.claim(
      seat,
      JSON.stringify({ nonce: plan.nonce, errorUs: clock.errorUs }),
      plan.keepMs,
    )
    return { own, seat, clock }
  })
  const waiting = {
    meeting,
    plan,
    tolerated: 0,
    untilMs: performance.now() + plan.waitMs,
    say: nothing,
    signal: new AbortController().signal,
  }
  await rollCall(waiting)
  const begun = places.map((place) => hearStart(place, plan))
  const atUs = (await meeting.timeUs()) + leadMs * usPerMs
  const saidMs = performance.now()
  await meeting.notify({ kind: 'start', nonce: plan.nonce, atUs, without: [] }, plan.keepMs)
  const starts = await Promise.all(begun)
  const propagationMs = Math.max(...starts.map(({ heardMs }) => heardMs)) - saidMs
  let resultBytes = 0
  const expected = places.map(({ seat }) => seat.index)
  const delivered = inBatches(seats, async (index) => {
    const { own, seat } = places[index] ?? nobody(index)
    const clock = starts[index]?.clock ?? nobody(index)
    const after = await probeClock(() => own.timeUs())
    const written = encodeResult(
      resultOf(index, { plan, samples, clock, driftUs: driftUs(clock, after) }),
    )
    resultBytes += written.length
    await own.deliver(seat, written, plan.keepMs)
  })
  await delivered
  const collectingMs = performance.now()
  const { results, missing } = await collectResults(waiting, expected, collectingMs + 60_000)
  const mergingMs = performance.now()
  const merged = mergeSeats(plan, results, missing)
  const mergeMs = performance.now() - mergingMs
  const kinds = [merged.response, merged.service, merged.queueWait, merged.lateness]
  const isExact = kinds.every((kind) => sampleCount(kind) === seats * samples)
  const maxRssBytes = process.resourceUsage().maxRSS * bytesPerKib
  return {
    seats,
    requests: merged.requests,
    isExact,
    mergeMs,
    collectMs: mergingMs - collectingMs,
    maxRssBytes,
    resultBytes,
    propagationMs,
    startSkewUs: merged.seats.startSkewUs,
    redis: await trafficOf(redis.url, redis.password),
    holds: isExact && mergeMs <= mostMergeMs && maxRssBytes <= mostRssBytes,
  }
}

interface Place {
  readonly own: Rendezvous
  readonly clock: ClockReading
}

/** As a seat does: blocked until the word comes, then one more look at the clock, each in its turn. */
async function hearStart({ own, clock: early }: Place, { seats }: SeatPlan) {
  const told = await own.notice('0', 60_000)
  const heardMs = performance.now()
  if (told?.notice.kind !== 'start') throw new Error('no start was heard')
  const leftMs = toOwnMs(told.notice.atUs, early) - heardMs
  await sleep(Math.max(0, Math.random() * leftMs * (seats > 1 ? 0.5 : 0)))
  return { heardMs, clock: await probeClock(() => own.timeUs()) }
}

/** So many at a time: a thousand connections at the same instant are no sign of a thousand machines. */
async function inBatches<T>(count: number, work: (index: number) => Promise<T>): Promise<T[]> {
  const done: T[] = []
  for (let first = 0; first < count; first += batch) {
    const length = Math.min(batch, count - first)
    done.push(...(await Promise.all(Array.from({ length }, (_, own) => work(first + own)))))
  }
  return done
}

function planOf(seats: number, samples: number): SeatPlan {
  const durationMs = 600_000
  return {
    format: planFormat,
    source: { version: 'simulated', measuringVersion: 0, digest: '', commit: null },
    runId: 'simulation',
    nonce: 'simulation',
    schedule: {
      ratePerSecond: (seats * samples * usPerMs) / durationMs,
      arrivals: 'poisson',
      durationMs,
      seed: 1,
    },
    seats,
    connections: 8 * seats,
    maxConnections: 64 * seats,
    timeoutMs: 10_000,
    target: {
      url: 'https://gw.example/pay',
      label: 'gw',
      method: 'GET',
      headers: {},
      expectedStatuses: [200],
      expectedBodySha256: null,
      requestDigest: '',
    },
    credentials: [],
    clients: null,
    waitMs: 60_000,
    resultWaitMs: 60_000,
    keepMs: 600_000,
    withNames: false,
    trial: null,
  }
}

/** Samples in the shape of latencies, lognormal around a centre of the seat's own: thousands of distinct values. */
function histogramOf(samples: number, medianUs: number, seed: number): string {
  const random = createRandom(seed)
  const histogram = createHistogram()
  const each = Math.max(1, Math.floor(samples / draws))
  for (let left = samples; left > 0; left -= each) {
    const deviate = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
    const valueUs = Math.max(1, Math.round(medianUs * Math.exp(0.8 * deviate)))
    histogram.recordValueWithCount(valueUs, Math.min(each, left))
  }
  return encodeHistogram(histogram)
}

function resultOf(
  index: number,
  {
    plan: { runId, nonce, schedule, seats },
    samples,
    clock,
    driftUs: drift,
  }: {
    readonly plan: SeatPlan
    readonly samples: number
    readonly clock: ClockReading
    readonly driftUs: number
  },
): SeatResult {
  const wallUs = schedule.durationMs * usPerMs
  return {
    format: planFormat,
    runId,
    nonce,
    index,
    version: 'simulated',
    node: process.version,
    name: null,
    clients: null,
    marks: { certificates: null, tokens: null },
    clock,
    driftUs: drift,
    reading: {
      requests: samples,
      scheduled: samples * seats,
      answered: samples,
      timeouts: 0,
      errors: {},
      bytesReceived: samples * 200,
      connectionsOpened: 8,
      maxOutstanding: 64,
      wallUs,
      scheduleUs: wallUs,
      sendingUs: wallUs,
      spinUs: wallUs / 2,
      cpuUs: wallUs * 0.8,
      runQueueUs: 1,
      eventLoopUtilization: 0.9,
      histograms: {
        lateness: histogramOf(samples, 8, index),
        queueWait: histogramOf(samples, 12, index + seats),
        service: histogramOf(samples, 900 + index, index + 2 * seats),
        response: histogramOf(samples, 950 + index, index + 3 * seats),
      },
    },
  }
}

async function trafficOf(url: string, password: string): Promise<Simulation['redis']> {
  const client = createClient({ url, password })
  await client.connect()
  try {
    const stats = await client.info('stats')
    const commands = await client.info('commandstats')
    const numberOf = (name: string) => Number(new RegExp(`${name}:(\\d+)`).exec(stats)?.[1] ?? 0)
    const calls = [...commands.matchAll(/cmdstat_([^:]+):calls=(\d+)/g)].map(
      ([, name = '', count = '']) => [name, Number(count)] as const,
    )
    return {
      keys: await client.dbSize(),
      inputBytes: numberOf('total_net_input_bytes'),
      outputBytes: numberOf('total_net_output_bytes'),
      calls: Object.fromEntries(calls),
    }
  } finally {
    client.destroy()
  }
}

function nobody(index: number): never {
  throw new Error(`no seat ${index}`)
}

const nothing = (): void => undefined
const usPerMs = 1_000
const bytesPerKib = 1_024
const leadMs = 4_000
const batch = 50
const draws = 20_000
const mostMergeMs = 10_000
const mostRssBytes = 2 ** 30

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      seats: { type: 'string', default: '1000' },
      samples: { type: 'string', default: '6000000' },
    },
  })
  const simulation = await simulate(Number(values.seats), Number(values.samples))
  process.stdout.write(`${JSON.stringify(simulation, null, 1)}\n`)
  process.exitCode = simulation.holds ? 0 : 1
}
