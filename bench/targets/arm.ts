import { BenchError } from '../errors.ts'
import { createChurnClient, type ChurnClient, type ChurnReading } from '../load/churn.ts'
import { medianUs, recordAll } from '../load/histogram.ts'
import type { Endpoint } from '../load/target.ts'
import {
  emptyHistograms,
  type ChurnArm,
  type ChurnRequest,
  type ChurnSliceReading,
} from '../measure-churn.ts'
import type { CurveArm } from '../measure-curve.ts'
import type { WindowReading } from '../measure-open.ts'
import type { SliceRequest } from '../measure.ts'
import type { SliceReading } from '../recorder.ts'
import type { Block } from '../results.ts'
import { clientUtilization, readClient, readMachine } from '../sensors.ts'
import { measureTargetWindow } from '../windows.ts'
import type { Deadline } from './caps.ts'
import { openTargetConnections, type TargetConnections } from './closed.ts'
import type { CpuSource } from './cpu.ts'
import { describeFault } from './faults.ts'
import type { Pace } from './pace.ts'

/** What an arm of a target is made of. */
export interface TargetArmOptions {
  readonly label: string
  /** With the token, if there is one. */
  readonly endpoint: Endpoint
  readonly connections: number
  readonly timeoutMs: number
  readonly pace: Pace | null
  /** Of all rates; null: none. */
  readonly maxRatePerSecond: number | null
  readonly cpu: CpuSource | null
  /** Aborted where no request may be sent any more. */
  readonly died: AbortSignal
  readonly deadline: Deadline
  /** Told at the end of a block, where CPU is not known slice by slice. */
  readonly onCounted: (counted: Counted) => void
}

/** CPU of a target over a whole block. */
export type Counted = NonNullable<Block['counted']>[number]

/** An arm of a server that is neither started nor stopped, for every kind of load. */
export type TargetArm = ChurnArm & CurveArm

/** Opens the connections of a block; throws `measurement-failed` with one line. */
export async function startTargetArm(options: TargetArmOptions): Promise<TargetArm> {
  const { label, endpoint, connections, timeoutMs, pace, cpu, died, deadline } = options
  died.throwIfAborted()
  deadline.start()
  const open = (count: number) =>
    openTargetConnections(endpoint, { label, connections: count, timeoutMs, pace })
  const lazy = createLazy(open, connections)
  const counter = await startCounter(options)
  const counted = async <T extends { readonly requests: number }>(work: Promise<T>): Promise<T> => {
    const reading = await work
    counter.add(reading.requests)
    return reading
  }
  const churnClient = once(() => createChurnClient(endpoint, pace === null ? null : () => pace.turn()))
  const readSliceCpuUs = () => (cpu?.perSlice === true ? cpu.readUs() : Promise.resolve(null))
  return {
    id: label,
    connections,
    died: AbortSignal.any([died, deadline.signal]),
    pin: () => undefined,
    slice: (request) =>
      measureSlice(request, async () => counted((await lazy.of(request.connections)).run(request.requests)), readSliceCpuUs),
    churn: (request) =>
      measureChurn(request, {
        label,
        concurrency: connections,
        isTls: endpoint.tls !== null,
        load: async () =>
          counted(loadChurn(request, { client: churnClient(), lazy, connections })),
        readSliceCpuUs,
      }),
    // Not one request more than was asked for.
    settle: () => Promise.resolve(),
    async capacityPerSecond() {
      const { requests, wallUs } = await counted((await lazy.of(connections)).run(capacityRequests))
      const perSecond = (requests * usPerSecond) / wallUs
      const { maxRatePerSecond: most } = options
      // A curve goes past what was found, and must not go past the cap.
      return most === null ? perSecond : Math.min(perSecond, most / highestShare)
    },
    async window(request, signal) {
      const window = await measureTargetWindow(endpoint, request, signal, async () =>
        cpu === null || isTooCoarse(cpu, request.durationMs) ? null : cpu.readUs(),
      )
      assertWhole(label, window)
      return window
    },
    async [Symbol.asyncDispose]() {
      lazy.close()
      await counter.finish()
    },
  }
}

/** A pool for each number of connections that is asked for. */
interface LazyPools {
  of(connections: number): Promise<TargetConnections>
  close(): void
}

function createLazy(
  open: (connections: number) => Promise<TargetConnections>,
  most: number,
): LazyPools {
  const pools = new Map<number, TargetConnections>()
  return {
    async of(connections) {
      const count = Math.min(connections, most)
      const pool = pools.get(count) ?? (await open(count))
      pools.set(count, pool)
      return pool
    },
    close() {
      for (const pool of pools.values()) pool[Symbol.dispose]()
    },
  }
}

async function measureSlice(
  request: SliceRequest,
  load: () => ReturnType<TargetConnections['run']>,
  readCpuUs: () => Promise<number | null>,
): Promise<SliceReading> {
  const cpuUs = await readCpuUs()
  const before = { client: readClient(), machine: readMachine() }
  const { opened, ...reading } = await load()
  const sensed = since(before)
  return {
    ...reading,
    load: request.load,
    connections: request.connections,
    latencyP50Us: medianUs(reading.latenciesUs),
    ...sensed,
    cpuUs: minus(await readCpuUs(), cpuUs),
    handshakesFull: opened,
    handshakesResumed: 0,
  }
}

