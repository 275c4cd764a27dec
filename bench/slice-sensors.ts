import type { Snapshot } from '../servers/telemetry.ts'
import type { ServerProcess } from './processes.ts'
import type { Slice } from './results.ts'
import {
  awaitSleep,
  clientUtilization,
  createCpuMeter,
  processTree,
  readClient,
  readMachine,
  type ClientReading,
  type CpuReading,
  type MachineReading,
} from './sensors.ts'

/** Everything read at one end of a slice. */
export interface SensorReading {
  readonly server: CpuReading
  readonly issuer: CpuReading | null
  readonly machine: MachineReading
  readonly client: ClientReading
}

/** The part of a slice that sensors fill in. */
export type SensedSlice = Pick<
  Slice,
  | 'cpuUs'
  | 'issuerCpuUs'
  | 'clientCpuUs'
  | 'runQueueUs'
  | 'stealUs'
  | 'foreignCpuUs'
  | 'clientRunQueueUs'
  | 'eventLoopUtilization'
  | 'clientEventLoopUtilization'
  | 'gcUs'
  | 'rssBytes'
  | 'handshakesFull'
  | 'handshakesResumed'
>

/** Sensors around the slices of one arm. */
export interface SliceSensors {
  /** Before a load, when the processes sleep. The wait is not in the client's reading, here and at the end. */
  start(): Promise<SensorReading>
  /** After a load, when the processes have done what is behind the last answer, too. */
  end(): Promise<SensorReading>
  /** In the middle of a load, without waiting, where the platform allows; else null. */
  readNow(): SensorReading | null
  between(
    started: SensorReading,
    ended: SensorReading,
    before: Snapshot,
    after: Snapshot,
  ): SensedSlice
}

/** Sensors for an arm's processes; where the platform has no `schedstat` each process is asked itself. */
export function createSliceSensors(
  server: ServerProcess,
  issuer: ServerProcess | null,
): SliceSensors {
  const serverMeter = createCpuMeter(server.pid)
  const issuerMeter = issuer === null ? null : createCpuMeter(issuer.pid)
  const here = () => ({ machine: readMachine(), client: readClient() })
  const readProcesses = async () => {
    for (const { pid } of issuer === null ? [server] : [server, issuer])
      for (const each of processTree(pid)) awaitSleep(each)
    return {
      server: serverMeter() ?? (await askCpu(server)),
      issuer:
        issuer === null || issuerMeter === null ? null : (issuerMeter() ?? (await askCpu(issuer))),
    }
  }
  return {
    async start() {
      const processes = await readProcesses()
      return { ...processes, ...here() }
    },
    async end() {
      const surroundings = here()
      return { ...(await readProcesses()), ...surroundings }
    },
    readNow() {
      const serverCpu = serverMeter()
      return serverCpu === null
        ? null
        : { server: serverCpu, issuer: issuerMeter?.() ?? null, ...here() }
    },
    between: difference,
  }
}

async function askCpu(process: ServerProcess): Promise<CpuReading> {
  return { cpuUs: (await process.snapshot()).cpuUs, runQueueUs: null }
}

function difference(
  started: SensorReading,
  ended: SensorReading,
  before: Snapshot,
  after: Snapshot,
): SensedSlice {
  const cpuUs = ended.server.cpuUs - started.server.cpuUs
  const issuerCpuUs = minus(ended.issuer?.cpuUs ?? null, started.issuer?.cpuUs ?? null)
  const clientCpuUs = ended.client.cpuUs - started.client.cpuUs
  const busyUs = minus(ended.machine.busyUs, started.machine.busyUs)
  const activeUs = after.eventLoopActiveUs - before.eventLoopActiveUs
  const idleUs = after.eventLoopIdleUs - before.eventLoopIdleUs
  return {
    cpuUs,
    issuerCpuUs,
    clientCpuUs,
    runQueueUs: minus(ended.server.runQueueUs, started.server.runQueueUs),
    stealUs: minus(ended.machine.stealUs, started.machine.stealUs),
    // Ticks of 10 ms against ns: in one slice this is coarse, in the sum it is not. Cut off at zero
    // each time, the sum would tell of programs that were never there.
    foreignCpuUs: busyUs === null ? null : busyUs - cpuUs - (issuerCpuUs ?? 0) - clientCpuUs,
    clientRunQueueUs: minus(ended.client.runQueueUs, started.client.runQueueUs),
    eventLoopUtilization: activeUs + idleUs > 0 ? activeUs / (activeUs + idleUs) : 0,
    clientEventLoopUtilization: clientUtilization(started.client, ended.client),
    gcUs: after.gcUs - before.gcUs,
    rssBytes: after.rssBytes,
    handshakesFull: after.handshakesFull - before.handshakesFull,
    handshakesResumed: after.handshakesResumed - before.handshakesResumed,
  }
}

function minus(a: number | null, b: number | null): number | null {
  return a === null || b === null ? null : a - b
}
