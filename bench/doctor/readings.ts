import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, statfsSync } from 'node:fs'
import { createServer, connect, type AddressInfo } from 'node:net'
import { availableParallelism, cpus, freemem, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { setTimeout as pause } from 'node:timers/promises'
import { medianUs } from '../load/histogram.ts'
import { installedGateways } from '../gateways.ts'
import { findLockHolder, type LockHolder } from '../lock.ts'
import { parseCpuList } from '../pinning.ts'
import { createCpuMeter, readMachine } from '../sensors.ts'

/** What the doctor reads of a machine; null = this platform does not tell. */
export interface Readings {
  readonly cores: number
  /** Frequency governors of all cores, each once. */
  readonly governors: readonly string[] | null
  /** Share of all core time in the second of watching, 0 to 1. */
  readonly stealShare: number | null
  /** Share of all core time that went to other processes, 0 to 1. */
  readonly foreignShare: number | null
  readonly clockSource: string | null
  /** How far wall clock and monotonic clock came apart in the second of watching. */
  readonly clockDriftMs: number
  /** Whether a process that taskset started on one core may run on that core alone. */
  readonly pinned: boolean | null
  readonly nodeVersion: string
  /** Of the lock file, for this platform; null without an entry. */
  readonly lockedNodeVersion: string | null
  readonly schedstat: boolean | null
  readonly freeMemoryBytes: number
  readonly freeResultsBytes: number | null
  readonly freeTmpBytes: number | null
  /** Median round trip of one byte over TCP on 127.0.0.1; null when there is none. */
  readonly loopbackUs: number | null
  readonly git: string | null
  /** Products that can be measured in the place of our servers, each with its version. */
  readonly gateways: readonly string[]
  /** `unreadable` when the temporary folder cannot be listed. */
  readonly lockHolder: LockHolder | 'unreadable' | null
}

/** Reads everything, in a little more than a second; throws only what aborts it. */
export async function takeReadings(options: {
  readonly root: string
  readonly results: string
  readonly signal: AbortSignal
}): Promise<Readings> {
  return {
    // First, while nothing of ours runs.
    ...(await watch(options.signal)),
    cores: availableParallelism(),
    governors: readGovernors(),
    clockSource: readText('/sys/devices/system/clocksource/clocksource0/current_clocksource'),
    pinned: tryPinning(),
    nodeVersion: process.versions.node,
    lockedNodeVersion: readLockedNode(options.root),
    schedstat: isLinux ? createCpuMeter(process.pid)() !== null : null,
    freeMemoryBytes: freemem(),
    freeResultsBytes: freeBytes(options.results),
    freeTmpBytes: freeBytes(tmpdir()),
    loopbackUs: await measureLoopback().catch(() => null),
    gateways: installedGateways().flatMap(({ title }) => title ?? []),
    git: /\d+(\.\d+)+/.exec(outputOf('git', ['--version']) ?? '')?.[0] ?? null,
    lockHolder: readLock(),
  }
}

async function watch(
  signal: AbortSignal,
): Promise<Pick<Readings, 'stealShare' | 'foreignShare' | 'clockDriftMs'>> {
  const read = () => ({
    monotonicMs: performance.now(),
    wallMs: Date.now(),
    machine: readMachine(),
    own: process.cpuUsage(),
  })
  const before = read()
  await pause(watchMs, undefined, { signal })
  const after = read()
  const elapsedMs = after.monotonicMs - before.monotonicMs
  // Of the whole machine, as /proc/stat is, even where this process may use a part of it.
  const coreUs = elapsedMs * usPerMs * cpus().length
  const ownUs = after.own.user + after.own.system - before.own.user - before.own.system
  const stealUs = minus(after.machine.stealUs, before.machine.stealUs)
  const busyUs = minus(after.machine.busyUs, before.machine.busyUs)
  return {
    stealShare: stealUs === null ? null : stealUs / coreUs,
    foreignShare: busyUs === null ? null : Math.max(0, busyUs - ownUs) / coreUs,
    clockDriftMs: Math.abs(after.wallMs - before.wallMs - elapsedMs),
  }
}

function readGovernors(): string[] | null {
  const folder = '/sys/devices/system/cpu'
  const governors = listOf(folder)
    .filter((name) => /^cpu\d+$/.test(name))
    .flatMap((name) => readText(join(folder, name, 'cpufreq', 'scaling_governor')) ?? [])
  return governors.length === 0 ? null : [...new Set(governors)]
}

function tryPinning(): boolean | null {
  if (!isLinux) return null
  const core = allowedCpus('self')[0]
  if (core === undefined) return null
  const status = outputOf('taskset', ['-c', String(core), 'cat', '/proc/self/status'])
  return status !== null && cpusOf(status).join() === String(core)
}

function allowedCpus(pid: string): number[] {
  return cpusOf(readText(`/proc/${pid}/status`) ?? '')
}

function cpusOf(status: string): number[] {
  return parseCpuList(/^Cpus_allowed_list:\s*(.+)$/m.exec(status)?.[1] ?? '')
}

/** Version of the Node package for this platform in package-lock.json. */
function readLockedNode(root: string): string | null {
  const packages = lockedPackages(readText(join(root, 'package-lock.json')))
  const platform = process.platform === 'win32' ? 'win' : process.platform
  const names = [`node-${platform}-${process.arch}`, `node-bin-${platform}-${process.arch}`]
  const versions = names.map((name) => packages[`node_modules/${name}`]?.version)
  return versions.find((version) => typeof version === 'string') ?? null
}

function lockedPackages(text: string | null): Record<string, { version?: string } | undefined> {
  try {
    const { packages } = JSON.parse(text ?? '{}') as {
      packages?: Record<string, { version?: string }>
    }
    return packages ?? {}
  } catch {
    return {}
  }
}

/** Free bytes where a folder is, or will be. */
function freeBytes(folder: string): number | null {
  try {
    const { bavail, bsize } = statfsSync(folder)
    return bavail * bsize
  } catch {
    return dirname(folder) === folder ? null : freeBytes(dirname(folder))
  }
}

async function measureLoopback(): Promise<number> {
  const server = createServer((socket) => {
    socket.setNoDelay(true).pipe(socket)
    socket.on('error', () => socket.destroy())
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(0, '127.0.0.1', resolve)
  })
  const { port } = server.address() as AddressInfo
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  try {
    return await roundTrips(socket)
  } finally {
    socket.destroy()
    server.close()
  }
}

function roundTrips(socket: ReturnType<typeof connect>): Promise<number> {
  const latenciesUs = new Float64Array(trips)
  return new Promise((resolve, reject) => {
    let done = 0
    let sentAtMs = 0
    const send = () => {
      sentAtMs = performance.now()
      socket.write('.')
    }
    socket.setTimeout(loopbackLimitMs, () => {
      reject(new Error('no answer'))
    })
    socket.on('error', reject)
    socket.on('connect', send)
    socket.on('data', () => {
      latenciesUs[done] = (performance.now() - sentAtMs) * usPerMs
      done += 1
      if (done < trips) send()
      else resolve(medianUs(latenciesUs))
    })
  })
}

function readLock(): Readings['lockHolder'] {
  try {
    return findLockHolder()
  } catch {
    return 'unreadable'
  }
}

function outputOf(command: string, args: readonly string[]): string | null {
  const { status, stdout } = spawnSync(command, args, { encoding: 'utf8' })
  return status === 0 ? stdout : null
}

function readText(file: string): string | null {
  try {
    return readFileSync(file, 'utf8').trim()
  } catch {
    return null
  }
}

function listOf(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

function minus(a: number | null, b: number | null): number | null {
  return a === null || b === null ? null : a - b
}

const isLinux = process.platform === 'linux'
const usPerMs = 1_000
// A hundred ticks of /proc/stat: one per cent of one core is the least it tells.
const watchMs = 1_000
const trips = 200
const loopbackLimitMs = 2_000
