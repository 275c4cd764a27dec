import type { TLSSocket } from 'node:tls'
import { once } from 'node:events'
import { createServer as createHttp, type RequestListener } from 'node:http'
import { createServer as createHttps, type ServerOptions } from 'node:https'
import { createServer as createTcp, type AddressInfo, type Server, type Socket } from 'node:net'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { createAuthority, type Authority, type Identity } from '../../servers/pki.ts'

/** Certificates and files of a test of targets, in a folder that goes with it. */
export interface TargetBed {
  readonly folder: string
  readonly root: Authority
  /** One that nobody trusts. */
  readonly rogue: Authority
  readonly caFile: string
  /** For localhost and 127.0.0.1. */
  readonly server: Identity
  readonly client: Identity
  write(name: string, text: string | Buffer): string
  /** `--cert` and `--key` of an identity. */
  presenting(identity: Identity): string[]
  /** Names of the files in a results folder. */
  results(): { readonly folder: string; files(): string[] }
}

/** Issues everything. */
export async function createTargetBed(t: TestContext): Promise<TargetBed> {
  const folder = mkdtempSync(join(tmpdir(), 'trustbench-test-'))
  t.after(() => {
    rmSync(folder, { recursive: true, force: true })
  })
  let files = 0
  const write = (name: string, text: string | Buffer): string => {
    files += 1
    const path = join(folder, `${files}-${name}`)
    writeFileSync(path, text, { mode: 0o600 })
    return path
  }
  const root = await createAuthority({ key: 'p256', name: 'Target root' })
  return {
    folder,
    root,
    rogue: await createAuthority({ key: 'p256', name: 'Rogue root' }),
    caFile: write('ca.pem', root.certificatePem),
    server: await issueServer(root),
    client: await root.issue({ kind: 'client', key: 'p256', commonName: 'client' }),
    write,
    presenting: ({ chainPem, privateKeyPem }) => [
      ...['--cert', write('cert.pem', chainPem)],
      ...['--key', write('key.pem', privateKeyPem)],
    ],
    results() {
      files += 1
      const own = join(folder, `results-${files}`)
      return { folder: own, files: () => jsonFiles(own) }
    },
  }
}

/** A server certificate; by default a good one. */
export function issueServer(
  authority: Authority,
  changes: { dnsNames?: string[]; ipAddresses?: string[]; notAfter?: Date } = {},
): Promise<Identity> {
  return authority.issue({
    kind: 'server',
    key: 'p256',
    commonName: 'target',
    dnsNames: ['localhost'],
    ipAddresses: ['127.0.0.1'],
    ...changes,
  })
}

/** A plain HTTP server; its URL. */
export async function serveHttp(t: TestContext, listener: RequestListener): Promise<string> {
  return `http://127.0.0.1:${await listen(t, createHttp(listener))}`
}

/** A TLS server; its URL. */
export async function serveHttps(
  t: TestContext,
  identity: Identity,
  listener: RequestListener,
  { onSecured, ...options }: ServerOptions & { onSecured?: (socket: TLSSocket) => void } = {},
): Promise<string> {
  const tls = { cert: identity.chainPem, key: identity.privateKeyPem, ...options }
  const server = createHttps(tls, listener)
  if (onSecured !== undefined) server.on('secureConnection', onSecured)
  return `https://127.0.0.1:${await listen(t, server)}`
}

/** A server that does with a connection what it is told; its port. */
export function serveTcp(t: TestContext, onConnection: (socket: Socket) => void): Promise<number> {
  return listen(t, createTcp(onConnection))
}

/** Listens on a free port of loopback until the test ends, open connections or not. */
export async function listen(t: TestContext, server: Server): Promise<number> {
  const open = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    open.add(socket)
    socket.on('error', () => undefined)
    socket.once('close', () => open.delete(socket))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.close()
    for (const socket of open) socket.destroy()
  })
  return (server.address() as AddressInfo).port
}

function jsonFiles(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => name.endsWith('.json'))
  } catch {
    return []
  }
}
