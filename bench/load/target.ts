import type { SecureContextOptions } from 'node:tls'

/** Where a load goes and what it expects: the same for every kind of load. */
export interface LoadTarget {
  readonly host: string
  readonly port: number
  /** Null for plain HTTP. */
  readonly tls: ClientTls | null
  readonly path: string
  /** Beyond `host`. */
  readonly headers: Readonly<Record<string, string>>
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
export function requestBytes({ host, port, path, headers }: LoadTarget): Buffer {
  const lines = Object.entries({ host: `${host}:${port}`, ...headers })
  const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')
  return Buffer.from(`GET ${path} HTTP/1.1\r\n${head}\r\n`, 'latin1')
}
