import { performance } from 'node:perf_hooks'
import autocannon, { type Client, type Options } from 'autocannon'
import { BenchError } from '../errors.ts'
import { hasOwnRequests, type LoadReading, type LoadTarget } from './target.ts'

/** What is asked of one saturating run. */
export interface SaturateOptions {
  readonly connections: number
  readonly requests: number
  /** Called when every connection has its first answer: the measured window opens. */
  readonly onWarm?: () => void
}

/** Reading of the measured window, and the number of all requests for the cross-check with the server. */
export interface SaturateReading extends LoadReading {
  /** Including the first request of each connection, which waited for its handshake. */
  readonly requestsInAll: number
}

/**
 * A saturating closed loop by autocannon. Its new connections pay for handshakes, so the measured
 * window opens when each of them has had its first answer; those first answers are outside of it.
 * Latency comes from its `response` events (float ms): its own histogram holds whole milliseconds,
 * and its clock ends on a sampling tick. Its request rate, reconnect and worker modes are not used.
 * Throws `measurement-failed` on any error, wrong status or wrong body.
 */
export async function saturate(
  target: LoadTarget,
  options: SaturateOptions,
): Promise<SaturateReading> {
  const { connections, requests } = options
  const window = createWindow(options)
  const faults: string[] = []
  const instance = autocannon({
    url: `${target.tls === null ? 'http' : 'https'}://${target.host}:${target.port}${target.path}`,
    connections,
    amount: requests,
    sampleInt: tickMs,
    timeout: timeoutSeconds,
    bailout: 1,
    headers: { ...target.headers },
    ...ownRequests(target),
    ...(target.tls === null
      ? {}
      : { tlsOptions: { ...target.tls }, servername: target.tls.servername }),
    ...(target.body === undefined ? {} : { method: 'POST' }),
    ...expectation(target),
  })
  instance.on('response', (client, status, bytes, latencyMs) => {
    window.response(client, status, bytes, latencyMs)
  })
  instance.on('reqError', (error) => {
    faults.push(error.message)
  })
  instance.on('reqMismatch', () => {
    faults.push('wrong body')
  })
  await instance
  const reading = window.close()
  const expected = reading.statuses[target.expect.status] ?? 0
  if (faults[0] === undefined && expected === requests) return reading
  throw new BenchError(
    'measurement-failed',
    `port ${target.port}: ${expected} of ${requests} answers were as expected: ${faults[0] ?? JSON.stringify(reading.statuses)}`,
  )
}

/** autocannon does not take `expectBody` beside requests that are made one by one. */
function expectation(target: LoadTarget): Pick<Options, 'expectBody' | 'verifyBody'> {
  const body = target.expect.body?.toString('utf8')
  if (body === undefined) return {}
  return hasOwnRequests(target)
    ? { verifyBody: (received) => received === body }
    : { expectBody: body }
}

/** autocannon makes a request's bytes once, unless it is asked to anew for each. */
function ownRequests(target: LoadTarget): Pick<Options, 'requests'> {
  if (!hasOwnRequests(target)) return {}
  const { ownHeaders, body } = target
  return {
    requests: [
      {
        setupRequest: (request) => ({
          ...request,
          headers: { ...request.headers, ...ownHeaders?.() },
          ...(body === undefined ? {} : { body: body() }),
        }),
      },
    ],
  }
}

function createWindow({ connections, requests, onWarm }: SaturateOptions) {
  const warm = new Set<Client>()
  const latenciesUs = new Float64Array(requests)
  const statuses: Record<string, number> = {}
  let inWindow = 0
  let inAll = 0
  let bytesReceived = 0
  let openedMs = 0
  let lastMs = 0
  return {
    response(client: Client, status: number, bytes: number, latencyMs: number) {
      inAll += 1
      statuses[status] = (statuses[status] ?? 0) + 1
      lastMs = performance.now()
      if (warm.size === connections) {
        latenciesUs[inWindow] = latencyMs * usPerMs
        inWindow += 1
        bytesReceived += bytes
      } else if (!warm.has(client)) {
        warm.add(client)
        if (warm.size < connections) return
        onWarm?.()
        openedMs = performance.now()
      }
    },
    close: (): SaturateReading => ({
      requests: inWindow,
      requestsInAll: inAll,
      wallUs: (lastMs - openedMs) * usPerMs,
      latenciesUs: latenciesUs.subarray(0, inWindow),
      statuses,
      bytesReceived,
    }),
  }
}

const usPerMs = 1_000
// A run by `amount` ends only on a sampling tick: at the default of 1 s, 300 requests take 1,020 ms.
const tickMs = 10
const timeoutSeconds = 10
