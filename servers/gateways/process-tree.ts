import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { constants } from 'node:os'

/** Processes that a process has started and that are still there. */
export function childrenOf(pid: number): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1')
      .split(' ')
      .filter((word) => word.trim() !== '')
      .map(Number)
  } catch {
    const asked = spawnSync('pgrep', ['-P', String(pid)], { encoding: 'utf8' })
    return asked.status === 0 ? asked.stdout.trim().split('\n').map(Number) : []
  }
}

/** Resident memory in bytes of a process and its children; null where the platform does not tell. */
export function residentBytes(pid: number): number | null {
  const own = residentOf(pid)
  if (own === null) return null
  return childrenOf(pid).reduce((sum, child) => sum + (residentBytes(child) ?? 0), own)
}

/** Whether there is such a process, and it is more than a zombie. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return !/^State:\s*[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'latin1'))
  } catch (error) {
    // Without /proc the signal alone has to do.
    return error instanceof Error && 'code' in error && error.code === 'ENOENT'
  }
}

/** Whether a process has a handler for a signal and takes it; true where the platform does not tell. */
export function takesSignal(pid: number, name: NodeJS.Signals): boolean {
  const bit = 1n << BigInt(constants.signals[name] - 1)
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'latin1')
    const mask = (field: string) =>
      BigInt(`0x${new RegExp(`^${field}:\\s*([0-9a-f]+)$`, 'm').exec(status)?.[1] ?? '0'}`)
    return (mask('SigCgt') & bit) !== 0n && (mask('SigBlk') & bit) === 0n
  } catch {
    return true
  }
}

function residentOf(pid: number): number | null {
  try {
    const kib = /^VmRSS:\s*(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]
    return kib === undefined ? 0 : Number(kib) * bytesPerKib
  } catch {
    return null
  }
}

const bytesPerKib = 1_024
