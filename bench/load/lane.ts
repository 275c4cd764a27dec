import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls, createSecureContext, TLSSocket, type SecureContext } from 'node:tls'
import { performance } from 'node:perf_hooks'
import { createResponseReader, type ResponseSeen } from './response.ts'
import { hasOwnRequests, requestBytes, type Endpoint } from './target.ts'

/** One keep-alive connection: at most one request is under way on it. */
export interface Lane {
  /** Rejects when the server or its certificate is refused. */
  readonly opened: Promise<void>
  /** Resolves when it is gone, whoever closed it. */
  readonly closed: Promise<void>
  /** Sends one request for somebody, who is told of its answer or of what is wrong. */
  send(receiver: Receiver): void
  /** Ends it as a well-behaved client does, with close_notify and FIN; `closed` tells when it is gone. */
  end(): void
  close(): void
}

/** What a connection that is new for its own sake is told and asked. */
export interface LaneOptions {
  /** TLS session to offer; without one the handshake is a full one. */
  readonly session?: Buffer | null
  readonly onTcpConnected?: () => void
  /** A session for later connections: with TLS 1.3 several come, after the handshake. */
  readonly onSession?: (session: Buffer) => void
  /** The first bytes of the first answer are there. */
  readonly onFirstByte?: () => void
  /** The TLS handshake is done, with a session that was offered or in full. */
  readonly onSecured?: (resumed: boolean) => void
}

/** Who waits for answers: one object for many requests, so that a request costs no closure. */
export interface Receiver {
  /**
   * `serviceUs` goes from handing the request to the socket to the last byte of its answer; after one that
   * closes, the server takes no other request on this connection.
   */
  answered(lane: Lane, serviceUs: number, bytes: number, seen: ResponseSeen): void
  failed(why: string): void
}

/**
 * What all connections of one client identity share; null for plain HTTP. Parsing keys anew for each
 * would cost more than the handshake.
 */
export function sharedContext({ tls }: Endpoint): SecureContext | null {
  return tls === null ? null : createSecureContext(tls)
}

/** An endpoint, with the TLS context that all of its connections share. */
export interface Seat<E extends Endpoint> {
  readonly target: E
  readonly secureContext: SecureContext | null
}

/** Endpoints in turn: clients that differ, in front of one server; one that is taken only where all are. */
export function seatsInTurn<E extends Endpoint>(
  targets: E | readonly E[],
  isTaken: (target: E) => boolean = () => false,
): () => Seat<E> {
  const list = [targets].flat() as readonly E[]
  const keepsAll = list.length <= mostContexts
  const seats: Seat<E>[] = []
  let turn = 0
  const isNextTaken = () => {
    const next = list[turn % list.length]
    return next !== undefined && isTaken(next)
  }
  return () => {
    for (let skipped = 1; skipped < list.length && isNextTaken(); skipped++) turn += 1
    const index = turn++ % list.length
    const target = list[index]
    if (target === undefined) throw new RangeError('a load needs a target')
    // Made when first used: a thousand identities are a thousand keys to parse.
    const seat = seats[index] ?? { target, secureContext: sharedContext(target) }
    if (keepsAll) seats[index] = seat
    return seat
  }
}

/** Starts to open a connection. */
export function openLane(
  target: Endpoint,
  secureContext: SecureContext | null,
  options: LaneOptions = {},
): Lane {
  const request = hasOwnRequests(target) ? null : requestBytes(target)
  const reader = createResponseReader(target.expect)
  const opened = Promise.withResolvers<undefined>()
  const closed = Promise.withResolvers<undefined>()
  // Whoever only sends is told by `failed`.
  opened.promise.catch(() => undefined)
  let receiver: Receiver | null = null
  let fault: string | null = null
  let sentAtMs = 0
  let { onFirstByte } = options
  const fail = (why: string) => {
    fault ??= why
    const waiting = receiver
    receiver = null
    waiting?.failed(fault)
  }
  const received = (chunk: Buffer, length: number) => {
    if (onFirstByte !== undefined) {
      onFirstByte()
      onFirstByte = undefined
    }
    const outcome = reader.push(chunk, length)
    if (outcome === 'incomplete') return
    if (typeof outcome === 'string') {
      fail(outcome)
      return
    }
    const waiting = receiver
    if (waiting === null) {
      fail('wrong response: nothing was asked')
      return
    }
    receiver = null
    const serviceUs = (performance.now() - sentAtMs) * usPerMs
    waiting.answered(lane, serviceUs, outcome.bytes, outcome)
  }
  const socket = connect(target, secureContext, {
    session: options.session ?? null,
    opened() {
      opened.resolve(undefined)
      if (socket instanceof TLSSocket && !socket.isSessionReused()) target.onPresented?.()
    },
    received,
  })
  if (options.onTcpConnected !== undefined) socket.once('connect', options.onTcpConnected)
  if (options.onSession !== undefined) socket.on('session', options.onSession)
  const { onSecured } = options
  if (onSecured !== undefined && socket instanceof TLSSocket) {
    socket.once('secureConnect', () => {
      onSecured(socket.isSessionReused())
    })
  }
  socket.on('error', (error) => {
    opened.reject(error)
    fail(error.message)
  })
  socket.on('close', () => {
    opened.reject(new Error('the server closed the connection'))
    closed.resolve(undefined)
    fail('the server closed the connection')
  })
  const lane: Lane = {
    opened: opened.promise,
    closed: closed.promise,
    send(next) {
      receiver = next
      if (fault !== null) {
        fail(fault)
        return
      }
      // What it takes to make a request is the client's time, not the answer's.
      const bytes = request ?? nextRequest(target)
      if (typeof bytes === 'string') {
        fail(bytes)
        return
      }
      sentAtMs = performance.now()
      socket.write(bytes)
    },
    end() {
      socket.end()
    },
    close() {
      socket.destroy()
    },
  }
  return lane
}

/** Its bytes, or why there is none: the credential that it would bring may have expired. */
function nextRequest(target: Endpoint): Buffer | string {
  try {
    return requestBytes(target)
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

function connect(
  { host, port, tls }: Endpoint,
  secureContext: SecureContext | null,
  on: {
    readonly session: Buffer | null
    readonly opened: () => void
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
  const socket: Socket =
    tls === null || secureContext === null
      ? connectTcp(options, on.opened)
      : connectTls(
          {
            ...options,
            secureContext,
            servername: tls.servername,
            ...(tls.alpn === undefined ? {} : { ALPNProtocols: [...tls.alpn] }),
            ...(on.session === null ? {} : { session: on.session }),
          },
          on.opened,
        )
  socket.setNoDelay(true)
  // Nobody reads the stream, but without a reader it would not tell that the server closed it.
  socket.resume()
  return socket
}

const usPerMs = 1_000
/**
 * Contexts of 27 KiB and 0.25 ms each (P-256, n = 2,000): of more clients than this none is kept, since in turn
 * each would be dropped before it is used again. A connection keeps its own.
 */
const mostContexts = 4_096
// One TLS record holds at most 16 KiB (RFC 8446 section 5.1), and so does an accepted head.
const receiveBytes = 16_384
