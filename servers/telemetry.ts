import type { Server as HttpServer, IncomingMessage, ServerResponse } from 'node:http'
import { PerformanceObserver, performance } from 'node:perf_hooks'
import { Server as TlsServer } from 'node:tls'
import type { TLSSocket } from 'node:tls'
import type { Reload } from './config.ts'

/** What a server process has done since its start: plain integers, cumulative but for the gauges. */
export interface Snapshot {
  /** Times a route handler ran: a refused request must not move it. */
  readonly handlerCalls: number
  readonly requests: number
  /** By status code. */
  readonly responses: Readonly<Record<string, number>>
  readonly handshakesFull: number
  readonly handshakesResumed: number
  readonly handshakesFailed: number
  /** Gauge. */
  readonly connectionsOpen: number
  /** By reason: `token_expired`, `tls:CERT_REVOKED`. */
  readonly refusals: Readonly<Record<string, number>>
  readonly cpuUs: number
  readonly eventLoopActiveUs: number
  readonly eventLoopIdleUs: number
  readonly gcUs: number
  /** Gauge. */
  readonly rssBytes: number
  /** Gauge. */
  readonly heapUsedBytes: number
  /** What only some servers do: `introspectionCalls`, `introspectionCacheHits`, `keySetFetches`. */
  readonly counters: Readonly<Record<string, number>>
}

/** Messages that a server process understands, over the IPC channel of `child_process`. */
export type ParentMessage =
  | { readonly kind: 'snapshot'; readonly id: number }
  | ({ readonly kind: 'reload'; readonly id: number } & Reload)
  | { readonly kind: 'shutdown' }

/** Messages that a server process sends. */
export type ServerMessage =
  | { readonly kind: 'ready'; readonly port: number }
  | { readonly kind: 'snapshot'; readonly id: number; readonly snapshot: Snapshot }
  | { readonly kind: 'reloaded'; readonly id: number }

/** The counters of one server process; the same code in every arm, so its cost cancels. */
export interface Telemetry {
  /** Counts requests, responses, connections and, on TLS servers, handshakes. */
  readonly attach: (server: HttpServer) => void
  /** Called by route handlers, and by nothing else. */
  readonly handlerCalled: () => void
  /** Counts a refusal and logs its one line; `status` is null where TLS refused. */
  readonly refused: (reason: string, status: number | null) => void
  /** Counts a response that was written past `node:http`. */
  readonly responded: (status: number) => void
  readonly count: (counter: string) => void
  readonly snapshot: () => Snapshot
}

/** Creates the counters; `log` takes one line without its line feed. */
export function createTelemetry(log: (line: string) => void = logLine): Telemetry {
  const totals = {
    handlerCalls: 0,
    requests: 0,
    handshakesFull: 0,
    handshakesResumed: 0,
    handshakesFailed: 0,
    connectionsOpen: 0,
  }
  const responses = new Map<string, number>()
  const refusals = new Map<string, number>()
  const counters = new Map<string, number>()
  const readGcUs = observeGarbageCollection()

  const telemetry: Telemetry = {
    attach: (server) => {
      server.on('connection', (socket) => {
        totals.connectionsOpen += 1
        socket.once('close', () => (totals.connectionsOpen -= 1))
      })
      server.on('request', (_request: IncomingMessage, response: ServerResponse) => {
        totals.requests += 1
        response.on('finish', countResponse)
      })
      if (server instanceof TlsServer) attachTls(server)
    },
    handlerCalled: () => {
      totals.handlerCalls += 1
    },
    refused: (reason, status) => {
      increment(refusals, reason)
      log(JSON.stringify({ event: 'refused', reason, status }))
    },
    responded: (status) => {
      increment(responses, String(status))
    },
    count: (counter) => {
      increment(counters, counter)
    },
    snapshot: () => ({
      ...totals,
      responses: Object.fromEntries(responses),
      refusals: Object.fromEntries(refusals),
      counters: Object.fromEntries(counters),
      gcUs: readGcUs(),
      ...readProcess(),
    }),
  }
  return telemetry

  function countResponse(this: ServerResponse): void {
    increment(responses, String(this.statusCode))
  }

  function attachTls(server: TlsServer): void {
    server.on('secureConnection', (socket) => {
      if (socket.isSessionReused()) totals.handshakesResumed += 1
      else totals.handshakesFull += 1
    })
    server.on('tlsClientError', (error, socket) => {
      totals.handshakesFailed += 1
      telemetry.refused(handshakeRefusal(error, socket), null)
    })
  }
}

/** Writes one line to stderr; synchronous for files and pipes, so a dying server loses none. */
export function logLine(line: string): void {
  process.stderr.write(`${line}\n`)
}

/**
 * Why a handshake failed: the verdict on the client's certificate where there is one (`tls:CERT_REVOKED`),
 * else OpenSSL's reason (`tls:ERR_SSL_UNSUPPORTED_PROTOCOL`).
 */
function handshakeRefusal(error: Error, socket: TLSSocket): string {
  // Typed as Error, but Node sets the code; a refused certificate's `error` is only "socket hang up".
  const verdict: unknown = socket.authorizationError
  if (typeof verdict === 'string') return `tls:${verdict}`
  return 'code' in error && typeof error.code === 'string' ? `tls:${error.code}` : 'tls:unknown'
}

function readProcess() {
  const cpu = process.cpuUsage()
  const loop = performance.eventLoopUtilization()
  const memory = process.memoryUsage()
  return {
    cpuUs: cpu.user + cpu.system,
    eventLoopActiveUs: Math.round(loop.active * usPerMs),
    eventLoopIdleUs: Math.round(loop.idle * usPerMs),
    rssBytes: memory.rss,
    heapUsedBytes: memory.heapUsed,
  }
}

/** Sums garbage collection times, returns a reader in µs. */
function observeGarbageCollection(): () => number {
  let gcMs = 0
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) gcMs += entry.duration
  })
  observer.observe({ entryTypes: ['gc'] })
  return () => {
    for (const entry of observer.takeRecords()) gcMs += entry.duration
    return Math.round(gcMs * usPerMs)
  }
}

function increment(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1)
}

const usPerMs = 1_000
