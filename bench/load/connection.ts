import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls, createSecureContext } from 'node:tls'
import { performance } from 'node:perf_hooks'
import { BenchError } from '../errors.ts'
import { createResponseReader, type ResponseReader } from './response.ts'
import { requestBytes, type LoadReading, type LoadTarget } from './target.ts'

/** Keep-alive connections that stay open over slices: no slice pays for a handshake. */
export interface Connections extends AsyncDisposable {
  /** Sends `requests` in a closed loop, one at a time on each connection; throws `measurement-failed`. */
  run(requests: number): Promise<LoadReading>
  close(): void
}

/** Opens connections, all with one client identity; rejects when the server or its certificate is refused. */
export async function openConnections(
  target: LoadTarget,
  connections: number,
): Promise<Connections> {
  const openOne = createOpener(target)
  const opened = await Promise.allSettled(Array.from({ length: connections }, openOne))
  const sockets = opened.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
  const close = () => {
    for (const socket of sockets) socket.destroy()
  }
  const refused = opened.find((result) => result.status === 'rejected')
  if (refused !== undefined) {
    close()
    throw new BenchError(
      'measurement-failed',
      `no connection to port ${target.port}: ${String(refused.reason)}`,
    )
  }
  const lanes = sockets.map((socket) => createLane(socket, target))
  return {
    run: (requests) => runClosedLoop(lanes, requests, target.port),
    close,
    [Symbol.asyncDispose]: () => Promise.resolve().then(close),
  }
}

/** One connection and what it does now. */
interface Lane {
  /** Sends one request; `done` gets its latency, status and size, or the fault that ends the slice. */
  send(
    done: (latencyUs: number, status: number, bytes: number) => void,
    fail: (why: string) => void,
  ): void
  idle(): void
}

function createOpener({ host, port, tls }: LoadTarget): () => Promise<Socket> {
  // One context for all connections of an identity: parsing keys anew for each would cost more than the handshake.
  const secureContext = tls === null ? null : createSecureContext(tls)
  return () =>
    new Promise<Socket>((resolve, reject) => {
      const socket: Socket =
        tls === null || secureContext === null
          ? connectTcp({ host, port, noDelay: true }, () => {
              resolve(socket)
            })
          : connectTls({ host, port, secureContext, servername: tls.servername }, () => {
              resolve(socket)
            })
      socket.setNoDelay(true)
      socket.once('error', reject)
    })
}

function createLane(socket: Socket, target: LoadTarget): Lane {
  const request = requestBytes(target)
  const reader: ResponseReader = createResponseReader(target.expect)
  let sentAtMs = 0
  let done: Parameters<Lane['send']>[0] = ignore
  let fail: (why: string) => void = ignore
  socket.on('data', (chunk: Buffer) => {
    const outcome = reader.push(chunk)
    if (outcome === 'incomplete') return
    if (typeof outcome === 'string') fail(outcome)
    else done((performance.now() - sentAtMs) * usPerMs, outcome.status, outcome.bytes)
  })
  socket.on('error', (error) => {
    fail(error.message)
  })
  socket.on('close', () => {
    fail('the server closed the connection')
  })
  return {
    send(onDone, onFail) {
      done = onDone
      fail = onFail
      sentAtMs = performance.now()
      socket.write(request)
    },
    idle() {
      done = ignore
    },
  }
}

function runClosedLoop(
  lanes: readonly Lane[],
  requests: number,
  port: number,
): Promise<LoadReading> {
  const latenciesUs = new Float64Array(requests)
  const statuses: Record<string, number> = {}
  let issued = 0
  let completed = 0
  let bytesReceived = 0
  return new Promise((resolve, reject) => {
    const fail = (why: string) => {
      settle()
      reject(
        new BenchError(
          'measurement-failed',
          `port ${port}, request ${completed + 1} of ${requests}: ${why}`,
        ),
      )
    }
    const timer = setTimeout(() => {
      fail(`no answer within ${sliceTimeoutMs} ms`)
    }, sliceTimeoutMs)
    const settle = () => {
      clearTimeout(timer)
      for (const lane of lanes) lane.idle()
    }
    const startMs = performance.now()
    const next = (lane: Lane) => {
      issued += 1
      lane.send((latencyUs, status, bytes) => {
        latenciesUs[completed] = latencyUs
        completed += 1
        bytesReceived += bytes
        statuses[status] = (statuses[status] ?? 0) + 1
        if (issued < requests) next(lane)
        else if (completed === requests) {
          settle()
          const wallUs = (performance.now() - startMs) * usPerMs
          resolve({ requests, wallUs, latenciesUs, statuses, bytesReceived })
        }
      }, fail)
    }
    for (const lane of lanes.slice(0, requests)) next(lane)
  })
}

function ignore(): void {
  // A lane between slices expects nothing.
}

const usPerMs = 1_000
// A slice takes about 50 ms; a server that needs 30 s for it hangs.
const sliceTimeoutMs = 30_000
