import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import type { RequestOptions } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from 'node:tls'
import type { ConnectionOptions } from 'node:tls'
import type { ClientTrust, Reload, ServerConfig, TlsVersion } from './config.ts'
import { createAuthority, selfSigned } from './pki.ts'
import type { Authority, Identity } from './pki.ts'
import type { ParentMessage, ServerMessage, Snapshot } from './telemetry.ts'

/** Certificates, CRLs and configurations for tests of the server programs; a folder of its own, removed at disposal. */
export interface Testbed extends AsyncDisposable {
  readonly folder: string
  readonly caPem: string
  readonly intermediate: Authority
  readonly rogue: Authority
  readonly client: Identity
  readonly selfSignedClient: Identity
  /** Issues another client certificate of the trusted intermediate. */
  readonly issueClient: (uris: readonly string[]) => Promise<Identity>
  readonly issueServer: (dnsNames: readonly string[]) => Promise<Identity>
  /** Writes a new CRL file of both authorities, and the trust that names it. */
  readonly trust: (revokedSerialsHex: readonly string[]) => Promise<ClientTrust>
  readonly write: (name: string, text: string | Buffer) => Promise<string>
  readonly config: (changes?: Partial<ServerConfig>, version?: TlsVersion) => Promise<ServerConfig>
}

/** Issues everything that a server under test needs. */
export async function createTestbed(): Promise<Testbed> {
  const folder = await mkdtemp(join(tmpdir(), 'trustbench-test-'))
  const root = await createAuthority({ key: 'p256', name: 'Test root' })
  const intermediate = await root.createIntermediate({ key: 'p256', name: 'Test intermediate' })
  const rogue = await createAuthority({ key: 'p256', name: 'Rogue root' })
  const server = await intermediate.issue({
    kind: 'server',
    key: 'p256',
    commonName: 'localhost',
    dnsNames: ['localhost'],
    ipAddresses: ['127.0.0.1'],
  })
  const uris = ['spiffe://trustbench.test/acme/billing']
  const clientRequest = { kind: 'client', key: 'p256', commonName: 'billing', uris } as const
  let files = 0
  const write = async (name: string, text: string | Buffer): Promise<string> => {
    files += 1
    const path = join(folder, `${files}-${name}`)
    await writeFile(path, text, { mode: 0o600 })
    return path
  }
  const caFile = await write('ca.pem', root.certificatePem)
  const tls = {
    certificateFile: await write('server.pem', server.chainPem),
    keyFile: await write('server-key.pem', server.privateKeyPem),
    ticketSecretFile: await write('ticket-secret', randomBytes(32)),
    pinnedTicketKeys: false,
  }
  return {
    folder,
    caPem: root.certificatePem,
    intermediate,
    rogue,
    client: await intermediate.issue(clientRequest),
    selfSignedClient: await selfSigned(clientRequest),
    issueClient: (names) => intermediate.issue({ ...clientRequest, uris: names }),
    issueServer: (dnsNames) =>
      intermediate.issue({ kind: 'server', key: 'p256', commonName: 'issuer', dnsNames }),
    trust: async (revokedSerialsHex) => ({
      caFile,
      crlFile: await write(
        'crl.pem',
        (await root.issueCrl({ revokedSerialsHex: [] })) +
          (await intermediate.issueCrl({ revokedSerialsHex })),
      ),
      allowed: {
        'spiffe://trustbench.test/acme/billing': { orgId: 'acme' },
        'spiffe://trustbench.test/globex/billing': { orgId: 'globex' },
      },
      bySan: null,
    }),
    write,
    config: (changes = {}, version = '1.3') =>
      Promise.resolve({
        host: '127.0.0.1',
        port: 0,
        tls: { version, ...tls },
        clients: null,
        issuer: null,
        token: 'none',
        bodyBytes: 0,
        workers: 1,
        tenants: 0,
        drainMs: null,
        upstream: null,
        spans: false,
        partners: null,
        gateway: null,
        ...changes,
      }),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  }
}

/** A running server program; disposal kills it. */
export interface RunningServer extends AsyncDisposable {
  readonly child: ChildProcess
  readonly port: number
  /** From the start of the process to its `ready` message. */
  readonly readyMs: number
  readonly stderr: () => string
  readonly snapshot: () => Promise<Snapshot>
  readonly reload: (clients: ClientTrust) => Promise<void>
  /** Anything else that changes while it serves. */
  readonly change: (changes: Reload) => Promise<void>
  /** Sends the signal, or the message, and waits for the exit code. */
  readonly stop: (how: NodeJS.Signals | 'shutdown' | 'disconnect') => Promise<number | null>
}

