import { request as askUpstream, createServer, Agent } from 'node:https'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Identity } from '../../servers/pki.ts'
import type { Lab } from '../lab.ts'
import { waitFor } from './experiment.ts'

/** How a front treats requests: passes them on at once or later, turns most away, or drops the connection. */
export type Behaviour =
  | { readonly kind: 'pass' }
  | { readonly kind: 'slow'; readonly ms: number }
  | { readonly kind: 'limited'; readonly oneOf: number; readonly status: 429 | 503 }
  | { readonly kind: 'down' }

/** What stands before a server and ends its TLS: a load balancer that fails, or who gets in between. */
export interface Front extends AsyncDisposable {
  readonly port: number
  readonly url: string
  readonly behave: (behaviour: Behaviour) => void
  /** The newest `Authorization` that came by; null before the first. */
  readonly harvested: () => string | null
}

/** Starts a front in this process, with the certificate that clients expect of the server behind it. */
export async function createFront(
  lab: Lab,
  options: { readonly to: number; readonly identity?: Identity },
): Promise<Front> {
  let behaviour: Behaviour = { kind: 'pass' }
  let harvested: string | null = null
  let count = 0
  const { chainPem: cert, privateKeyPem: key } = lab.server
  const { identity } = options
  const agent = new Agent({
    ca: lab.rootPem,
    keepAlive: true,
    ...(identity === undefined ? {} : { cert: identity.chainPem, key: identity.privateKeyPem }),
  })
  const treat = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    harvested = request.headers.authorization ?? harvested
    count += 1
    switch (behaviour.kind) {
      case 'down':
        request.socket.destroy()
        return
      case 'limited':
        if (count % behaviour.oneOf !== 0) {
          response.writeHead(behaviour.status, { 'retry-after': '1', 'content-length': '0' }).end()
          return
        }
        break
      case 'slow':
        await waitFor(behaviour.ms)
        break
      case 'pass':
    }
    forward(request, response, { agent, port: options.to })
  }
  const listener = createServer({ cert, key }, (request, response) => {
    void treat(request, response)
  })
  await new Promise<void>((resolve, reject) => {
    listener.once('error', reject).listen(0, '127.0.0.1', resolve)
  })
  const address = listener.address()
  if (address === null || typeof address === 'string') throw new Error('not listening on TCP')
  return {
    port: address.port,
    url: `https://127.0.0.1:${address.port}`,
    behave: (changed) => {
      behaviour = changed
    },
    harvested: () => harvested,
    async [Symbol.asyncDispose]() {
      agent.destroy()
      listener.closeAllConnections()
      await new Promise((resolve) => listener.close(resolve))
    },
  }
}

/** Passes a request on as it came; what cannot be passed on ends the client's connection. */
function forward(
  request: IncomingMessage,
  response: ServerResponse,
  { agent, port }: { readonly agent: Agent; readonly port: number },
): void {
  const { method, url: path, headers } = request
  const upstream = askUpstream(
    { host: '127.0.0.1', port, servername: 'localhost', agent, method, path, headers },
    (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(response)
    },
  )
  upstream.on('error', () => response.destroy())
  request.pipe(upstream)
}
