import { fastify } from 'fastify'
import type { FastifyInstance } from 'fastify'
import { createServer as createHttpServer, STATUS_CODES } from 'node:http'
import type { IncomingMessage, RequestListener, Server } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import type { Socket } from 'node:net'
import type { TlsOptions } from 'node:tls'
import { admit } from './guards/guard.ts'
import type { Exchange, Guard, Refusal, Scope } from './guards/guard.ts'
import { httpLimits } from './process.ts'
import type { Telemetry } from './telemetry.ts'

/** What every guarded listener has. */
export interface ListenerOptions {
  readonly telemetry: Telemetry
  /** Null for plain HTTP. */
  readonly tls: TlsOptions | null
}

/** A Fastify application without routes: the same limits and the same refusals in services and gateways. */
export function createGuardedApp({ telemetry, tls }: ListenerOptions): FastifyInstance {
  return fastify({
    logger: false,
    exposeHeadRoutes: false,
    bodyLimit: bodyLimitBytes,
    clientErrorHandler: (error, socket) => {
      refuseUnparsable(error, socket, telemetry)
    },
    serverFactory: (listener) => createServer(listener, tls),
  })
}

/** Path parameters of every route: whose payments. */
export interface OrgPath {
  readonly orgId: string
}

/** Path parameters of the routes of one payment. */
export interface PaymentPath extends OrgPath {
  readonly paymentId: string
}

/** Told of every verdict with what led to it; null = admitted. */
export type Watch = (exchange: Exchange, refusal: Refusal | null) => void

/** What a guarded route reads of Fastify's request, whatever else its path holds. */
interface RoutedRequest {
  readonly raw: IncomingMessage
  readonly params: OrgPath
}

/** What a refusal needs of Fastify's reply, whatever its route answers. */
interface RefusingReply {
  header(name: string, value: string | number): unknown
  code(status: number): { send(body: unknown): unknown }
}

function createServer(listener: RequestListener, tls: TlsOptions | null): Server {
  return tls === null
    ? createHttpServer(httpLimits, listener)
    : createHttpsServer({ ...tls, ...httpLimits }, listener)
}

/** Runs before anything of the request but its head is read: a refused body is never parsed. */
export function guardRoute(
  guards: readonly Guard[],
  scope: Scope,
  telemetry: Telemetry,
  watch?: Watch,
): (request: RoutedRequest, reply: RefusingReply, done: () => void) => void {
  return (request, reply, done) => {
    const exchange: Exchange = {
      request: request.raw,
      requires: { scope, orgId: request.params.orgId },
      caller: { certificate: null, token: null },
    }
    const decide = (refusal: Refusal | null): void => {
      watch?.(exchange, refusal)
      if (refusal === null) done()
      else refuse(refusal, reply, telemetry)
    }
    const verdict = admit(guards, exchange)
    if (verdict instanceof Promise) void verdict.then(decide)
    else decide(verdict)
  }
}

/** The client learns the status and the challenge; the reason stays in the log. */
export function refuse(refusal: Refusal, reply: RefusingReply, telemetry: Telemetry): void {
  const { status, reason, challenge, retryAfterSeconds } = refusal
  telemetry.refused(reason, status)
  if (challenge !== undefined) reply.header('www-authenticate', challenge)
  if (retryAfterSeconds !== undefined) reply.header('retry-after', retryAfterSeconds)
  reply.code(status).send({ error: errorNames[status] })
}

/** A request that never became one: no route, no guard, no reply object. */
function refuseUnparsable(
  error: Error & { readonly code?: string },
  socket: Socket,
  telemetry: Telemetry,
): void {
  const { status, reason } = unparsable(error.code ?? '')
  // node:https reports failed handshakes here too: the telemetry has counted those.
  if (status === 0 || !socket.writable) {
    socket.destroy()
    return
  }
  telemetry.refused(reason, status)
  telemetry.responded(status)
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`,
  )
}

function unparsable(code: string): { status: number; reason: string } {
  if (code === 'HPE_HEADER_OVERFLOW') return { status: 431, reason: 'header_overflow' }
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return { status: 408, reason: 'request_timeout' }
  if (code.startsWith('HPE_')) return { status: 400, reason: 'malformed_request' }
  return { status: 0, reason: '' }
}

const errorNames = {
  400: 'invalid_request',
  401: 'unauthorized',
  403: 'forbidden',
  503: 'unavailable',
} as const satisfies Record<Refusal['status'], string>
/** A payment is some hundred bytes. */
const bodyLimitBytes = 16_384
