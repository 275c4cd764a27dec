import { request } from 'node:http'
import { join } from 'node:path'
import { createTail, createTally } from './counts.ts'
import type { Tally } from './counts.ts'
import { eventually } from './driver.ts'
import type { Driver, RunningProduct } from './driver.ts'
import { childrenOf, isAlive } from './process-tree.ts'

/**
 * Asks nginx by its logs: a line a request, which waits in the worker's memory until it is asked for by
 * SIGUSR1. A marker that is written through the same memory says when all before it has come.
 */
export function createNginxDriver({ pid, folder, refused }: RunningProduct): Driver {
  const socket = join(folder, 'status.sock')
  const tally = createTally(refused)
  const access = createTail(join(folder, 'access.log'))
  const errors = createTail(join(folder, 'error.log'))
  let mark = 0
  return {
    async isReady() {
      return (await status(socket, 0)) !== null
    },
    async counts() {
      const wanted = ++mark
      const told = await status(socket, wanted)
      const workers = childrenOf(pid)
      for (const worker of workers) signal(worker, 'SIGUSR1')
      await eventually(() => takeAccess(access(), tally).includes(wanted), markLimitMs)
      for (const line of errors()) takeError(line, tally)
      return tally.counts(told === null ? null : openConnections(told))
    },
    async reload() {
      const old = childrenOf(pid)
      process.kill(pid, 'SIGHUP')
      const isNew = () => {
        const workers = childrenOf(pid)
        return workers.some((one) => !old.includes(one)) && !old.some(isAlive)
      }
      if (!(await eventually(isNew, reloadLimitMs)))
        throw new Error('nginx did not take over its new configuration within 5 s')
      await eventually(() => this.isReady(), reloadLimitMs)
    },
    // Tokens are part of its configuration.
    renew() {
      return this.reload()
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
}

/** Takes lines of requests, and returns the markers among them. */
export function takeAccess(lines: readonly string[], tally: Tally): number[] {
  return lines.flatMap((line) => {
    const marked = /^mark (\d+)$/.exec(line)
    if (marked !== null) return [Number(marked[1])]
    const [, status, reused, serial, reason = ''] = /^(\d{3})([r.-])(\d+) (.*)$/.exec(line) ?? []
    if (status === undefined) return []
    tally.request(status)
    if (serial === '1' && reused !== '-') tally.handshake(reused === 'r' ? 'resumed' : 'full')
    if (reason !== '' && reason !== '-') tally.refused(reason, Number(status))
    return []
  })
}

/** Takes a line of the error log: a handshake that failed, or a client certificate that did not do. */
export function takeError(line: string, tally: Tally): void {
  const verdict = /client SSL certificate verify error: \((\d+:[^)]*)\)/.exec(line)?.[1]
  if (verdict !== undefined) tally.refused(`certificate:${verdict}`, badRequest)
  if (line.includes('client sent no required SSL certificate'))
    tally.refused('certificate:none', badRequest)
  const thrown = /js exception: ([^,]*)/.exec(line)?.[1]
  if (thrown !== undefined) tally.refused(`script:${thrown}`, serverError)
  if (/SSL_do_handshake\(\) failed|peer closed connection in SSL handshake/.test(line)) {
    tally.handshakeFailed()
    tally.refused(`tls:${opensslReason(line) ?? 'closed by the client'}`, null)
  }
}

/** The reason at the end of OpenSSL's `error:0A000102:SSL routines::unsupported protocol`. */
function opensslReason(line: string): string | null {
  return /error:[0-9A-F]+:[^:)]*:[^:)]*:([^:)]+)/.exec(line)?.[1] ?? null
}

function openConnections(text: string): number | null {
  const active = /^Active connections:\s*(\d+)/.exec(text)?.[1]
  // The one that asks is among them.
  return active === undefined ? null : Number(active) - 1
}

/** The status page, asked for under a number that the log then tells; null while nobody answers. */
function status(socketPath: string, mark: number): Promise<string | null> {
  return new Promise((resolve) => {
    const asked = request({ socketPath, path: `/?id=${mark}`, agent: false }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
      response.on('end', () => {
        resolve(text)
      })
    })
    asked.on('error', () => {
      resolve(null)
    })
    asked.end()
  })
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch {
    // It has just ended.
  }
}

const badRequest = 400
const serverError = 500
const markLimitMs = 1_000
const reloadLimitMs = 5_000
