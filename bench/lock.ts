import { createHash, randomBytes } from 'node:crypto'
import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  closeSync,
  constants,
  fstatSync,
  linkSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { BenchError } from './errors.ts'
import type { Warning } from './results.ts'
import { isRunning } from './temporary.ts'

/** Who holds the machine. */
export interface LockHolder {
  readonly pid: number
  /** What it does: `bench`, `compare`. */
  readonly kind: string
  /** ISO 8601. */
  readonly since: string
  /** Start of the process as the system tells it, which no later process with its id shares; null = not told. */
  readonly processStart: string | null
}

/** The machine is ours until this is disposed. */
export interface MachineLock extends AsyncDisposable {
  /** Why the lock could not be taken although nobody holds it; the run goes on without. */
  readonly warning: Warning | null
}

/**
 * Takes the machine for one measuring run: two at once falsify each other. Throws `unfit` with the
 * holder while another one is alive; a dead holder's lock and a garbled one are taken over.
 *
 * Locks are numbered files in a folder that all users share, and the highest number counts. A lock
 * comes into being by a hard link to a complete file, which succeeds for one process only, and
 * numbers never fall: a released lock stays as a marker. So whoever acts on an outdated look at the
 * folder either fails to link or finds a higher number. A dead user's file need not be removed, which
 * the sticky bit of `/tmp` forbids.
 */
export function acquireLock(kind: string, folder: string = tmpdir()): Promise<MachineLock> {
  return Promise.resolve().then(() => {
    const holder: LockHolder = {
      pid: process.pid,
      kind,
      since: new Date().toISOString(),
      processStart: readProcessStart(process.pid),
    }
    try {
      return take(folder, holder)
    } catch (error) {
      if (error instanceof BenchError) throw error
      return unlocked(folder, error)
    }
  })
}

/** The live holder of the machine, if any; throws when the folder cannot be read. */
export function findLockHolder(folder: string = tmpdir()): LockHolder | null {
  return aliveHolder(folder, highestNumber(folder))
}

function take(folder: string, holder: LockHolder): MachineLock {
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    const last = highestNumber(folder)
    const current = aliveHolder(folder, last)
    if (current !== null) throw heldBy(current)
    // The one after the lock that was found dead, never after one that came meanwhile.
    const number = last + 1
    const file = lockFile(folder, number)
    if (!createWhole(file, JSON.stringify(holder))) continue
    if (highestNumber(folder) > number) {
      rmSync(file, { force: true })
      continue
    }
    sweepBelow(folder, number)
    return {
      warning: null,
      [Symbol.asyncDispose]: () =>
        Promise.resolve().then(() => {
          release(file)
        }),
    }
  }
  throw new Error(`no lock after ${maxAttempts} attempts`)
}

/** Links a complete file to its name; false when somebody was faster. */
function createWhole(file: string, content: string): boolean {
  const draft = draftOf(file)
  try {
    writeDraft(draft, content)
    linkSync(draft, file)
    return true
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : null
    // ENOENT: who holds a higher number by now has swept our draft away.
    if (code === 'EEXIST' || code === 'ENOENT') return false
    throw error
  } finally {
    rmSync(draft, { force: true })
  }
}

/** Leaves a marker in place of the lock, so that its number is not given again. */
function release(file: string): void {
  try {
    const draft = draftOf(file)
    writeDraft(draft, released)
    renameSync(draft, file)
  } catch {
    // The folder is gone or full: the lock falls with this process.
  }
}

function draftOf(file: string): string {
  return `${file}-${randomBytes(6).toString('hex')}.tmp`
}

function writeDraft(draft: string, content: string): void {
  writeFileSync(draft, content, { flag: 'wx' })
  // Whatever the umask says: other users must see who holds the machine.
  chmodSync(draft, 0o644)
}

