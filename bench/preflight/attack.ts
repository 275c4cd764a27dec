import { connect as connectTcp } from 'node:net'
import type { Socket } from 'node:net'
import { connect, TLSSocket } from 'node:tls'
import type { SecureVersion } from 'node:tls'
import type { Identity } from '../../servers/pki.ts'

/** What one attempt sends: everything is told, nothing is added but `host` and the end of the request. */
export interface AttackRequest {
  readonly method: string
  /** With query. */
  readonly path: string
  /** Raw lines in their order, so that a name may come twice. */
  readonly headers: readonly (readonly [name: string, value: string])[]
  /** JSON; default: none. */
  readonly body?: string
}

/** How one attempt connects. */
export interface AttackTarget {
  readonly port: number
  readonly rootPem: string
  readonly identity: Identity | null
  /** A session to resume (DER of OpenSSL's SSL_SESSION). */
  readonly session?: Buffer
  /** Without TLS. */
  readonly plain?: boolean
  /** Offered as the only version, with the weak signatures that it needs. */
  readonly version?: SecureVersion
}

/** How an attempt ended. */
export type Answer =
  | {
      readonly kind: 'response'
      readonly status: number
      /** `WWW-Authenticate`. */
      readonly challenge: string | null
      readonly body: string
      readonly resumed: boolean
    }
  /** The connection failed or was closed without an HTTP response. */
  | { readonly kind: 'closed'; readonly code: string }
  | { readonly kind: 'silent' }

/** A connection as an attacker has it: raw bytes, any credential. */
export interface AttackConnection extends Disposable {
  ask(request: AttackRequest): Promise<Answer>
  /** The newest session that the server issued; throws without any. TLS 1.3 servers issue them after the handshake. */
  session(): Buffer
  /** The same, or null while there is none. */
  newestSession(): Buffer | null
  /** Whether the connection has ended, or is about to because the server said so. */
  isClosed(): boolean
}

/** Opens a connection; whatever becomes of it is the answer to what is asked over it. */
export function openAttack(target: AttackTarget): AttackConnection {
  const socket: Socket =
    target.plain === true
      ? connectTcp({ host: '127.0.0.1', port: target.port })
      : connect(optionsOf(target))
  let session: Buffer | null = null
  socket.on('session', (issued: Buffer) => {
    session = issued
  })
  let failure = 'ended'
  let isLast = false
  const closed = new Promise<Answer>((resolve) => {
    socket.on('error', (error) => {
      failure = codeOf(error)
    })
    socket.on('close', () => {
      resolve({ kind: 'closed', code: failure })
    })
  })
  return {
    async ask(request) {
      const deadline = expireAfter(answerTimeoutMs)
      try {
        const answered = exchange(socket, request, () => {
          isLast = true
        })
        return await Promise.race([answered, closed, deadline.expired])
      } finally {
        deadline.cancel()
      }
    },
    session() {
      if (session === null) throw new Error('the server issued no session')
      return session
    },
    newestSession: () => session,
    isClosed: () => isLast || socket.destroyed || socket.readableEnded,
    [Symbol.dispose]: () => {
      socket.destroy()
    },
  }
}

/** Connects, asks once, and hangs up. */
export async function attack(target: AttackTarget, request: AttackRequest): Promise<Answer> {
  using connection = openAttack(target)
  return await connection.ask(request)
}

function optionsOf({ port, rootPem, identity, session, version }: AttackTarget) {
  return {
    host: '127.0.0.1',
    port,
    servername: 'localhost',
    ca: rootPem,
    ...(identity === null ? {} : { cert: identity.chainPem, key: identity.privateKeyPem }),
    ...(session === undefined ? {} : { session }),
    ...(version === undefined
      ? {}
      : { minVersion: version, maxVersion: version, ciphers: 'DEFAULT@SECLEVEL=0' }),
  }
}

function exchange(socket: Socket, request: AttackRequest, onLast: () => void): Promise<Answer> {
  const { method, path, headers, body = '' } = request
  const hasType = headers.some(([name]) => name === 'content-type')
  const type: AttackRequest['headers'] =
    body === '' || hasType ? [] : [['content-type', 'application/json']]
  const lines = [['host', 'localhost'], ...type, ['content-length', body.length], ...headers]
  const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')
  socket.write(`${method} ${path} HTTP/1.1\r\n${head}\r\n${body}`)
  return new Promise((resolve) => {
    let text = ''
    const read = (chunk: Buffer) => {
      text += chunk.toString('latin1')
      const answer = parseResponse(text, socket)
      if (answer === null) return
      socket.off('data', read)
      // RFC 9112 section 9.6: the server will answer no more, though its end of the connection may come later.
      if (headerOf(text, 'connection')?.toLowerCase() === 'close') onLast()
      resolve(answer)
    }
    socket.on('data', read)
  })
}

/** A whole response with a Content-Length, as all of these servers write; null while it is incomplete. */
function parseResponse(text: string, socket: Socket): Answer | null {
  const end = text.indexOf('\r\n\r\n')
  if (end < 0) return null
  const head = text.slice(0, end)
  const length = Number(headerOf(head, 'content-length') ?? 0)
  const body = text.slice(end + 4)
  if (body.length < length) return null
  return {
    kind: 'response',
    status: Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1]),
    challenge: headerOf(head, 'www-authenticate'),
    body,
    resumed: socket instanceof TLSSocket && socket.isSessionReused(),
  }
}

function headerOf(head: string, name: string): string | null {
  const line = head.split('\r\n').find((each) => each.toLowerCase().startsWith(`${name}:`))
  return line?.slice(name.length + 1).trim() ?? null
}

function expireAfter(ms: number) {
  const { promise, resolve } = Promise.withResolvers<Answer>()
  const timer = setTimeout(() => {
    resolve({ kind: 'silent' })
  }, ms)
  return {
    expired: promise,
    cancel: () => {
      clearTimeout(timer)
    },
  }
}

function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : error.message
}

/** Far above the slowest refusal, that of an issuer which does not answer. */
const answerTimeoutMs = 5_000
