import type { Snapshot } from '../servers/telemetry.ts'
import { encodeHistogram } from './load/histogram.ts'
import { runOpenLoop, type OpenReading } from './load/open.ts'
import { createSchedule } from './load/schedule.ts'
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
    target,
    server,
    sensors,
  }: {
    readonly target: Endpoint
    readonly server: ServerProcess
    readonly sensors: SliceSensors
  },
  request: WindowRequest,
  signal: AbortSignal,
): Promise<WindowReading> {
  let before: Snapshot = await server.snapshot()
  let started = await sensors.start()
  const reading = await offer(target, request, signal, async () => {
    // The connections of the start and their handshakes are no part of the window.
    before = await server.snapshot()
    started = await sensors.start()
  })
  const ended = await sensors.end()
  const after = await server.snapshot()
  const { eventLoopUtilization: _, ...sensed } = sensors.between(started, ended, before, after)
  return windowOf(request, reading, sensed)
}

/** One window of an open loop on a target of which only its answers are known. */
export async function measureTargetWindow(
  target: Endpoint,
  request: WindowRequest,
  signal: AbortSignal,
): Promise<WindowReading> {
  let before = { client: readClient(), machine: readMachine() }
  const reading = await offer(target, request, signal, () => {
    before = { client: readClient(), machine: readMachine() }
    return Promise.resolve()
  })
  const after = { client: readClient(), machine: readMachine() }
  const minus = (a: number | null, b: number | null) => (a === null || b === null ? null : a - b)
  return windowOf(request, reading, {
    cpuUs: null,
    issuerCpuUs: null,
    clientCpuUs: after.client.cpuUs - before.client.cpuUs,
    runQueueUs: null,
    stealUs: minus(after.machine.stealUs, before.machine.stealUs),
    foreignCpuUs: null,
    clientRunQueueUs: minus(after.client.runQueueUs, before.client.runQueueUs),
    clientEventLoopUtilization: clientUtilization(before.client, after.client),
    handshakesFull: null,
    handshakesResumed: null,
    gcUs: null,
    rssBytes: null,
  })
}

function offer(
  target: Endpoint,
  { connections, maxConnections, timeoutMs, ...plan }: WindowRequest,
  signal: AbortSignal,
  onConnected: () => Promise<void>,
): Promise<OpenReading> {
  const schedule = createSchedule(plan)
  return runOpenLoop(target, {
    schedule,
    connections,
    maxConnections,
    timeoutMs,
    signal,
    onConnected,
  })
}

function windowOf(request: WindowRequest, reading: OpenReading, sensed: Sensed): WindowReading {
  const { lateness, queueWait, service, response, ...counts } = reading
  return {
    plan: { ...request },
    ...counts,
    errors: { ...counts.errors },
    ...sensed,
    histograms: {
      response: encodeHistogram(response),
      service: encodeHistogram(service),
      queueWait: encodeHistogram(queueWait),
      lateness: encodeHistogram(lateness),
    },
  }
}
