import type { ServerSnapshot } from '../servers/gateways/messages.ts'
import { BenchError } from './errors.ts'
import { encodeHistogram } from './load/histogram.ts'
import { runGenerators } from './load/generators.ts'
import { runOpenLoop, type OpenReading } from './load/open.ts'
import { createSchedule } from './load/schedule.ts'
import type { MergedReading } from './load/stripe.ts'
import type { Endpoint } from './load/target.ts'
import type { WindowReading, WindowRequest } from './measure-open.ts'
import type { Window } from './results.ts'
import { clientUtilization, readClient, readMachine } from './sensors.ts'
import type { ServerProcess } from './processes.ts'
import type { SliceSensors } from './slice-sensors.ts'

/** What an arm's own processes tell of a window; null of a target that is somebody else's. */
type Sensed = Pick<
  Window,
  | 'cpuUs'
  | 'issuerCpuUs'
  | 'clientCpuUs'
  | 'runQueueUs'
  | 'stealUs'
  | 'foreignCpuUs'
  | 'clientRunQueueUs'
  | 'clientEventLoopUtilization'
  | 'handshakesFull'
  | 'handshakesResumed'
  | 'gcUs'
  | 'rssBytes'
>

/** One window of an open loop on an arm of our own, with the CPU of its processes. */
export async function measureServerWindow(
  {
    targets,
    server,
    sensors,
  }: {
    readonly targets: readonly Endpoint[]
    readonly server: ServerProcess
    readonly sensors: SliceSensors
  },
  request: WindowRequest,
  signal: AbortSignal,
): Promise<WindowReading> {
  let before: ServerSnapshot = await server.snapshot()
  let started = await sensors.start()
  const reading = await offer(targets, request, signal, async () => {
    // The connections of the start and their handshakes are no part of the window. A TLS 1.3 client is done
    // before the server is, so that its count is waited for.
    const opened = Math.min(request.connections, request.maxConnections)
    const wanted = handshakesOf(before) + (targets[0]?.tls == null ? 0 : opened)
    before = await snapshotWhen(server, (now) => handshakesOf(now) >= wanted)
    started = await sensors.start()
  })
  const ended = await sensors.end()
  // The server counts a response a moment after the client has read it.
  const after = await snapshotWhen(
    server,
    (now) => served(now) - served(before) >= reading.answered,
  )
  crossCheck(request, reading, { before, after, server })
  const { eventLoopUtilization: _, ...sensed } = sensors.between(started, ended, before, after)
  return windowOf(request, reading, sensed)
}

/** Who offers a window: told what is offered, what ends it, and what is awaited before it begins. */
export type OfferWindow = (
  request: WindowRequest,
  signal: AbortSignal,
  onConnected: () => Promise<void>,
) => Promise<OfferedReading>

/** What came of a window, by this process, or by several, here or elsewhere. */
export type OfferedReading = OpenReading | (MergedReading & Pick<Window, 'seats'>)

/** One window of an open loop on a target of which only its answers are known, and its CPU if that can be read. */
export async function measureTargetWindow(
  targets: readonly Endpoint[],
  request: WindowRequest,
  signal: AbortSignal,
  {
    readCpuUs = () => Promise.resolve(null),
    offerWindow = (...args) => offer(targets, ...args),
  }: {
    readonly readCpuUs?: () => Promise<number | null>
    readonly offerWindow?: OfferWindow
  } = {},
): Promise<WindowReading> {
  const here = () => ({ client: readClient(), machine: readMachine() })
  let cpuBeforeUs: number | null = null
  let before = here()
  const reading = await offerWindow(request, signal, async () => {
    cpuBeforeUs = await readCpuUs()
    before = here()
  })
  const after = here()
  const minus = (a: number | null, b: number | null) => (a === null || b === null ? null : a - b)
  return windowOf(request, reading, {
    cpuUs: minus(await readCpuUs(), cpuBeforeUs),
    issuerCpuUs: null,
    clientCpuUs: after.client.cpuUs - before.client.cpuUs,
    runQueueUs: null,
    // Of this machine, which is not that of seats.
    stealUs:
      request.seats === undefined ? minus(after.machine.stealUs, before.machine.stealUs) : null,
    foreignCpuUs: null,
    clientRunQueueUs: minus(after.client.runQueueUs, before.client.runQueueUs),
    clientEventLoopUtilization: clientUtilization(before.client, after.client),
    handshakesFull: null,
    handshakesResumed: null,
    gcUs: null,
    rssBytes: null,
  })
}

