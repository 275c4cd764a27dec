import { randomBytes } from 'node:crypto'
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { BenchError } from './errors.ts'
import { parseRun, type Environment, type Run } from './results.ts'

/** A stored run and the file it is in. */
export interface StoredRun {
  readonly file: string
  readonly run: Run
}

/** Name of a run: when, which commit (dirty trees marked), which machine, what. */
export function createRunId(
  now: Date,
  { commit, dirty, machineId }: Environment,
  subject: string,
): string {
  const time = now.toISOString().replace(/[-:]|\.\d+/g, '')
  const source =
    commit === null ? 'nogit' : `${commit.slice(0, 8)}${dirty === true ? '-dirty' : ''}`
  const what = subject.replace(/[^a-z0-9-]+/gi, '-').slice(0, 40)
  return [time, source, machineId.slice(0, 6), what, randomBytes(2).toString('hex')].join('-')
}

/** Makes sure that a folder can be written, before anything is measured; throws `results-unwritable`. */
export function prepareFolder(folder: string): void {
  guard(folder, () => {
    makeFolder(folder)
    writeAtomically(join(folder, `.probe-${randomBytes(4).toString('hex')}`), 'probe', true)
  })
}

/** Writes a run whole or not at all; throws `results-unwritable`. Returns the file's path. */
export function saveRun(folder: string, run: Run): string {
  const file = join(folder, `${run.runId}.json`)
  saveFile(file, `${JSON.stringify(run)}\n`)
  return file
}

/** A place for a run that is saved again and again. */
export interface RunFile {
  /** Path of the newest whole version; null before the first. */
  readonly path: () => string | null
  /** Saves; a failure is kept and does not interrupt, since what is measured is worth more. */
  readonly save: (run: Run) => void
  /** Throws `results-unwritable` if the last save failed. */
  readonly assertSaved: () => void
}

/** Saves a run into a folder while it grows: a folder that vanishes or fills up is made or told again at the end. */
export function createRunFile(folder: string): RunFile {
  let path: string | null = null
  let failure: BenchError | null = null
  return {
    path: () => path,
    save(run) {
      try {
        path = saveRun(folder, run)
        failure = null
      } catch (error) {
        failure = error instanceof BenchError ? error : unwritable(folder, error)
      }
    },
    assertSaved() {
      if (failure !== null) throw failure
    },
  }
}

/** Writes any artefact whole or not at all; throws `results-unwritable`. */
export function saveFile(file: string, content: string | Uint8Array): void {
  guard(file, () => {
    makeFolder(join(file, '..'))
    writeAtomically(file, content, false)
  })
}

/** Writes files that belong together: all are whole before the first gets its name. Throws `results-unwritable`. */
export function saveFiles(folder: string, files: Readonly<Record<string, string>>): void {
  guard(folder, () => {
    makeFolder(folder)
    const staged: { readonly file: string; readonly temporary: string }[] = []
    try {
      for (const [name, content] of Object.entries(files)) {
        const file = join(folder, name)
        const temporary = temporaryName(file)
        staged.push({ file, temporary })
        writeDurably(temporary, content)
      }
      // The one thing that would stop a later rename and not an earlier one.
      const taken = staged.find(({ file }) => isFolder(file))
      if (taken !== undefined) throw new Error(`${taken.file} is a folder`)
      for (const { file, temporary } of staged) renameSync(temporary, file)
    } finally {
      for (const { temporary } of staged) rmSync(temporary, { force: true })
    }
  })
}

/**
 * Writes one of many pages that can be made again, without waiting for the disk: for a thousand of them that
 * would be most of the time. Throws `results-unwritable`.
 */
export function savePage(file: string, content: string): void {
  guard(file, () => {
    makeFolder(join(file, '..'))
    writeFileSync(file, content)
  })
}

