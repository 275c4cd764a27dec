import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import type { Warning } from './results.ts'
import { processTree } from './sensors.ts'

/** Cores kept apart for client and servers; null where pinning is not possible. */
export interface Pinning {
  readonly clientCpus: readonly number[]
  readonly serverCpus: readonly number[]
}

/**
 * Gives the first allowed core to the client and the others to the servers, and pins this process
 * at once. Best effort: without `taskset` or with one core nothing is pinned, and a warning says so.
 */
export function pinClient(): { pinning: Pinning | null; warnings: Warning[] } {
  const allowed = allowedCpus()
  const [first, ...others] = allowed
  if (first === undefined || others.length === 0) {
    return unpinned(`only ${allowed.length || 'an unknown number of'} core(s) to run on`)
  }
  if (!pinProcess(process.pid, [first])) return unpinned('taskset is missing or was refused')
  return { pinning: { clientCpus: [first], serverCpus: others }, warnings: [] }
}

/** Pins all threads of a process and of its children, those to come included; false when that did not work. */
export function pinTree(pid: number, cpus: readonly number[]): boolean {
  return processTree(pid)
    .map((one) => pinProcess(one, cpus))
    .every(Boolean)
}

/** Pins all threads of a process, those to come included; false when that did not work. */
export function pinProcess(pid: number, cpus: readonly number[]): boolean {
  const done = spawnSync('taskset', ['-a', '-c', '-p', cpus.join(','), String(pid)], {
    stdio: 'ignore',
  })
  return done.status === 0
}

/** Keeps a process that only accompanies a run to the core that `pinClient` gives to the client, never a server's; best effort. */
export function pinBesideServers(pid: number): void {
  const [first, ...others] = allowedCpus()
  if (first !== undefined && others.length > 0) pinProcess(pid, [first])
}

/** Undoes `pinClient`, so that rendering and later commands may use every core. */
export function unpinClient({ clientCpus, serverCpus }: Pinning): void {
  pinProcess(process.pid, [...clientCpus, ...serverCpus])
}

/** Parses a kernel CPU list, `0-3,7`. */
export function parseCpuList(list: string): number[] {
  return list
    .trim()
    .split(',')
    .filter((part) => /^\d+(-\d+)?$/.test(part))
    .flatMap((part) => {
      const [from = 0, to = from] = part.split('-').map(Number)
      return Array.from({ length: to - from + 1 }, (_, index) => from + index)
    })
}

function allowedCpus(): number[] {
  try {
    const status = readFileSync('/proc/self/status', 'latin1')
    return parseCpuList(/^Cpus_allowed_list:\s*(.+)$/m.exec(status)?.[1] ?? '')
  } catch {
    return []
  }
}

function unpinned(why: string): { pinning: null; warnings: Warning[] } {
  return {
    pinning: null,
    warnings: [
      {
        code: 'not-pinned',
        message: `client and servers share cores: ${why}`,
        advice:
          'measure on Linux with two cores or more and util-linux installed; intervals are wider without',
      },
    ],
  }
}
