import { performance } from 'node:perf_hooks'
// The subject of this benchmark, and the one place beside bench/load/closed.ts: that file's own
// listeners are left out, so that what is measured is autocannon as it comes.
// eslint-disable-next-line no-restricted-imports
import autocannon, { type Client } from 'autocannon'
import { Pool } from 'undici'
import { BenchError } from '../../bench/errors.ts'
import { openConnections } from '../../bench/load/connection.ts'
import { medianUs } from '../../bench/load/histogram.ts'
import type { LoadTarget } from '../../bench/load/target.ts'
import type { ClientSlice, NodeClient } from './messages.ts'

/** A load generator at work: measures slices, one at a time. */
export type Load = (requests: number) => Promise<ClientSlice>

/** Opens a load; each keeps `connections` busy with one request at a time. */
export async function openLoad(
  client: NodeClient,
  target: LoadTarget,
  connections: number,
): Promise<Load> {
  switch (client) {
    case 'ours':
      return openOurs(target, connections)
    case 'autocannon':
      return (requests) => runAutocannon(target, connections, requests)
    case 'undici':
      return openUndici(target, connections)
  }
}

async function openOurs(target: LoadTarget, connections: number): Promise<Load> {
  const lanes = await openConnections(target, connections)
  return async (requests) => {
    const startUs = cpuUs()
    const { latenciesUs } = await lanes.run(requests)
    return { requests, cpuUs: cpuUs() - startUs, latencyP50Us: medianUs(latenciesUs) }
  }
}

/**
 * autocannon opens connections anew for each run. Their handshakes stay outside: the window goes from
 * the moment each connection has had an answer to the last answer, before its results are computed.
 */
async function runAutocannon(
  target: LoadTarget,
  connections: number,
  requests: number,
): Promise<ClientSlice> {
  const instance = autocannon({
    url: urlOf(target),
    connections,
    amount: requests + connections,
    sampleInt: tickMs,
    timeout: timeoutSeconds,
    bailout: 1,
    headers: { ...target.headers },
    ...tlsOf(target),
  })
  const warm = new Set<Client>()
  const latenciesUs = new Float64Array(requests + connections)
  let answered = 0
  let inWindow = 0
  let wrong = 0
  let startUs = 0
  let endUs = 0
  instance.on('response', (client, status, _bytes, latencyMs) => {
    answered += 1
    if (status !== target.expect.status) wrong += 1
    if (warm.size === connections) {
      latenciesUs[inWindow] = latencyMs * usPerMs
      inWindow += 1
      if (answered === requests + connections) endUs = cpuUs()
    } else if (warm.add(client).size === connections) startUs = cpuUs()
  })
  await instance
  if (wrong > 0 || answered !== requests + connections) {
    throw new BenchError(
      'measurement-failed',
      `autocannon: ${answered - wrong} of ${requests + connections} answers were as expected`,
    )
  }
  return {
    requests: inWindow,
    cpuUs: endUs - startUs,
    latencyP50Us: medianUs(latenciesUs.subarray(0, inWindow)),
  }
}

/** undici as its documentation shows it: a pool, and every body read to its end. */
function openUndici(target: LoadTarget, connections: number): Promise<Load> {
  const pool = new Pool(new URL(urlOf(target)).origin, {
    connections,
    pipelining: 1,
    ...(target.tls === null ? {} : { connect: { ...target.tls } }),
  })
  const expected = target.expect.body.toString('utf8')
  return Promise.resolve(async (requests) => {
    const latenciesUs = new Float64Array(requests)
    let issued = 0
    let completed = 0
    const work = async () => {
      while (issued < requests) {
        issued += 1
        const sentAtMs = performance.now()
        const { statusCode, body } = await pool.request({
          path: target.path,
          method: 'GET',
          headers: target.headers,
        })
        const text = await body.text()
        latenciesUs[completed] = (performance.now() - sentAtMs) * usPerMs
        completed += 1
        if (statusCode !== target.expect.status || text !== expected)
          throw new BenchError('measurement-failed', `undici: wrong answer ${statusCode}`)
      }
    }
    const startUs = cpuUs()
    await Promise.all(Array.from({ length: connections }, work))
    return { requests, cpuUs: cpuUs() - startUs, latencyP50Us: medianUs(latenciesUs) }
  })
}

function urlOf({ tls, host, port, path }: LoadTarget): string {
  return `${tls === null ? 'http' : 'https'}://${host}:${port}${path}`
}

function tlsOf({ tls }: LoadTarget): { tlsOptions?: object; servername?: string } {
  return tls === null ? {} : { tlsOptions: { ...tls }, servername: tls.servername }
}

/** All threads, exited ones too; exact to the call, where `schedstat` of a running thread lags a tick. */
function cpuUs(): number {
  const { user, system } = process.cpuUsage()
  return user + system
}

const usPerMs = 1_000
// An `amount` run ends only on a tick; it is outside of the window.
const tickMs = 10
const timeoutSeconds = 10
