import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { spawn, type ChildProcess } from 'node:child_process'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import type { TestContext } from 'node:test'
import { main } from './cli.ts'

/** What a command line printed, and its exit code. */
export interface CliResult {
  readonly exitCode: number
  readonly out: string
  readonly err: string
}

/** Runs a command line in this process, as a function. */
export async function cli(
  argv: readonly string[],
  signal = new AbortController().signal,
): Promise<CliResult> {
  let out = ''
  let err = ''
  const exitCode = await main(argv, {
    out: (text) => {
      out += text
    },
    err: (text) => {
      err += text
    },
    signal,
    root,
    stdoutIsTerminal: false,
    stderr: new PassThrough(),
  })
  return { exitCode, out, err }
}

/** A command line in a process of its own, for signals and faults. */
export interface CliProcess {
  readonly child: ChildProcess
  readonly pid: number
  readonly output: () => { readonly out: string; readonly err: string }
  /** Resolves when stdout and stderr together match, rejects when the process ends before. */
  readonly saw: (pattern: RegExp) => Promise<void>
  readonly ended: Promise<CliResult>
}

/** Starts a command line; it is killed at the end of the test at the latest. */
export function startCli(
  t: TestContext,
  argv: readonly string[],
  options: {
    cwd?: string
    env?: NodeJS.ProcessEnv
    root?: string
    /** Words before the command, which lead to where it runs. */
    through?: readonly string[]
  } = {},
): CliProcess {
  const script = join(options.root ?? root, 'scripts', 'launch.mjs')
  const [program = '', ...words] = [...(options.through ?? []), process.execPath, script, ...argv]
  const child = spawn(program, words, {
    stdio: ['ignore', 'pipe', 'pipe'],
    cwd: options.cwd ?? options.root ?? root,
    // A lock holds a machine for one measuring run; a temporary folder of its own is a machine of its own.
    env: options.env ?? { ...process.env, TMPDIR: temporaryFolder(t) },
  })
  t.after(() => child.kill('SIGKILL'))
  let out = ''
  let err = ''
  const watchers = new Set<() => void>()
  const look = () => {
    for (const watcher of watchers) watcher()
  }
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text
    look()
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text
    look()
  })
  const ended = new Promise<CliResult>((resolve) => {
    child.once('close', (code, signal) => {
      resolve({ exitCode: code ?? (signal === null ? -1 : -2), out, err })
    })
  })
  return {
    child,
    pid: child.pid ?? 0,
    output: () => ({ out, err }),
    ended,
    saw: (pattern) =>
      new Promise((resolve, reject) => {
        const watcher = () => {
          if (!pattern.test(out + err)) return
          watchers.delete(watcher)
          resolve()
        }
        watchers.add(watcher)
        watcher()
        void ended.then(() => {
          reject(new Error(`ended without ${pattern.source}: ${out}${err}`))
        })
      }),
  }
}

/** A folder of its own, removed after the test. */
export function temporaryFolder(t: TestContext): string {
  const made = mkdtempSync(join(tmpdir(), 'trustbench-test-'))
  t.after(() => {
    rmSync(made, { recursive: true, force: true })
  })
  return made
}

/** Processes whose parent is `pid`, with their command lines (Linux). */
export function childrenOf(pid: number): { readonly pid: number; readonly command: string }[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, 'latin1')
        // The command in parentheses may hold anything, so fields are counted after it.
        const [, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
        const command = readFileSync(`/proc/${name}/cmdline`, 'latin1').replaceAll('\0', ' ')
        return Number(parent) === pid ? [{ pid: Number(name), command }] : []
      } catch {
        return []
      }
    })
}

/** Whether a process exists. */
export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

const root = join(import.meta.dirname, '..')
