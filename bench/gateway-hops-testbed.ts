import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import type { AuthorizationConfig, GatewayProduct, ServerConfig } from '../servers/config.ts'
import type { Identity } from '../servers/pki.ts'
import { send } from '../servers/server-testbed.ts'
import { expand } from './cases.ts'
import { issuerNeeds, startCase } from './hops.ts'
import { createLab } from './lab.ts'
import type { Lab } from './lab.ts'
import { fetchToken } from './lab-tokens.ts'
import { startServer } from './processes.ts'
import type { ServerProcess } from './processes.ts'
import type { Case, Scenario } from './scenario.ts'

/** A request as it came to the hop behind a product. */
export interface SeenRequest {
  readonly method: string | undefined
  readonly url: string | undefined
  /** Those that are no business of the connection. */
  readonly headers: Readonly<Record<string, unknown>>
  /** Name in the certificate that the product presented; null where none was. */
  readonly peer: string | null
}

/** A product as edge of a topology, in front of a hop that a test answers for. */
export interface EdgeBed {
  readonly server: ServerProcess
  readonly seen: SeenRequest[]
  /** Connections that the product has opened to the next hop. */
  readonly connections: () => number
  /** How the next hop answers from now on; default: 200. */
  readonly answerBy: (answer: (response: ServerResponse) => unknown) => void
  /** The next hop goes, and is there again at the same place. */
  readonly leave: () => Promise<void>
  /** Default: with the certificate that it had. */
  readonly comeBack: (as?: Identity) => Promise<void>
  /** As the good client asks, over a connection of its own. */
  readonly ask: (request?: {
    readonly path?: string
    readonly headers?: Readonly<Record<string, string>>
  }) => ReturnType<typeof send>
}

/** An authorization server for edges of products, and the credentials of all. */
export interface EdgeGround {
  readonly lab: Lab
  readonly issuer: ServerProcess
  /** Starts a product; it ends with the ground. */
  readonly start: (
    product: GatewayProduct,
    scenario: Scenario,
    change?: (config: ServerConfig) => ServerConfig,
  ) => Promise<EdgeBed>
}

/** Starts an authorization server; it and all edges end with `owned`. */
export async function createEdgeGround(
  scenario: Scenario,
  owned: AsyncDisposableStack,
): Promise<EdgeGround> {
  const [like] = expand(scenario, {})
  if (like === undefined) throw new Error('a scenario has a case')
  const lab = owned.use(await createLab({ parameters: like.parameters }))
  const start = async (program: string, config: ServerConfig | AuthorizationConfig) =>
    owned.use(await startServer({ program, configFile: await lab.writeConfig(program, config) }))
  const issuer = await start('authorization', lab.authorizationConfig(issuerNeeds(like)))
  const issuerUrl = `https://127.0.0.1:${issuer.port}`
  return {
    lab,
    issuer,
    async start(product, wanted, change = (config) => config) {
      const [trial] = expand(wanted, { gateway: [product] })
      if (trial === undefined) throw new Error(`${wanted.name} has no case`)
      const next = owned.use(await createNextHop(lab, trial))
      const server = await startCase({
        ...{ trial, lab, issuerUrl },
        launch: (program, config) =>
          program === 'gateway' && 'upstream' in config
            ? start(program, change(config))
            : Promise.resolve(next.process),
      })
      const headers = await credentialsOf(lab, trial, issuerUrl)
      return { ...next, server, ask: asker(lab, trial, server.port, headers) }
    },
  }
}

async function credentialsOf(
  lab: Lab,
  { scenario, parameters }: Case,
  issuerUrl: string,
): Promise<Record<string, string>> {
  const { token, bound } = scenario.credentials(parameters)
  if (token === 'none') return {}
  const client = bound ? 'acme-billing-bound' : 'acme-billing'
  const resource = 'urn:trustbench:payments:jwt'
  return { authorization: `Bearer ${await fetchToken(lab, issuerUrl, { client, resource })}` }
}

function asker(
  lab: Lab,
  { scenario, parameters }: Case,
  port: number,
  credentials: Record<string, string>,
): EdgeBed['ask'] {
  const { certificate } = scenario.credentials(parameters)
  const identity = certificate ? { cert: lab.good.chainPem, key: lab.good.privateKeyPem } : {}
  return ({ headers = {}, ...request } = {}) =>
    send({
      ...{ host: '127.0.0.1', port, ca: lab.rootPem, ...identity },
      ...request,
      headers: { ...credentials, ...headers },
    })
}

async function createNextHop(lab: Lab, { scenario }: Case) {
  const seen: SeenRequest[] = []
  let connections = 0
  let answer: (response: ServerResponse) => unknown = (response) =>
    response.setHeader('content-type', 'application/json').end('{"ok":true}')
  const listener = (request: IncomingMessage, response: ServerResponse) => {
    seen.push({ ...seenOf(request), peer: peerOf(request) })
    answer(response)
  }
  const isPlain = scenario.hops?.[1]?.peers === 'plain'
  const isMutual = scenario.hops?.[1]?.peers === 'gateway'
  const tlsOf = ({ chainPem, privateKeyPem }: Identity) => ({
    ...{ cert: chainPem, key: privateKeyPem, ca: lab.rootPem },
    ...{ requestCert: isMutual, rejectUnauthorized: isMutual },
  })
  const open = async (at: number, as: Identity = lab.server) => {
    const made = isPlain ? createHttpServer(listener) : createHttpsServer(tlsOf(as), listener)
    made.on('connection', () => (connections += 1))
    await once(made.listen(at, '127.0.0.1'), 'listening')
    return made
  }
  let server = await open(0)
  const address = server.address()
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0
  return {
    seen,
    process: processAt(port),
    connections: () => connections,
    answerBy: (by: typeof answer) => {
      answer = by
    },
    leave: () => close(server),
    async comeBack(as?: Identity) {
      server = await open(port, as)
    },
    [Symbol.asyncDispose]: () => close(server),
  }
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => {
      resolve()
    })
    server.closeAllConnections()
  })
}

function seenOf({ method, url, headers }: IncomingMessage) {
  const { connection: _connection, 'keep-alive': _keepAlive, ...others } = headers
  return { method, url, headers: others }
}

function peerOf({ socket }: IncomingMessage): string | null {
  if (!('getPeerX509Certificate' in socket)) return null
  const ask = socket.getPeerX509Certificate
  const certificate: unknown = typeof ask === 'function' ? ask.call(socket) : undefined
  return typeof certificate === 'object' && certificate !== null && 'subjectAltName' in certificate
    ? String(certificate.subjectAltName)
    : null
}

/** A hop that is no process of its own, as far as one is asked for. */
function processAt(port: number): ServerProcess {
  const nothing = () => Promise.resolve()
  const none = () => Promise.reject(new Error('the hop of a test'))
  return {
    ...{ program: 'test', pid: 0, port, died: new AbortController().signal },
    ...{ snapshot: none, spans: none, reload: nothing, change: nothing, stderrTail: () => [] },
    ...{ stop: nothing, [Symbol.asyncDispose]: nothing },
  }
}
