import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { createServer } from 'node:net'
import { StartError } from '../process.ts'
import { eventually } from './driver.ts'
import type { Driver } from './driver.ts'
import type { Presence } from './presence.ts'

/** In a session of its own: its group is the product, whatever it starts. */
export function launch({ program }: Presence, args: readonly string[]): ChildProcess {
  return spawn(program ?? '', args, {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'], TZ: 'UTC', LC_ALL: 'C' },
  })
}

/** Its last lines on either output, for when it does not start. */
export function collect(child: ChildProcess): string[] {
  const lines: string[] = []
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('latin1').on('data', (text: string) => {
      lines.push(...text.split('\n').filter((line) => line.trim() !== ''))
      lines.splice(0, lines.length - mostLines)
    })
  }
  return lines
}

/** The end of a product: asked for, or an error with its last words. */
export interface Ending {
  readonly unasked: Promise<never>
  readonly expect: () => void
}

/** Watches for the end of a product. */
export function watchEnd(child: ChildProcess, title: string, words: readonly string[]): Ending {
  let isExpected = false
  const unasked = new Promise<never>((_, reject) => {
    const end = (how: string) => {
      if (!isExpected) reject(new StartError([`${title} ended with ${how}`, ...words].join('; ')))
    }
    child.once('error', (error) => {
      end(error.message)
    })
    // Its last words come before 'close', which never comes while a child that outlived it holds its outputs.
    child.once('exit', (code, signal) => {
      const tell = () => {
        end(signal ?? `exit code ${code ?? '?'}`)
      }
      child.once('close', tell)
      setTimeout(tell, lastWordsMs)
    })
  })
  unasked.catch(() => undefined)
  return {
    unasked,
    expect: () => {
      isExpected = true
    },
  }
}

/** Waits until a product serves; throws a StartError with its last words where it does not. */
export async function ready(
  driver: Driver,
  { unasked }: Ending,
  title: string,
  words: readonly string[],
): Promise<void> {
  const served = eventually(() => driver.isReady(), startLimitMs)
  if (await Promise.race([served, unasked])) return
  throw new StartError([`${title} was not ready after ${startLimitMs} ms`, ...words].join('; '))
}

/** A port that is free now: products take none that somebody else has opened. */
export function freePort(host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, host, () => {
      const address = server.address()
      server.close(() => {
        resolve(typeof address === 'object' && address !== null ? address.port : 0)
      })
    })
  })
}

/** Ends a product and all that it has started, at once. */
export function killGroup(pid: number): void {
  // 0 is no product but our own group.
  if (pid === 0) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // Nobody is left of it.
  }
}

const mostLines = 10
/** For what it wrote before it ended, to be read. */
const lastWordsMs = 200
const startLimitMs = 10_000