/** The first snapshot that has what is waited for, or the last that was asked for. */
async function snapshotWhen(
  server: ServerProcess,
  isSettled: (now: ServerSnapshot) => boolean,
): Promise<ServerSnapshot> {
  for (let attempt = 1; ; attempt++) {
    const now = await server.snapshot()
    if (isSettled(now) || attempt === settleAttempts) return now
  }
}

/**
 * The generator's counts against the server's. Where every request was answered both are equal; one that
 * was given up may have been served all the same. Throws `measurement-failed`.
 */
function crossCheck(
  { connections, maxConnections }: WindowRequest,
  { requests, answered, connectionsOpened }: OpenReading,
  {
    before,
    after,
    server,
  }: {
    readonly before: ServerSnapshot
    readonly after: ServerSnapshot
    readonly server: Pick<ServerProcess, 'product'>
  },
): void {
  const responses = served(after) - served(before)
  const handlerCalls = after.handlerCalls - before.handlerCalls
  const handshakes = handshakesOf(after) - handshakesOf(before)
  // Those of the start are done before the window begins; a product tells of them with their first request.
  const atStart = server.product === undefined ? Math.min(connections, maxConnections) : 0
  const opened = connectionsOpened - atStart
  const faults = [
    responses < answered || responses > requests
      ? `the server counted ${responses} answers with 200 where the client had ${answered} of ${requests}`
      : null,
    handlerCalls === responses
      ? null
      : `the server counted ${handlerCalls} handler calls and ${responses} answers with 200`,
    handshakes > opened
      ? `the server counted ${handshakes} handshakes where the client opened ${opened} connections`
      : null,
  ].filter((fault) => fault !== null)
  if (faults.length > 0) {
    throw new BenchError(
      'measurement-failed',
      `client and server disagree in a window of offered load: ${faults.join('; ')}`,
    )
  }
}

function handshakesOf({ handshakesFull, handshakesResumed }: ServerSnapshot): number {
  return handshakesFull + handshakesResumed
}

function served({ responses }: ServerSnapshot): number {
  return responses['200'] ?? 0
}

/** By this process, or by several of their own. */
function offer(
  targets: Endpoint | readonly Endpoint[],
  request: WindowRequest,
  signal: AbortSignal,
  onConnected: () => Promise<void>,
): Promise<OfferedReading> {
  const { connections, maxConnections, timeoutMs, generators = 1, ...plan } = request
  if (generators > 1) {
    const limits = { connections, maxConnections, timeoutMs }
    return runGenerators(targets, { plan, ...limits, generators, signal, onConnected })
  }
  const schedule = createSchedule(plan)
  return runOpenLoop(targets, {
    schedule,
    connections,
    maxConnections,
    timeoutMs,
    signal,
    onConnected,
  })
}

function windowOf(request: WindowRequest, reading: OfferedReading, sensed: Sensed): WindowReading {
  const { lateness, queueWait, service, response, ...rest } = reading
  const { generators, seats, ...counts } = { generators: [], seats: undefined, ...rest }
  return {
    plan: { ...request },
    ...counts,
    errors: { ...counts.errors },
    ...withGenerators(sensed, generators, seats),
    histograms: {
      response: encodeHistogram(response),
      service: encodeHistogram(service),
      queueWait: encodeHistogram(queueWait),
      lateness: encodeHistogram(lateness),
    },
  }
}

/** What the generators used was used by the client, and by nobody foreign. */
function withGenerators(
  sensed: Sensed,
  generators: MergedReading['generators'],
  seats: Window['seats'],
): Sensed & Pick<Window, 'generators' | 'seats'> {
  if (generators.length === 0) return sensed
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)
  const cpuUs = sum(generators.map((each) => each.cpuUs))
  const waits = generators.map(({ runQueueUs }) => runQueueUs)
  const loops = generators.map(({ eventLoopUtilization }) => eventLoopUtilization)
  return {
    ...sensed,
    clientCpuUs: cpuUs,
    foreignCpuUs: sensed.foreignCpuUs === null ? null : sensed.foreignCpuUs - cpuUs,
    clientRunQueueUs: waits.includes(null) ? null : sum(waits.map((wait) => wait ?? 0)),
    clientEventLoopUtilization: Math.max(...loops),
    ...(seats === undefined
      ? {
          generators: generators.map(({ requests, wallUs, cpuUs: used, spinUs }) => ({
            requests,
            wallUs,
            cpuUs: used,
            spinUs,
          })),
        }
      : { seats }),
  }
}

const settleAttempts = 50