async function measureChurn(
  { clients }: ChurnRequest,
  scene: {
    readonly label: string
    readonly concurrency: number
    readonly isTls: boolean
    readonly load: () => Promise<ChurnReading>
    readonly readSliceCpuUs: () => Promise<number | null>
  },
): Promise<ChurnSliceReading> {
  const cpuUs = await scene.readSliceCpuUs()
  const before = { client: readClient(), machine: readMachine() }
  const { tcp, tls, firstByte, response, served, refused, resumed, ...counts } = await scene
    .load()
    .catch((error: unknown) => {
      throw new BenchError('measurement-failed', `${scene.label}: ${describeFault(error)}`)
    })
  const sensed = since(before)
  assertNoneRefused(scene.label, refused, counts.connections)
  const handshakes = scene.isTls ? counts.connections : 0
  return {
    slice: {
      ...counts,
      concurrency: clients ?? scene.concurrency,
      ...sensed,
      cpuUs: minus(await scene.readSliceCpuUs(), cpuUs),
      // The client's count: nobody asks the server.
      handshakesFull: handshakes - resumed,
      handshakesResumed: resumed,
      connectionsRefused: 0,
      handshakesFailed: null,
    },
    histograms: { tcp, tls, firstByte, response, served },
  }
}

async function loadChurn(
  { policy, requestsPerConnection, connections: anew, requests, clients }: ChurnRequest,
  scene: {
    readonly client: ChurnClient
    readonly lazy: LazyPools
    readonly connections: number
  },
): Promise<ChurnReading> {
  if (policy !== 'keep-alive' && requestsPerConnection !== null && anew !== null) {
    return scene.client.run({
      policy,
      requestsPerConnection,
      connections: anew,
      concurrency: clients ?? scene.connections,
      stay: clients !== undefined,
    })
  }
  const pool = await scene.lazy.of(scene.connections)
  const { latenciesUs, wallUs, bytesReceived } = await pool.run(requests)
  const histograms = emptyHistograms()
  recordAll(histograms.response, latenciesUs)
  return {
    ...histograms,
    requests,
    wallUs,
    bytesReceived,
    connections: 0,
    refused: {},
    resumed: 0,
  }
}

function assertNoneRefused(
  label: string,
  refused: Readonly<Record<string, number>>,
  connections: number,
): void {
  const [first] = Object.entries(refused)
  if (first === undefined) return
  const total = Object.values(refused).reduce((sum, count) => sum + count, 0)
  throw new BenchError(
    'measurement-failed',
    `${label}: ${total} of ${connections} new connections had no answer: ${describeFault(new Error(first[0]))}`,
  )
}

/**
 * A request that fails is answered sooner than one that is served: where more than a few do, percentiles would
 * be of failures. Timeouts are no such thing, they count as their own length. Throws `measurement-failed`.
 */
function assertWhole(label: string, { plan, requests, errors }: WindowReading): void {
  const reasons = Object.entries(errors)
  const failed = reasons.reduce((sum, [, count]) => sum + count, 0)
  if (failed <= requests * toleratedShare) return
  const told = reasons.map(([why, count]) => `${count} × ${describeFault(new Error(why))}`)
  throw new BenchError(
    'measurement-failed',
    `${label}: ${failed} of ${requests} requests failed at ${plan.ratePerSecond} requests/s: ${told.join('; ')}`,
  )
}

/** Everything about the client and the machine; of the target's processes nothing. */
function since(before: {
  readonly client: ReturnType<typeof readClient>
  readonly machine: ReturnType<typeof readMachine>
}) {
  const after = { client: readClient(), machine: readMachine() }
  return {
    cpuUs: null,
    issuerCpuUs: null,
    clientCpuUs: after.client.cpuUs - before.client.cpuUs,
    runQueueUs: null,
    stealUs: minus(after.machine.stealUs, before.machine.stealUs),
    foreignCpuUs: null,
    clientRunQueueUs: minus(after.client.runQueueUs, before.client.runQueueUs),
    eventLoopUtilization: null,
    clientEventLoopUtilization: clientUtilization(before.client, after.client),
    gcUs: null,
    rssBytes: null,
  }
}

/** Reads CPU at both ends of a block, where it is too coarse for slices. */
async function startCounter({ label, cpu, onCounted }: TargetArmOptions) {
  const startMs = performance.now()
  const coarse = cpu === null || cpu.perSlice ? null : cpu
  const startUs = await coarse?.readUs()
  let requests = 0
  return {
    add(count: number) {
      requests += count
    },
    async finish() {
      if (coarse === null || startUs === undefined || requests === 0) return
      const wallUs = (performance.now() - startMs) * usPerMs
      const usedUs = (await coarse.readUs()) - startUs
      const cpuUs = isTooCoarse(coarse, wallUs / usPerMs) ? null : usedUs
      onCounted({ arm: label, cpuUs, requests, wallUs, resolutionMs: coarse.resolutionMs })
    },
  }
}

/** A counter that moves every 15 s says nothing of 5 s. */
function isTooCoarse({ resolutionMs }: CpuSource, durationMs: number): boolean {
  return resolutionMs !== null && durationMs < leastScrapes * resolutionMs
}

function minus(a: number | null, b: number | null): number | null {
  return a === null || b === null ? null : a - b
}

function once<T>(create: () => T): () => T {
  let made: { readonly value: T } | null = null
  return () => (made ??= { value: create() }).value
}

const usPerMs = 1_000
const usPerSecond = 1e6
const capacityRequests = 400
/** The highest share of its capacity at which a curve offers load. */
const highestShare = 1.2
/** Few failures move a p99 by little, and are told beside it. */
const toleratedShare = 0.01
/** Ends of a block are known to one scrape each. */
const leastScrapes = 4
