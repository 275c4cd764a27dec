import type { SecureContextOptions } from 'node:tls'
import type { Renewal } from './renewal.ts'
import type { Expected } from './response.ts'

/** Where a load goes and what it expects. */
export interface Endpoint {
  /** Name or address, an IPv6 one without brackets. */
  readonly host: string
  readonly port: number
  /** Null for plain HTTP. */
  readonly tls: ClientTls | null
  readonly path: string
  /** Of a POST; default: a GET without. */
  readonly body?: () => string
  /** Body that is the same in every request, byte for byte; instead of `body`. */
  readonly payload?: Buffer
  /** Default: GET, or POST where there is a body. */
  readonly method?: string
  /** Beyond `host`. */
  readonly headers: Readonly<Record<string, string>>
  /** Headers of which every request has its own, as proofs that are good once; default: none. Where it throws, no request is sent. */
  readonly ownHeaders?: () => Readonly<Record<string, string>>
  /** Told at the end of each full TLS handshake: one that resumes a session presents no certificate. */
  readonly onPresented?: () => void
  /** Where `ownHeaders` are those of a credential that is renewed: the same for other processes, which cannot ask them. */
  readonly renewal?: Renewal
  readonly expect: Expected
}

/** An endpoint of which it is known what it answers: the same for every kind of load. */
export interface LoadTarget extends Endpoint {
  /** The body is null where each answer has another, as tokens do. */
  readonly expect: { readonly status: number; readonly body: Buffer | null }
}

/** Whether no two of its requests are alike, so that each is made when it is sent. */
export function hasOwnRequests({ ownHeaders, body }: Endpoint): boolean {
  return ownHeaders !== undefined || body !== undefined
}

/** A client identity and the anchors by which it judges the server. */
export interface ClientTls extends SecureContextOptions {
  /** Empty where the host is an address, which RFC 6066 does not allow here. */
  readonly servername: string
  /** Protocols that are offered (RFC 7301); default: none. */
  readonly alpn?: readonly string[]
}

/** Outcome of a fixed number of requests in a closed loop. */
export interface LoadReading {
  readonly requests: number
  /** From the first send to the last response. */
  readonly wallUs: number
  /** One latency a request, in order of completion. */
  readonly latenciesUs: Float64Array
  readonly statuses: Readonly<Record<string, number>>
  readonly bytesReceived: number
}

/** Bytes of the next request, HTTP/1.1 with keep-alive (RFC 9112). */
export function requestBytes(endpoint: Endpoint): Buffer {
  const { host, port, path, headers, ownHeaders, payload } = endpoint
  const name = host.includes(':') ? `[${host}]` : host
  const text = endpoint.body?.() ?? null
  const bytes = payload?.length ?? (text === null ? null : Buffer.byteLength(text))
  const length = bytes === null ? {} : { 'content-length': String(bytes) }
  const all = { host: `${name}:${port}`, ...headers, ...ownHeaders?.(), ...length }
  const lines = Object.entries(all)
  const fields = lines.map(([header, value]) => `${header}: ${value}\r\n`).join('')
  const method = endpoint.method ?? (bytes === null ? 'GET' : 'POST')
  const head = `${method} ${path} HTTP/1.1\r\n${fields}\r\n`
  return payload === undefined
    ? Buffer.from(`${head}${text ?? ''}`, 'latin1')
    : Buffer.concat([Buffer.from(head, 'latin1'), payload])
}