/** Reads one Run file; throws `results-unreadable`. */
export function readRun(file: string): StoredRun {
  let value: unknown
  try {
    value = JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    const why =
      error instanceof SyntaxError ? 'is not whole JSON: it may be truncated' : messageOf(error)
    throw new BenchError('results-unreadable', `${file}: ${why}`, { cause: error })
  }
  return { file, run: parseRun(value, file) }
}

/** Every readable run of the folders, newest first; unreadable files are told, not fatal. */
export function listRuns(folders: readonly string[]): { runs: StoredRun[]; unreadable: string[] } {
  const runs: StoredRun[] = []
  const unreadable: string[] = []
  for (const file of folders.flatMap(jsonFiles)) {
    try {
      runs.push(readRun(file))
    } catch (error) {
      unreadable.push(messageOf(error))
    }
  }
  runs.sort((a, b) => (a.run.startedAt < b.run.startedAt ? 1 : -1))
  return { runs, unreadable }
}

/**
 * The stored run that a word means: a file, a run id or the start of one, or a commit (also by a
 * branch or tag, resolved by `resolveCommit`), of which the newest run is taken, clean trees first.
 */
export function findRun(
  word: string,
  folders: readonly string[],
  resolveCommit: (word: string) => string | null,
): StoredRun {
  if (isFile(word)) return readRun(word)
  const { runs, unreadable } = listRuns(folders)
  const byId =
    runs.find(({ run }) => run.runId === word) ?? runs.find(({ run }) => run.runId.startsWith(word))
  const commit = resolveCommit(word)
  const ofCommit = runs.filter(({ run }) => commit !== null && run.environment.commit === commit)
  const found = byId ?? ofCommit.find(({ run }) => run.environment.dirty === false) ?? ofCommit[0]
  if (found !== undefined) return found
  const known = runs.slice(0, 3).map(({ run }) => run.runId)
  throw new BenchError(
    'usage',
    [
      `no stored run for ${JSON.stringify(word)}${commit === null ? '' : ` (commit ${commit.slice(0, 8)})`}`,
      known.length > 0
        ? `the newest are ${known.join(', ')}`
        : 'none is stored: run npm run bench first',
      ...unreadable.slice(0, 1).map((line) => `one file could not be read: ${line}`),
    ].join('; '),
  )
}

/** Files of a folder that may be runs; none where there is no such folder. */
export function jsonFiles(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => name.endsWith('.json') && !name.startsWith('.'))
      .map((name) => join(folder, name))
  } catch {
    return []
  }
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false
}

/** Node's recursive mkdir says ENOENT where the file system is read-only, so it is asked last. */
function makeFolder(folder: string): void {
  if (isFolder(folder)) return
  try {
    mkdirSync(folder)
  } catch (error) {
    const parentIsMissing = error instanceof Error && 'code' in error && error.code === 'ENOENT'
    if (!parentIsMissing) throw error
    mkdirSync(folder, { recursive: true })
  }
}

function writeAtomically(file: string, content: string | Uint8Array, discard: boolean): void {
  const temporary = temporaryName(file)
  try {
    writeDurably(temporary, content)
    if (!discard) renameSync(temporary, file)
  } finally {
    rmSync(temporary, { force: true })
  }
}

function temporaryName(file: string): string {
  return `${file}.${randomBytes(4).toString('hex')}.tmp`
}

/** Writes a new file down to the disk: without that, a crash after a rename can leave it empty under the good name. */
function writeDurably(file: string, content: string | Uint8Array): void {
  const handle = openSync(file, 'wx')
  try {
    const bytes = typeof content === 'string' ? Buffer.from(content) : content
    for (let done = 0; done < bytes.length;) done += writeSync(handle, bytes, done)
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
}

function guard(path: string, work: () => void): void {
  try {
    work()
  } catch (error) {
    throw unwritable(path, error)
  }
}

function unwritable(path: string, cause: unknown): BenchError {
  return new BenchError(
    'results-unwritable',
    `cannot write ${path}: ${messageOf(cause)}; free space there or give another folder with --results DIR`,
    { cause },
  )
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
