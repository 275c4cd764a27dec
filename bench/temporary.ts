import { createHash } from 'node:crypto'
import { readdir, rm } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'

/** What a temporary folder is for. */
export type TemporaryKind = 'lab' | 'trees' | 'cache'

/** Name of a temporary folder before its random end; it holds our process id, so that it can be swept. */
export function temporaryPrefix(kind: TemporaryKind): string {
  return `trustbench-${kind}-${host}-${process.pid}-`
}

/**
 * Removes temporary folders whose process is gone: `kill -9` leaves keys and worktrees behind, and
 * the next run is the first that can clear them away.
 */
export async function sweepStale(kind: TemporaryKind, folder: string = tmpdir()): Promise<void> {
  const pattern = new RegExp(`^trustbench-${kind}-${host}-(\\d+)-`)
  for (const name of await readdir(folder)) {
    const pid = Number(pattern.exec(name)?.[1])
    if (pid > 0 && !isRunning(pid)) await rm(join(folder, name), { recursive: true, force: true })
  }
}

/** Whether a process with this id exists. */
export function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    // Somebody else's process is alive too.
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

/** Containers may share a temporary folder, but not their process ids: they have host names of their own. */
const host = createHash('sha256').update(hostname()).digest('hex').slice(0, 6)
