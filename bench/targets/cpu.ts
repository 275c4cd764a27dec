import { existsSync } from 'node:fs'
import { BenchError } from '../errors.ts'
import { awaitSleep, createCpuMeter, processTree } from '../sensors.ts'
import { prometheusPlan } from './prometheus.ts'
import type { RequestSettings } from './settings.ts'

/** How the CPU of a target is known. */
export interface CpuPlan {
  readonly kind: 'processes' | 'prometheus'
  /** Begins to read; rejects with one line where that is not possible. */
  open(): Promise<CpuSource>
}

/** CPU time of a target so far. */
export interface CpuSource {
  /** Whether slices of a few ms can be told apart; else it is read around whole blocks. */
  readonly perSlice: boolean
  /** How long a value stays the same while CPU is used; null = not known. */
  readonly resolutionMs: number | null
  /** Cumulative, in µs; rejects where it is not told any more. */
  readUs(): Promise<number>
}

/** The way that the settings give; null without. Throws usage errors. */
export function cpuPlanOf(
  { cpuPid, prometheus, prometheusQuery }: RequestSettings,
  isLoopback: boolean,
): CpuPlan | null {
  if (cpuPid !== undefined && prometheus !== undefined)
    throw new BenchError('usage', '--cpu-pid and --prometheus: give one, CPU is counted once')
  if ((prometheus === undefined) !== (prometheusQuery === undefined))
    throw new BenchError('usage', '--prometheus and --prometheus-query: each needs the other')
  if (prometheus !== undefined && prometheusQuery !== undefined)
    return prometheusPlan(prometheus, prometheusQuery)
  if (cpuPid === undefined) return null
  if (!isLoopback) {
    throw new BenchError(
      'usage',
      `--cpu-pid ${cpuPid.join()}: counts processes of this machine, and the target is on another; --prometheus can ask there`,
    )
  }
  const missing = cpuPid.find((pid) => !existsSync(`/proc/${pid}`))
  if (missing !== undefined)
    throw new BenchError(
      'usage',
      `--cpu-pid ${missing}: there is no such process here (Linux only)`,
    )
  return { kind: 'processes', open: () => Promise.resolve().then(() => ofProcesses(cpuPid)) }
}

/** Processes with all that descend from them; one that descends from another counts once. */
function ofProcesses(pids: readonly number[]): CpuSource {
  const below = new Set(pids.flatMap((pid) => processTree(pid).slice(1)))
  const roots = pids.filter((pid) => !below.has(pid))
  const meters = roots.map((pid) => ({ pid, read: createCpuMeter(pid) }))
  return {
    perSlice: true,
    resolutionMs: null,
    readUs() {
      let sum = 0
      for (const { pid, read } of meters) {
        const cpuUs = existsSync(`/proc/${pid}`) ? awaited(pid, read) : null
        if (cpuUs === null)
          return Promise.reject(
            new BenchError('measurement-failed', `--cpu-pid ${pid}: the process has ended`),
          )
        sum += cpuUs
      }
      return Promise.resolve(sum)
    },
  }
}

function awaited(pid: number, read: ReturnType<typeof createCpuMeter>): number | null {
  for (const each of processTree(pid)) awaitSleep(each)
  return read()?.cpuUs ?? null
}
