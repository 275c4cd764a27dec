import { performance } from 'node:perf_hooks'
import { setTimeout as pause } from 'node:timers/promises'
// The subject of this benchmark, and so the one place for it beside bench/load/closed.ts: what that
// file adds around a run would be counted as autocannon's own cost.
import autocannon, { type Client } from 'autocannon'
import { Pool } from 'undici'
import { BenchError } from '../../bench/errors.ts'
import { openConnections } from '../../bench/load/connection.ts'
import { medianUs } from '../../bench/load/histogram.ts'
import type { LoadTarget } from '../../bench/load/target.ts'
import { createCpuMeter } from '../../bench/sensors.ts'
import type { NodeClient, SliceReading } from './messages.ts'

/** A load generator at work: measures slices, one at a time. */
export type Load = (requests: number) => Promise<SliceReading>

/** Where a load goes, and over how many connections: one request at a time on each. */
export interface LoadOptions {
  readonly target: LoadTarget
  readonly connections: number
  readonly serverPid: number
}

/** Opens a load; throws `measurement-failed` here or in a slice when an answer is not as expected. */
export async function openLoad(client: NodeClient, options: LoadOptions): Promise<Load> {
  const { target, connections } = options
  const window = createWindow(options.serverPid)
  switch (client) {
    case 'ours': {
      const lanes = await openConnections(target, connections)
      return async (requests) => {
        window.open()
        const { latenciesUs } = await lanes.run(requests)
        window.close()
        return window.reading(latenciesUs)
      }
    }
    case 'autocannon':
      return (requests) => runAutocannon(options, requests, window)
    case 'undici':
      return createUndiciLoad(options, window)
  }
}

/**
 * autocannon opens connections anew for each run. Their handshakes stay outside: the window goes from
 * the moment each connection has had an answer to the last answer, before its results are computed.
 */
async function runAutocannon(
  { target, connections }: LoadOptions,
  requests: number,
  window: Window,
): Promise<SliceReading> {
  const { tls } = target
  const inAll = requests + connections
  const instance = autocannon({
    url: urlOf(target),
    connections,
    amount: inAll,
    sampleInt: tickMs,
    timeout: timeoutSeconds,
    bailout: 1,
    headers: { ...target.headers },
    expectBody: (target.expect.body ?? '').toString('utf8'),
    ...(tls === null ? {} : { tlsOptions: { ...tls }, servername: tls.servername }),
  })
  const warm = new Set<Client>()
  const latenciesUs = new Float64Array(inAll)
  let answered = 0
  let inWindow = 0
  let wrong = 0
  instance.on('response', (client, status, _bytes, latencyMs) => {
    answered += 1
    if (status !== target.expect.status) wrong += 1
    if (warm.size === connections) {
      latenciesUs[inWindow] = latencyMs * usPerMs
      inWindow += 1
      if (answered === inAll) window.close()
    } else if (warm.add(client).size === connections) window.open()
  })
  instance.on('reqMismatch', () => {
    wrong += 1
  })
  await instance
  if (wrong > 0 || answered !== inAll) {
    throw new BenchError(
      'measurement-failed',
      `autocannon: ${answered - wrong} of ${inAll} answers were as expected`,
    )
  }
  return window.reading(latenciesUs.subarray(0, inWindow))
}

/** undici as its documentation shows it: a pool, and every body read to its end. */
function createUndiciLoad({ target, connections }: LoadOptions, window: Window): Load {
  const { tls, path, headers, expect } = target
  const pool = new Pool(new URL(urlOf(target)).origin, {
    connections,
    pipelining: 1,
    ...(tls === null ? {} : { connect: { ...tls } }),
  })
  const expected = (expect.body ?? '').toString('utf8')
  const askOnce = async (): Promise<void> => {
    const { statusCode, body } = await pool.request({ path, method: 'GET', headers })
    if (statusCode !== expect.status || (await body.text()) !== expected)
      throw new BenchError('measurement-failed', `undici: wrong answer, status ${statusCode}`)
  }
  return async (requests) => {
    const latenciesUs = new Float64Array(requests)
    let issued = 0
    let completed = 0
    const work = async () => {
      while (issued < requests) {
        issued += 1
        const sentAtMs = performance.now()
        await askOnce()
        latenciesUs[completed] = (performance.now() - sentAtMs) * usPerMs
        completed += 1
      }
    }
    window.open()
    await Promise.all(Array.from({ length: connections }, work))
    window.close()
    return window.reading(latenciesUs)
  }
}

/** The measured part of a slice. */
interface Window {
  open(): void
  close(): void
  reading(latenciesUs: Float64Array): Promise<SliceReading>
}

/**
 * The client's CPU comes from getrusage: all threads, ended ones too, exact to the call. The server's
 * comes from `schedstat`, which lags a tick while a thread runs: it is read once the server rests.
 */
function createWindow(serverPid: number): Window {
  const meter = createCpuMeter(serverPid)
  const serverUs = () => {
    const reading = meter()
    if (reading === null) throw new BenchError('unfit', 'no schedstat here: Linux is needed')
    return reading.cpuUs
  }
  let clientStartUs = 0
  let clientCpuUs = 0
  let serverStartUs = 0
  return {
    open() {
      serverStartUs = serverUs()
      clientStartUs = clientUs()
    },
    close() {
      clientCpuUs = clientUs() - clientStartUs
    },
    async reading(latenciesUs) {
      await pause(restMs)
      return {
        requests: latenciesUs.length,
        clientCpuUs,
        serverCpuUs: serverUs() - serverStartUs,
        latencyP50Us: medianUs(latenciesUs),
      }
    },
  }
}

function clientUs(): number {
  const { user, system } = process.cpuUsage()
  return user + system
}

function urlOf({ tls, host, port, path }: LoadTarget): string {
  return `${tls === null ? 'http' : 'https'}://${host}:${port}${path}`
}

const usPerMs = 1_000
// An `amount` run ends only on a tick; the wait for it is outside of the window, ticks within it are few.
const tickMs = 100
const timeoutSeconds = 10
const restMs = 5
