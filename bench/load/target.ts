import type { SecureContextOptions } from 'node:tls'
import type { Expected } from './response.ts'

/** Where a load goes and what it expects. */
export interface Endpoint {
  /** Name or address, an IPv6 one without brackets. */
  readonly host: string
  readonly port: number
  /** Null for plain HTTP. */
  readonly tls: ClientTls | null
  readonly path: string
  /** Beyond `host`. */
  readonly headers: Readonly<Record<string, string>>
  readonly expect: Expected
}

/** An endpoint of which it is known what it answers: the same for every kind of load. */
export interface LoadTarget extends Endpoint {
  readonly expect: { readonly status: number; readonly body: Buffer }
}

/** A client identity and the anchors by which it judges the server. */
export interface ClientTls extends SecureContextOptions {
  readonly servername: string
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

/** Bytes of the GET request, HTTP/1.1 with keep-alive (RFC 9112). */
export function requestBytes({ host, port, path, headers }: Endpoint): Buffer {
  const name = host.includes(':') ? `[${host}]` : host
  const lines = Object.entries({ host: `${name}:${port}`, ...headers })
  const head = lines.map(([header, value]) => `${header}: ${value}\r\n`).join('')
  return Buffer.from(`GET ${path} HTTP/1.1\r\n${head}\r\n`, 'latin1')
}
