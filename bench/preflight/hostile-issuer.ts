import { createServer } from 'node:https'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import type { Lab } from '../lab.ts'

/** How the hostile issuer answers about one token. */
export type Behaviour = (response: ServerResponse) => void | Promise<void>

/** An authorization server that misbehaves on demand, behind the lab's own certificate. */
export interface HostileIssuer extends AsyncDisposable {
  readonly url: string
  /** Says how introspection of a token is answered; a token nobody spoke of is inactive. */
  readonly answer: (token: string, behaviour: Behaviour) => void
  /** Requests so far, by path. */
  readonly requests: (path: string) => number
  /** Serves a JSON document at a path. */
  readonly serve: (path: string, document: unknown) => void
  /** Stops listening and drops every connection: from now on the issuer is down. */
  readonly stop: () => Promise<void>
}

/** Starts a hostile issuer in this process. */
export async function createHostileIssuer({ server, serverTls }: Lab): Promise<HostileIssuer> {
  const behaviours = new Map<string, Behaviour>()
  const documents = new Map<string, unknown>()
  const counts = new Map<string, number>()
  const version = `TLSv${serverTls().version}` as const
  const tls = {
    cert: server.chainPem,
    key: server.privateKeyPem,
    minVersion: version,
    maxVersion: version,
  }
  const listener = createServer(tls, (request, response) => {
    const path = request.url ?? ''
    counts.set(path, (counts.get(path) ?? 0) + 1)
    void reply(request, response).catch(() => response.destroy())
  })
  const reply = async (request: IncomingMessage, response: ServerResponse) => {
    const document = documents.get(request.url ?? '')
    if (document !== undefined) {
      json(document)(response)
      return
    }
    const token = new URLSearchParams(await text(request)).get('token') ?? ''
    await (behaviours.get(token) ?? json({ active: false }))(response)
  }
  const stop = async () => {
    listener.closeAllConnections()
    if (listener.listening) await new Promise((resolve) => listener.close(resolve))
  }
  await new Promise<void>((resolve, reject) => {
    listener.once('error', reject).listen(0, '127.0.0.1', resolve)
  })
  const address = listener.address()
  if (address === null || typeof address === 'string') throw new Error('not listening on TCP')
  return {
    url: `https://127.0.0.1:${address.port}`,
    answer: (token, behaviour) => {
      behaviours.set(token, behaviour)
    },
    requests: (path) => counts.get(path) ?? 0,
    serve: (path, document) => {
      documents.set(path, document)
    },
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

/** Answers 200 with a JSON document. */
export function json(document: unknown): (response: ServerResponse) => void {
  return raw('application/json', JSON.stringify(document))
}

/** Answers 200 with any body. */
export function raw(mediaType: string, body: string): (response: ServerResponse) => void {
  return (response) => {
    response.writeHead(200, { 'content-type': mediaType }).end(body)
  }
}

/** Answers 302. */
export function redirect(location: string): (response: ServerResponse) => void {
  return (response) => {
    response.writeHead(302, { location }).end()
  }
}

/** Never answers; the connection stays open. */
export function silence(): void {
  // The server's own deadline must end it.
}
