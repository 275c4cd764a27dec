import { createSocket } from 'node:dgram'
import { connect } from 'node:net'
import { join } from 'node:path'
import { createTally } from './counts.ts'
import type { ProductCounts, Tally } from './counts.ts'
import { eventually } from './driver.ts'
import type { Driver, RunningProduct } from './driver.ts'
import { mapName, tokenMap } from './haproxy-upstream.ts'
import { childrenOf, isAlive, takesSignal } from './process-tree.ts'

/** Where HAProxy sends a line for each refusal; opened before it is started. */
export interface RefusalLog extends AsyncDisposable {
  readonly port: number
  readonly listen: (take: (line: string) => void) => void
}

/** Opens a UDP port of loopback for log lines. */
export async function openRefusalLog(): Promise<RefusalLog> {
  const socket = createSocket('udp4')
  await new Promise<void>((resolve) => {
    socket.bind(0, '127.0.0.1', resolve)
  })
  return {
    port: socket.address().port,
    listen(take) {
      socket.on('message', (message) => {
        take(message.toString('latin1').trim())
      })
    },
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        socket.close(() => {
          resolve()
        })
      }),
  }
}

/** Asks HAProxy by its own counters, at the socket of its command line. */
export function createHaproxyDriver(
  { pid, folder, refused }: RunningProduct,
  log: RefusalLog,
): Driver {
  const socket = join(folder, 'stats.sock')
  const tally = createTally(refused)
  // A new process counts from 0: what earlier ones have counted.
  let before: readonly Statistics[] = []
  log.listen((line) => {
    takeLine(line, tally)
  })
  const read = async () => parseStatistics(await askCommandLine(socket, 'show stat'))
  return {
    async isReady() {
      // Until its master has handlers again, a signal to reload would be lost.
      if (!takesSignal(pid, 'SIGUSR2')) return false
      return (await askCommandLine(socket, 'show info')).includes('Uptime_sec')
    },
    async counts() {
      const now = await read()
      return countsOf([...before, now], now, tally)
    },
    async reload() {
      before = [...before, await read()]
      const old = childrenOf(pid)
      process.kill(pid, 'SIGUSR2')
      const isNew = async () =>
        childrenOf(pid).some((one) => !old.includes(one)) &&
        !old.some(isAlive) &&
        (await this.isReady())
      if (!(await eventually(isNew, reloadLimitMs)))
        throw new Error('HAProxy did not take over its new configuration within 5 s')
    },
    async renew(tokens) {
      const name = mapName(folder)
      const version = /version created: (\d+)/.exec(
        await askCommandLine(socket, `prepare map ${name}`),
      )
      const place = `@${version?.[1] ?? ''} ${name}`
      // Complaints alone are answered; a token is never repeated in one.
      for (const line of tokenMap(tokens).split('\n').slice(0, -1)) {
        if ((await askCommandLine(socket, `add map ${place} ${line}`)).trim() !== '')
          throw new Error('HAProxy did not take over its new tokens')
      }
      await askCommandLine(socket, `commit map ${place}`)
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
}

/** One refusal a line: `401 invalid:token_expired`, or `tls 23 reason` with the verdict on a certificate. */
export function takeLine(line: string, tally: Tally): void {
  const [first = '', second = '', ...rest] = line.split(' ')
  if (first === 'tls') {
    const verdict = second === '0' ? '' : `certificate ${second}: `
    tally.refused(`tls:${verdict}${rest.join(' ').replace(/^error:.*:/, '')}`, null)
  } else if (/^\d{3}$/.test(first) && second !== '' && second !== '-') {
    tally.refused(second.replace(/^[a-z]+:/, ''), Number(first))
  } else if (/^50[234]$/.test(first)) {
    tally.refused('upstream_unavailable', badGatewayStatus)
  }
}

/** Columns of the frontend, by name. */
type Statistics = ReadonlyMap<string, string>

/** Reads the CSV of `show stat`; empty where the frontend is not in it. */
export function parseStatistics(csv: string): Statistics {
  const [head = '', ...rows] = csv.split('\n')
  const names = head.replace(/^# /, '').split(',')
  const row = rows.find((one) => one.startsWith('gateway,FRONTEND,'))?.split(',') ?? []
  return new Map(names.map((name, index) => [name, row[index] ?? '']))
}

function countsOf(all: readonly Statistics[], now: Statistics, tally: Tally): ProductCounts {
  const sum = (name: string) => all.reduce((total, one) => total + Number(one.get(name) ?? 0), 0)
  const classes = ['3xx', '4xx', '5xx', 'other'] as const
  return {
    requests: sum('req_tot'),
    // Its one answer of this class is the payment.
    responses: {
      200: sum('hrsp_2xx'),
      ...Object.fromEntries(classes.map((name) => [name, sum(`hrsp_${name}`)])),
    },
    // Sessions that were made anew: those that were resumed are counted beside them.
    handshakesFull: sum('ssl_sess'),
    handshakesResumed: sum('ssl_reused_sess'),
    handshakesFailed: sum('ssl_failed_handshake'),
    connectionsOpen: Number(now.get('scur') ?? 0),
    refusals: tally.counts(null).refusals,
  }
}

/** What HAProxy says to a command; nothing while it does not listen. */
function askCommandLine(path: string, command: string): Promise<string> {
  return new Promise((resolve) => {
    let text = ''
    const socket = connect(path, () => socket.write(`${command}\n`))
    socket.setEncoding('latin1').on('data', (chunk: string) => (text += chunk))
    socket.on('error', () => undefined)
    socket.on('close', () => {
      resolve(text)
    })
  })
}

const reloadLimitMs = 5_000
const badGatewayStatus = 502
