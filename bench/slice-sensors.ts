import { setTimeout } from 'node:timers/promises'
import type { ServerSnapshot } from '../servers/gateways/messages.ts'
import { BenchError } from './errors.ts'
import { processesOf, type ServerProcess } from './processes.ts'
import type { Slice } from './results.ts'
import {
  awaitSleep,
  awaitThreadsSleep,
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
  /** Of all its processes. */
  readonly server: CpuReading
  /** Of each hop, by name; null where there is but the server. */
  readonly hops: readonly HopReading[] | null
  readonly issuer: CpuReading | null
  readonly machine: MachineReading
  readonly client: ClientReading
}

/** The part of a slice that sensors fill in. */
export type SensedSlice = Pick<
  Slice,
  | 'cpuUs'
  | 'hops'
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
    before: ServerSnapshot,
    after: ServerSnapshot,
  ): SensedSlice
}

/** Sensors for an arm's processes; where the platform has no `schedstat` each process is asked itself. */
export function createSliceSensors(
  server: ServerProcess,
  issuer: ServerProcess | null,
): SliceSensors {
  const meters = processesOf(server).map((process) => ({
    process,
    read: createCpuMeter(process.pid),
  }))
  const names = server.hops?.map(({ hop }) => hop.name) ?? null
  const issuerMeter = issuer === null ? null : createCpuMeter(issuer.pid)
  const here = () => ({ machine: readMachine(), client: readClient() })
  const readProcesses = async () => {
    for (const { pid, product } of [...processesOf(server), ...(issuer === null ? [] : [issuer])]) {
      // A product may answer on any of its threads, and has none that compile or collect behind them.
      const wait = product === undefined ? awaitSleep : awaitThreadsSleep
      for (const each of processTree(pid)) wait(each)
    }
    const readings: CpuReading[] = []
    for (const { process, read } of meters) readings.push(read() ?? (await askCpu(process)))
    return {
      ...together(readings, names),
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
      const readings = meters.map(({ read }) => read()).filter((reading) => reading !== null)
      return readings.length < meters.length
        ? null
        : { ...together(readings, names), issuer: issuerMeter?.() ?? null, ...here() }
    },
    between: difference,
  }
}

/** The CPU of one hop. */
interface HopReading {
  readonly hop: string
  readonly cpuUs: number
}

/** Sums readings of the processes of one server; `names` where they are hops. */
function together(
  readings: readonly CpuReading[],
  names: readonly string[] | null,
): Pick<SensorReading, 'server' | 'hops'> {
  const waits = readings.flatMap(({ runQueueUs }) => runQueueUs ?? [])
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)
  return {
    server: {
      cpuUs: sum(readings.map(({ cpuUs }) => cpuUs)),
      runQueueUs: waits.length < readings.length ? null : sum(waits),
    },
    hops:
      names === null
        ? null
        : readings.map(({ cpuUs }, index) => ({ hop: names[index] ?? '', cpuUs })),
  }
}

function hopShares(
  started: SensorReading,
  ended: SensorReading,
): Pick<SensedSlice, 'hops'> | undefined {
  if (started.hops === null || ended.hops === null) return undefined
  const before = started.hops
  return {
    hops: ended.hops.map(({ hop, cpuUs }, index) => ({
      hop,
      cpuUs: cpuUs - (before[index]?.cpuUs ?? 0),
    })),
  }
}

async function askCpu(process: ServerProcess): Promise<CpuReading> {
  const { cpuUs } = await process.snapshot()
  if (cpuUs !== null) return { cpuUs, runQueueUs: null }
  // A product that has ended has no CPU either, and its supervisor is about to say what it died of.
  await setTimeout(deathNoticeMs, undefined, { signal: process.died }).catch(() => undefined)
  process.died.throwIfAborted()
  throw new BenchError(
    'measurement-failed',
    `${process.product ?? process.program}: its CPU cannot be read here, measure it on Linux`,
  )
}

/** Longer than that takes on a machine whose cores are all busy. */
const deathNoticeMs = 10_000

function difference(
  started: SensorReading,
  ended: SensorReading,
  before: ServerSnapshot,
  after: ServerSnapshot,
): SensedSlice {
  const cpuUs = ended.server.cpuUs - started.server.cpuUs
  const issuerCpuUs = minus(ended.issuer?.cpuUs ?? null, started.issuer?.cpuUs ?? null)
  const clientCpuUs = ended.client.cpuUs - started.client.cpuUs
  const busyUs = minus(ended.machine.busyUs, started.machine.busyUs)
  const activeUs = minus(after.eventLoopActiveUs, before.eventLoopActiveUs)
  const idleUs = minus(after.eventLoopIdleUs, before.eventLoopIdleUs)
  return {
    cpuUs,
    ...hopShares(started, ended),
    issuerCpuUs,
    clientCpuUs,
    runQueueUs: minus(ended.server.runQueueUs, started.server.runQueueUs),
    stealUs: minus(ended.machine.stealUs, started.machine.stealUs),
    // Ticks of 10 ms against ns: in one slice this is coarse, in the sum it is not. Cut off at zero
    // each time, the sum would tell of programs that were never there.
    foreignCpuUs: busyUs === null ? null : busyUs - cpuUs - (issuerCpuUs ?? 0) - clientCpuUs,
    clientRunQueueUs: minus(ended.client.runQueueUs, started.client.runQueueUs),
    eventLoopUtilization: shareOf(activeUs, idleUs),
    clientEventLoopUtilization: clientUtilization(started.client, ended.client),
    gcUs: minus(after.gcUs, before.gcUs),
    rssBytes: after.rssBytes,
    handshakesFull: after.handshakesFull - before.handshakesFull,
    handshakesResumed: after.handshakesResumed - before.handshakesResumed,
  }
}

function shareOf(activeUs: number | null, idleUs: number | null): number | null {
  if (activeUs === null || idleUs === null) return null
  return activeUs + idleUs > 0 ? activeUs / (activeUs + idleUs) : 0
}

function minus(a: number | null, b: number | null): number | null {
  return a === null || b === null ? null : a - b
}
