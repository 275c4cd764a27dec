import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/**
 * Ends the connections that are open when it is called: each with its answer that is under way or with its
 * next one, which says so (RFC 9112 section 9.6), and what is left after `limitMs` is cut. Idle connections
 * are not closed at once, because a request may be on its way. Must be created before the server listens.
 */
export function createDrain(server: Server, limitMs: number): () => void {
  // What carries TLS: a handshake that is not done yet was begun under the old trust, too.
  const transports = new Map<Socket, string>()
  const draining = new Set<string>()
  const answers = new Map<Socket, ServerResponse>()
  server.on('connection', (socket: Socket) => {
    const peer = peerOf(socket)
    transports.set(socket, peer)
    socket.once('close', () => {
      transports.delete(socket)
      draining.delete(peer)
    })
  })
  // Before the handler: the head of the answer must not have been written.
  server.prependListener('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
    if (draining.has(peerOf(socket))) response.shouldKeepAlive = false
    answers.set(socket, response)
    response.once('close', () => answers.delete(socket))
  })
  return () => {
    const old = [...transports]
    for (const [, peer] of old) draining.add(peer)
    for (const [socket, response] of answers) closeAfter(response, socket)
    setTimeout(() => {
      for (const [socket] of old) socket.destroy()
    }, limitMs).unref()
  }
}

/** An answer whose head is already on its way does not say so, but the connection ends all the same. */
function closeAfter(response: ServerResponse, socket: Socket): void {
  if (response.headersSent) response.once('finish', () => socket.end())
  else response.shouldKeepAlive = false
}

/** What the TLS socket of a request and the one below it have in common. */
function peerOf({ remoteAddress = '', remotePort = 0 }: Socket): string {
  return `${remoteAddress} ${remotePort}`
}
