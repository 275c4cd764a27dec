import { readdirSync, readFileSync } from 'node:fs'
import { performance } from 'node:perf_hooks'

/** CPU time and waiting time of a process, cumulative. */
export interface CpuReading {
  readonly cpuUs: number
  /** Time that runnable threads waited for a core; null where the platform does not tell. */
  readonly runQueueUs: number | null
}

/** Machine-wide times since boot, summed over cores; null where the platform does not tell. */
export interface MachineReading {
  readonly busyUs: number | null
  readonly stealUs: number | null
}

/** This process: the client side of every measurement. */
export interface ClientReading {
  readonly cpuUs: number
  /** Time that the main thread waited for a core; null where the platform does not tell. */
  readonly runQueueUs: number | null
  readonly loop: ReturnType<typeof performance.eventLoopUtilization>
}

/**
 * CPU of all threads of a process and its children in ns from `schedstat`, never from 10 ms ticks. Keeps the last
 * value of each thread, so that one which ended between two readings is not subtracted.
 * Returns null where there is no `/proc/PID/task/TID/schedstat` (not Linux, or the process is gone).
 */
export function createCpuMeter(pid: number): () => CpuReading | null {
  const threads = new Map<string, readonly [runNs: number, waitNs: number]>()
  return () => {
    for (const folder of processTree(pid).map((one) => `/proc/${one}/task`)) {
      for (const name of foldersIn(folder)) {
        const file = `${folder}/${name}/schedstat`
        const reading = readSchedstat(file)
        if (reading !== null) threads.set(file, reading)
      }
    }
    if (threads.size === 0) return null
    let runNs = 0
    let waitNs = 0
    for (const [run, wait] of threads.values()) {
      runNs += run
      waitNs += wait
    }
    return { cpuUs: runNs / nsPerUs, runQueueUs: waitNs / nsPerUs }
  }
}

/** A process with its children and theirs, as far as the platform tells. */
export function processTree(pid: number): number[] {
  const children = readOrNull(`/proc/${pid}/task/${pid}/children`)?.trim() ?? ''
  return [pid, ...children.split(' ').filter(Boolean).map(Number).flatMap(processTree)]
}

function foldersIn(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

/**
 * Waits, spinning, until the main thread of a process sleeps, for 20 ms at most. The kernel brings
 * `schedstat` up to date when a thread leaves its core or at a timer tick, and not when it is read: of
 * one that still runs, up to a tick is missing, which is half of a slice of a quick server.
 */
export function awaitSleep(pid: number): void {
  const endMs = performance.now() + longestWaitMs
  do {
    if (!isRunnable(pid, String(pid))) return
  } while (performance.now() < endMs)
}

/** The same for all threads of a process. */
export function awaitThreadsSleep(pid: number): void {
  const endMs = performance.now() + longestWaitMs
  do {
    if (!foldersIn(`/proc/${pid}/task`).some((thread) => isRunnable(pid, thread))) return
  } while (performance.now() < endMs)
}

/** Field 3 of proc_pid_stat(5), behind the name in parentheses: R is running or about to. */
function isRunnable(pid: number, thread: string): boolean {
  const stat = readOrNull(`/proc/${pid}/task/${thread}/stat`)
  return stat?.charAt(stat.lastIndexOf(')') + 2) === 'R'
}

/** Steal and busy time of the machine, from the first line of `/proc/stat` (10 ms ticks). */
export function readMachine(): MachineReading {
  const line = readOrNull('/proc/stat')?.split('\n', 1)[0]
  const ticks = line?.trim().split(/\s+/).slice(1).map(Number)
  if (ticks === undefined || ticks.length < 8) return { busyUs: null, stealUs: null }
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = ticks
  return { busyUs: (user + nice + system + irq + softirq) * usPerTick, stealUs: steal * usPerTick }
}

/** CPU (user and system, all threads) and event-loop times of this process. */
export function readClient(): ClientReading {
  const { user, system } = process.cpuUsage()
  const waitNs = readSchedstat('/proc/self/schedstat')?.[1]
  return {
    cpuUs: user + system,
    runQueueUs: waitNs === undefined ? null : waitNs / nsPerUs,
    loop: performance.eventLoopUtilization(),
  }
}

/** Share of the time between two readings in which the event loop was not idle, 0 to 1. */
export function clientUtilization(before: ClientReading, after: ClientReading): number {
  return performance.eventLoopUtilization(after.loop, before.loop).utilization
}

function readSchedstat(file: string): readonly [number, number] | null {
  // Thread counters: ns on a core, ns waiting for one, time slices (kernel Documentation/scheduler/sched-stats).
  const [run, wait] = (readOrNull(file) ?? '').split(' ').map(Number)
  return run === undefined || wait === undefined || Number.isNaN(run) ? null : [run, wait]
}

function readOrNull(file: string): string | null {
  try {
    return readFileSync(file, 'latin1')
  } catch {
    return null
  }
}

const nsPerUs = 1_000
const longestWaitMs = 20
// USER_HZ is 100 on every Linux that Node runs on.
const usPerTick = 10_000
