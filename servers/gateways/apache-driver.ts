import { join } from 'node:path'
import { createTail, createTally } from './counts.ts'
import type { Tally } from './counts.ts'
import { eventually } from './driver.ts'
import type { Driver, RunningProduct } from './driver.ts'
import { childrenOf, isAlive } from './process-tree.ts'

/** Asks Apache by its logs, which it writes line by line, when a request has been answered. */
export function createApacheDriver({ pid, folder, refused }: RunningProduct): Driver {
  const tally = createTally(refused)
  const access = createTail(join(folder, 'access.log'))
  const errors = createTail(join(folder, 'error.log'))
  let starts = 0
  let lines = 0
  const isQuiet = async () => {
    const before = lines
    await new Promise((resolve) => setTimeout(resolve, quietMs))
    take()
    return lines === before
  }
  const take = () => {
    for (const line of errors()) {
      if (line.includes('resuming normal operations')) starts += 1
      takeError(line, tally)
    }
    for (const line of access()) {
      lines += 1
      takeAccess(line, tally)
    }
  }
  return {
    isReady() {
      take()
      return Promise.resolve(starts > 0)
    },
    async counts() {
      // A line is written when its answer has gone: counts are whole when nothing comes for a while.
      do take()
      while (!(await isQuiet()))
      return tally.counts(null)
    },
    async reload() {
      take()
      const [wanted, old] = [starts + 1, childrenOf(pid)]
      process.kill(pid, 'SIGUSR1')
      const isNew = () => {
        take()
        return starts >= wanted && !old.some(isAlive)
      }
      if (!(await eventually(isNew, reloadLimitMs)))
        throw new Error('Apache did not take over its new configuration within 5 s')
    },
    // Tokens are part of its configuration.
    renew() {
      return this.reload()
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
}

/** Takes `200 Initial 0 reason`: status, kind of handshake, requests before on the connection. */
export function takeAccess(line: string, tally: Tally): void {
  const [status = '', kind = '', before = '', reason = ''] = line.split(' ')
  if (!/^\d{3}$/.test(status)) return
  tally.request(status)
  if (before === '0' && kind === 'Initial') tally.handshake('full')
  if (before === '0' && kind === 'Resumed') tally.handshake('resumed')
  if (reason !== '' && reason !== '-') tally.refused(reason, Number(status))
}

/** Takes a line of the error log: `ssl info AH02276: Certificate Verification: Error (10): …`. */
export function takeError(line: string, tally: Tally): void {
  const verdict = /Certificate Verification: Error \((\d+)\): ([^[]*)/.exec(line)
  if (verdict !== null)
    tally.refused(`certificate:${verdict[1] ?? ''}:${verdict[2]?.trim() ?? ''}`, null)
  if (line.includes('SSL library error 1 in handshake')) tally.handshakeFailed()
  const library = /SSL Library Error: error:[0-9A-F]+:[^:]*:[^:]*:([^-]*)/.exec(line)?.[1]
  if (library !== undefined) tally.refused(`tls:${library.trim()}`, null)
  const denied = /^oauth2 error (\w+): (.*)$/.exec(line)
  if (denied !== null) tally.refused(`oauth2:${denied[1] ?? ''}`, null)
  if (/^proxy\w* error AH(01114|01102):/.test(line)) tally.refused('upstream_unavailable', null)
  if (line.includes('AH01630: client denied')) tally.refused('denied by Require', null)
}

const reloadLimitMs = 5_000
/** A thread that has answered logs it within microseconds, unless others are on its core. */
const quietMs = 10