/** Starts `servers/<name>.ts` as the bench does, with an IPC channel; throws its stderr when it exits instead. */
export async function startServer(
  bed: Testbed,
  name: string,
  config: unknown,
): Promise<RunningServer> {
  const startedMs = performance.now()
  const child = forkServer(name, await bed.write('config.json', JSON.stringify(config)))
  const stderr = collect(child)
  const port = await ready(child, stderr)
  const readyMs = performance.now() - startedMs
  let id = 0
  const ask = async (message: ParentMessage): Promise<ServerMessage> => {
    const answer = new Promise<ServerMessage>((resolve) => child.once('message', resolve))
    child.send(message)
    return answer
  }
  const change = async (changes: Reload): Promise<void> => {
    id += 1
    const answer = await ask({ kind: 'reload', id, ...changes })
    if (answer.kind !== 'reloaded' || answer.id !== id) throw new Error('not reloaded')
  }
  return {
    child,
    port,
    readyMs,
    stderr,
    snapshot: async () => {
      id += 1
      const answer = await ask({ kind: 'snapshot', id })
      if (answer.kind !== 'snapshot' || answer.id !== id) throw new Error('no snapshot')
      return answer.snapshot
    },
    reload: (clients) => change({ clients }),
    change,
    stop: async (how) => {
      const exit = exitOf(child)
      if (how === 'shutdown') child.send({ kind: 'shutdown' })
      else if (how === 'disconnect') child.disconnect()
      else child.kill(how)
      return exit
    },
    [Symbol.asyncDispose]: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return
      const exit = exitOf(child)
      child.kill('SIGKILL')
      await exit
    },
  }
}

/** Starts a program that is expected to end by itself: its exit code and its stderr. */
export async function runToEnd(
  name: string,
  ...args: readonly string[]
): Promise<{ code: number | null; stderr: string }> {
  const child = forkServer(name, ...args)
  const stderr = collect(child)
  // Unlike `exit`, this waits for the last of stderr.
  await once(child, 'close')
  return { code: child.exitCode, stderr: stderr() }
}

/**
 * Waits for the end of a process, at most the promised 2 s; not for `close`, which never comes after a
 * `disconnect` of ours.
 */
export async function exitOf(child: ChildProcess): Promise<number | null> {
  await once(child, 'exit', { signal: AbortSignal.timeout(2_000) })
  return child.exitCode
}

/** What a response was, or the code of the error instead of one. */
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  readonly body: string
}

/** One request on a new connection, unless `options` brings an agent. */
export function send(options: RequestOptions & { body?: string; scheme?: 'http' | 'https' }) {
  const { body, scheme = 'https', ...rest } = options
  const ask = scheme === 'https' ? httpsRequest : httpRequest
  return new Promise<Answer>((resolve, reject) => {
    const request = ask({ agent: false, path: measuredPath, ...rest }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () => {
        const { statusCode = 0, headers } = response
        resolve({ status: statusCode, headers, body: Buffer.concat(chunks).toString('utf8') })
      })
    })
    request.on('error', reject)
    request.end(body)
  })
}

/** What came of one TLS connection with one GET on it. */
export interface Attempt {
  /** Null when the connection ended without an answer. */
  readonly status: number | null
  readonly response: string
  readonly error: string | null
  readonly reused: boolean
  /** The last session that the server gave, for resumption. */
  readonly session: Buffer | undefined
}

/** Opens a TLS connection, sends one GET, reads to the end of the connection. */
export function attempt(
  options: ConnectionOptions & { path?: string; headers?: readonly string[] },
): Promise<Attempt> {
  const { path = measuredPath, headers = [], ...tls } = options
  return new Promise((resolve) => {
    let [response, reused] = ['', false]
    let error: string | null = null
    let session: Buffer | undefined
    const socket = connect({ host: '127.0.0.1', servername: 'localhost', ...tls })
    const head = [`GET ${path} HTTP/1.1`, 'host: localhost', 'connection: close', ...headers]
    socket.setEncoding('latin1').on('data', (chunk: string) => (response += chunk))
    socket.on('session', (ticket) => (session = ticket))
    socket.on('error', (cause: NodeJS.ErrnoException) => (error = cause.code ?? cause.message))
    socket.on('secureConnect', () => {
      reused = socket.isSessionReused()
      socket.write(`${head.join('\r\n')}\r\n\r\n`)
    })
    socket.on('close', () => {
      const [, status] = /^HTTP\/1\.1 (\d{3})/.exec(response) ?? []
      resolve({
        status: status === undefined ? null : Number(status),
        response,
        error,
        reused,
        session,
      })
    })
  })
}

function forkServer(name: string, ...args: readonly string[]): ChildProcess {
  return fork(join(import.meta.dirname, `${name}.ts`), args, {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  })
}

function collect(child: ChildProcess): () => string {
  let text = ''
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
  return () => text
}

function ready(child: ChildProcess, stderr: () => string): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('message', (message: ServerMessage) => {
      if (message.kind === 'ready') resolve(message.port)
    })
    child.once('close', (code) => {
      reject(new Error(`ended with ${String(code)} before it was ready: ${stderr()}`))
    })
  })
}

/** The request that is measured. */
export const measuredPath = '/v1/orgs/acme/payments/pay_1001'
