import { createServer, type AddressInfo } from 'node:net'
import { once } from 'node:events'
import { runOpenLoop } from './open.ts'
import { createSchedule } from './schedule.ts'
import type { Endpoint } from './target.ts'

/**
 * Runs the generator's own code hot against a server in this process, so that the first requests of a
 * window do not wait for the compiler and a target gets not one request more than was asked for.
 */
export async function warmGenerator(): Promise<void> {
  const server = createServer((socket) => {
    socket.on('data', () => socket.write(answer))
    socket.on('error', () => socket.destroy())
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  try {
    const { port } = server.address() as AddressInfo
    const expect = { status: 204, body: null }
    const endpoint = { host: '127.0.0.1', port, tls: null, path: '/', headers: {}, expect }
    // More than once: V8 compiles a function that has been one closure all the time for that closure
    // alone, and begins anew with the second.
    for (let round = 0; round < rounds; round++) await warmOn(endpoint, ratePerSecond, roundMs)
  } finally {
    server.close()
  }
}

/** The same on a server that is ours: its own kind of connection, and the server's own code. */
export async function warmOn(
  targets: Endpoint | readonly Endpoint[],
  ratePerSecond: number,
  durationMs: number,
): Promise<void> {
  const schedule = createSchedule({ ratePerSecond, arrivals: 'poisson', durationMs, seed: 1 })
  await runOpenLoop(targets, { schedule, connections: 8, maxConnections: 64, timeoutMs: 5_000 })
}

const answer = 'HTTP/1.1 204 No Content\r\n\r\n'
const rounds = 4
const ratePerSecond = 4_000
const roundMs = 400
