import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls, createSecureContext, type SecureContext } from 'node:tls'
import { performance } from 'node:perf_hooks'
import { BenchError } from '../errors.ts'
import { createResponseReader } from './response.ts'
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
  // One context for all connections of an identity: parsing keys anew for each would cost more than the handshake.
  const secureContext = target.tls === null ? null : createSecureContext(target.tls)
  const lanes = Array.from({ length: connections }, () => createLane(target, secureContext))
  const opened = await Promise.allSettled(lanes.map((lane) => lane.opened))
  const close = () => {
    for (const lane of lanes) lane.close()
  }
  const refused = opened.find((result) => result.status === 'rejected')
  if (refused !== undefined) {
    close()
    throw new BenchError(
      'measurement-failed',
      `no connection to port ${target.port}: ${String(refused.reason)}`,
    )
  }
  return {
    run: (requests) => runClosedLoop(lanes, requests, target),
    close,
    [Symbol.asyncDispose]: () => Promise.resolve().then(close),
  }
}

/** One connection: at most one request is under way on it. */
interface Lane {
  readonly opened: Promise<void>
  /** Sends one request for a slice, which is told of its answer or of what is wrong. */
  send(slice: Slice): void
  close(): void
}

/** Those who wait for answers: one object a slice, so that a request costs no closure. */
interface Slice {
  answered(lane: Lane, latencyUs: number, bytes: number): void
  failed(why: string): void
}

function createLane(target: LoadTarget, secureContext: SecureContext | null): Lane {
  const request = requestBytes(target)
  const reader = createResponseReader(target.expect)
  const opened = Promise.withResolvers<undefined>()
  let slice: Slice | null = null
  let fault: string | null = null
  let sentAtMs = 0
  const fail = (why: string) => {
    fault ??= why
    const waiting = slice
    slice = null
    waiting?.failed(fault)
  }
  const received = (chunk: Buffer, length: number) => {
    const outcome = reader.push(chunk, length)
    if (outcome === 'incomplete') return
    if (typeof outcome === 'string') {
      fail(outcome)
      return
    }
    const waiting = slice
    if (waiting === null) {
      fail('wrong response: nothing was asked')
      return
    }
    slice = null
    waiting.answered(lane, (performance.now() - sentAtMs) * usPerMs, outcome.bytes)
  }
  const socket = connect(target, secureContext, { opened: opened.resolve, received })
  socket.on('error', (error) => {
    opened.reject(error)
    fail(error.message)
  })
  socket.on('close', () => {
    fail('the server closed the connection')
  })
  const lane: Lane = {
    opened: opened.promise,
    send(next) {
      slice = next
      if (fault !== null) {
        fail(fault)
        return
      }
      sentAtMs = performance.now()
      socket.write(request)
    },
    close() {
      socket.destroy()
    },
  }
  return lane
}

function connect(
  { host, port, tls }: LoadTarget,
  secureContext: SecureContext | null,
  on: {
    readonly opened: (value: undefined) => void
    readonly received: (chunk: Buffer, length: number) => void
  },
): Socket {
  const buffer = Buffer.allocUnsafe(receiveBytes)
  const options = {
    host,
    port,
    // All reads go into one buffer and past the stream machinery, which would allocate for each.
    onread: {
      buffer,
      callback: (length: number) => {
        on.received(buffer, length)
        return true
      },
    },
  }
  const onOpen = () => {
    on.opened(undefined)
  }
  const socket: Socket =
    tls === null || secureContext === null
      ? connectTcp(options, onOpen)
      : connectTls({ ...options, secureContext, servername: tls.servername }, onOpen)
  socket.setNoDelay(true)
  // Nobody reads the stream, but without a reader it would not tell that the server closed it.
  socket.resume()
  return socket
}

function runClosedLoop(
  lanes: readonly Lane[],
  requests: number,
  { port, expect }: LoadTarget,
): Promise<LoadReading> {
  const latenciesUs = new Float64Array(requests)
  let issued = 0
  let completed = 0
  let bytesReceived = 0
  const { promise, resolve, reject } = Promise.withResolvers<LoadReading>()
  const startMs = performance.now()
  const slice: Slice = {
    answered(lane, latencyUs, bytes) {
      latenciesUs[completed] = latencyUs
      completed += 1
      bytesReceived += bytes
      if (issued < requests) {
        issued += 1
        lane.send(slice)
      } else if (completed === requests) {
        clearTimeout(timer)
        const wallUs = (performance.now() - startMs) * usPerMs
        // A lane reports only answers with the expected status.
        const statuses = { [expect.status]: requests }
        resolve({ requests, wallUs, latenciesUs, statuses, bytesReceived })
      }
    },
    failed(why) {
      clearTimeout(timer)
      // No lane asks again: the requests under way are answered into the void.
      issued = requests
      reject(
        new BenchError(
          'measurement-failed',
          `port ${port}, request ${completed + 1} of ${requests}: ${why}`,
        ),
      )
    },
  }
  const timer = setTimeout(() => {
    slice.failed(`no answer within ${sliceTimeoutMs} ms`)
  }, sliceTimeoutMs)
  for (const lane of lanes.slice(0, requests)) {
    issued += 1
    lane.send(slice)
  }
  return promise
}

const usPerMs = 1_000
// A slice takes about 50 ms; a server that needs 30 s for it hangs.
const sliceTimeoutMs = 30_000
// One TLS record holds at most 16 KiB (RFC 8446 section 5.1), and so does an accepted head.
const receiveBytes = 16_384
