import { createHash } from 'node:crypto'
import { request as httpRequest, type ClientRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest, type RequestOptions } from 'node:https'
import type { Socket } from 'node:net'
import { TLSSocket, type ConnectionOptions } from 'node:tls'
import type { Endpoint } from '../load/target.ts'
import { describeFault } from './faults.ts'

/** What one request brought, on a connection of its own. */
export interface ProbeAnswer {
  readonly status: number
  readonly bodySha256: string
  readonly bodyBytes: number
  /** Where it says to go instead, without what may be secret. */
  readonly location: string | null
  /** 1.1, or what is not. */
  readonly httpVersion: string
  /** Whether the answer tells where it ends, other than by the end of the connection. */
  readonly isFramed: boolean
  /** From the request to the last byte. */
  readonly tookMs: number
  /** Protocol and cipher; null for plain HTTP. */
  readonly tls: string | null
}

/** Why there was no answer, in one line. */
export class ProbeFailure extends Error {}

/**
 * Sends one request and reads its answer by Node's own client, which tells what is wrong with a server that is
 * not as expected. Throws `ProbeFailure`, or the signal's reason.
 */
export async function probe(
  endpoint: Endpoint,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<ProbeAnswer> {
  const progress: Progress = {
    phase: 'connecting',
    bytes: 0,
    startMs: performance.now(),
    tls: null,
  }
  const overdue = AbortSignal.timeout(timeoutMs)
  const request = send(endpoint, AbortSignal.any([overdue, signal]))
  watch(request, progress)
  try {
    const response = await answerOf(request)
    progress.phase = 'reading'
    const hash = createHash('sha256')
    for await (const chunk of response) {
      const bytes = Buffer.isBuffer(chunk) ? chunk : Buffer.from(String(chunk))
      progress.bytes += bytes.length
      hash.update(bytes)
    }
    return answer(response, endpoint, { bodySha256: hash.digest('hex'), progress })
  } catch (error) {
    signal.throwIfAborted()
    const why = overdue.aborted ? lateness(progress, timeoutMs) : reasonOf(error, endpoint)
    throw new ProbeFailure(why, { cause: error })
  } finally {
    request.destroy()
  }
}

/** Node passes them on to `tls.connect`; its types leave the protocols out. */
type TlsRequestOptions = RequestOptions & Pick<ConnectionOptions, 'ALPNProtocols'>

interface Progress {
  phase: 'connecting' | 'waiting' | 'reading'
  bytes: number
  startMs: number
  tls: string | null
}

function send(endpoint: Endpoint, signal: AbortSignal): ClientRequest {
  const { host, port, path, headers, ownHeaders, payload, tls, method = 'GET' } = endpoint
  const options = {
    host,
    port,
    path,
    method,
    // As the load sends it: whoever reads "close" may answer otherwise.
    headers: { ...headers, ...ownHeaders?.(), connection: 'keep-alive' },
    agent: false,
    signal,
  } as const
  if (tls === null) return httpRequest(options).end(payload)
  const { alpn = [], servername, ...context } = tls
  const secured: TlsRequestOptions = {
    ...options,
    ...context,
    servername,
    ALPNProtocols: [...alpn],
  }
  return httpsRequest(secured).end(payload)
}

/** Knows how far it came, for the words about what took too long. */
function watch(request: ClientRequest, progress: Progress): void {
  request.once('socket', (socket: Socket) => {
    const event = socket instanceof TLSSocket ? 'secureConnect' : 'connect'
    socket.once(event, () => {
      progress.phase = 'waiting'
      progress.startMs = performance.now()
      progress.tls = tlsOf(socket)
    })
  })
}

/** Read while it is there: with the answer the socket is let go. */
function tlsOf(socket: Socket): string | null {
  if (!(socket instanceof TLSSocket)) return null
  return `${socket.getProtocol() ?? 'TLS'} ${socket.getCipher().standardName}`
}

function answerOf(request: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request.once('response', resolve)
    request.on('error', reject)
  })
}

function answer(
  response: IncomingMessage,
  { method }: Endpoint,
  { bodySha256, progress }: { readonly bodySha256: string; readonly progress: Progress },
): ProbeAnswer {
  const { statusCode = 0, headers } = response
  const isEmpty = statusCode === 204 || statusCode === 304 || method === 'HEAD'
  return {
    status: statusCode,
    bodySha256,
    bodyBytes: progress.bytes,
    location: locationOf(headers.location),
    httpVersion: response.httpVersion,
    isFramed:
      isEmpty ||
      headers['content-length'] !== undefined ||
      headers['transfer-encoding'] !== undefined,
    tookMs: performance.now() - progress.startMs,
    tls: progress.tls,
  }
}

function locationOf(location: string | undefined): string | null {
  if (location === undefined) return null
  const url = URL.parse(location)
  return url === null ? (location.split('?')[0] ?? '') : `${url.origin}${url.pathname}`
}

function lateness({ phase, bytes }: Progress, timeoutMs: number): string {
  const limit = `within ${timeoutMs / msPerSecond} s`
  switch (phase) {
    case 'connecting':
      return `no connection ${limit}`
    case 'waiting':
      return `no answer ${limit}`
    case 'reading':
      return `its answer is not whole ${limit}: ${bytes} bytes of a body came`
  }
}

function reasonOf(error: unknown, { tls }: Endpoint): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  if (code.startsWith('HPE_')) return notHttp(error, code)
  const why = describeFault(error)
  if (!why.endsWith('without an answer') || tls === null) return why
  return tls.cert === undefined
    ? `${why}; it may want a client certificate: --cert and --key`
    : `${why}; the client certificate may be what it refuses`
}

/** Not HTTP/1: what came instead says what it is. */
function notHttp(error: unknown, code: string): string {
  const packet =
    error instanceof Error && 'rawPacket' in error && Buffer.isBuffer(error.rawPacket)
      ? error.rawPacket
      : Buffer.alloc(0)
  // RFC 9113 section 6.5: the first frame of a server is SETTINGS, type 4, on stream 0; or GOAWAY, type 7.
  if (packet.length >= 9 && (packet[3] === 4 || packet[3] === 7) && packet.readUInt32BE(5) === 0)
    return 'speaks HTTP/2 only; HTTP/1.1 is what is measured'
  // RFC 8446 section 5.1: an alert is a record of type 21.
  if (packet[0] === 21 && packet[1] === 3)
    return 'speaks TLS on that port, not plain HTTP; give --target https://…'
  return `answers with what is not HTTP/1.1 (${code})`
}

const msPerSecond = 1_000