/** Locks of the past and drafts of the dead, as far as they are ours to remove. */
function sweepBelow(folder: string, number: number): void {
  for (const name of readdirSync(folder)) {
    const found = Number(lockName.exec(name)?.[1])
    if (!(found < number)) continue
    try {
      rmSync(join(folder, name))
    } catch {
      // Another user's.
    }
  }
}

function highestNumber(folder: string): number {
  const numbers = readdirSync(folder).map((name) => {
    const [, number, draft] = lockName.exec(name) ?? []
    return draft === undefined ? Number(number ?? 0) : 0
  })
  return Math.max(0, ...numbers)
}

function lockFile(folder: string, number: number): string {
  return join(folder, `${prefix}${number}`)
}

function aliveHolder(folder: string, number: number): LockHolder | null {
  const holder = number === 0 ? null : readHolder(lockFile(folder, number))
  return holder !== null && isAlive(holder) ? holder : null
}

/** Null for whatever is not a holder: a released lock, garbage, a directory. */
function readHolder(file: string): LockHolder | null {
  try {
    const value: unknown = JSON.parse(readSmall(file))
    return isHolder(value) ? value : null
  } catch {
    return null
  }
}

/** Anybody may put anything under this name: no link is followed, no pipe waited for, no gigabyte read. */
function readSmall(file: string): string {
  const handle = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  try {
    const stat = fstatSync(handle)
    return stat.isFile() && stat.size <= maxLockBytes ? readFileSync(handle, 'utf8') : ''
  } finally {
    closeSync(handle)
  }
}

function isHolder(value: unknown): value is LockHolder {
  if (typeof value !== 'object' || value === null) return false
  const { pid, kind, since, processStart }: Partial<Record<keyof LockHolder, unknown>> = value
  return (
    typeof pid === 'number' &&
    Number.isSafeInteger(pid) &&
    pid > 0 &&
    typeof kind === 'string' &&
    /^[\w -]{1,40}$/.test(kind) &&
    typeof since === 'string' &&
    /^[\dTZ:.-]{10,30}$/.test(since) &&
    (processStart === null || typeof processStart === 'string')
  )
}

function isAlive({ pid, processStart }: LockHolder): boolean {
  if (!isRunning(pid)) return false
  const now = readProcessStart(pid)
  return processStart === null || now === null || now === processStart
}

/** When a process started, exactly enough to tell it from a later one with the same id. */
function readProcessStart(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // The command in parentheses may hold anything, so fields are counted after it: 22 is the start in ticks.
    const ticks = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
    // Ticks count from the boot.
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()
    return ticks === undefined ? null : `${boot} ${ticks}`
  } catch {
    const { status, stdout } = spawnSync('ps', ['-o', 'lstart=', '-p', String(pid)], {
      encoding: 'utf8',
      env: { ...process.env, LC_ALL: 'C', TZ: 'UTC' },
    })
    return status === 0 && stdout.trim() !== '' ? stdout.trim() : null
  }
}

function heldBy({ pid, kind, since }: LockHolder): BenchError {
  return new BenchError(
    'unfit',
    `another trustbench run is alive on this machine: pid ${pid} (${kind}) since ${since}; two at once falsify each other: wait until it ends, or stop it with kill ${pid}`,
  )
}

function unlocked(folder: string, error: unknown): MachineLock {
  const why = error instanceof Error ? error.message : String(error)
  return {
    warning: {
      code: 'not-locked',
      message: `no lock could be put into ${folder} (${why}), so nothing keeps a second run away`,
      advice: 'let TMPDIR name a folder that can be written, and start no other run meanwhile',
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
}

const released = '{"released":true}'
/** Containers may share a temporary folder, but not their process ids: they have host names of their own. */
const host = createHash('sha256').update(hostname()).digest('hex').slice(0, 6)
const prefix = `trustbench-lock-${host}.`
const lockName = new RegExp(`^trustbench-lock-${host}\\.(\\d{1,12})(-[0-9a-f]{12}\\.tmp)?$`)
const maxLockBytes = 4_096
// Each attempt that fails means that another process got on; some dozens at once are far-fetched.
const maxAttempts = 100
