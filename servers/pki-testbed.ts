import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { checkServerIdentity, connect, createServer } from 'node:tls'
import type { SecureVersion, Server, TLSSocket } from 'node:tls'

import type { KeyType } from './config.ts'
import { createAuthority } from './pki.ts'
import type { Authority, Identity, IssueRequest } from './pki.ts'

/** Authorities of one key type with empty CRLs, and one good identity for each end. */
export interface Lab {
  readonly root: Authority
  readonly intermediate: Authority
  readonly intermediateSerialHex: string
  readonly rootPem: string
  readonly crlPem: string
  readonly serverIdentity: Identity
  readonly clientIdentity: Identity
}

/** Creates a lab, its certificates all of one key type. */
export async function createLab(key: KeyType): Promise<Lab> {
  const root = await createAuthority({ key, name: 'root' })
  const intermediate = await root.createIntermediate({ key, name: 'intermediate' })
  return {
    root,
    intermediate,
    intermediateSerialHex: new X509Certificate(intermediate.certificatePem).serialNumber,
    rootPem: root.rootPem,
    crlPem: (await emptyCrl(root)) + (await emptyCrl(intermediate)),
    serverIdentity: await intermediate.issue({ ...serverRequest, key }),
    clientIdentity: await intermediate.issue({ ...clientRequest, key }),
  }
}

/** One lab a key type and process, for tests that leave it as it is: four RSA-4096 keys take half a second. */
export function sharedLab(key: KeyType): Promise<Lab> {
  const lab = labs.get(key) ?? createLab(key)
  labs.set(key, lab)
  return lab
}

/** A CRL that revokes nothing. */
export function emptyCrl(authority: Authority): Promise<string> {
  return authority.issueCrl({ revokedSerialsHex: [] })
}

/** Connects once, both ends strict; each end says `accepted` or why it refused. */
export async function handshake(setup: {
  rootPem: string
  crlPem: string | null
  serverIdentity: Identity
  clientIdentity: Identity
  version: SecureVersion
  servername?: string
}) {
  const { rootPem, crlPem, serverIdentity, clientIdentity, version } = setup
  const limits = { ca: rootPem, minVersion: version, maxVersion: version }
  const server = createServer({
    ...limits,
    cert: serverIdentity.chainPem,
    key: serverIdentity.privateKeyPem,
    ...(crlPem === null ? {} : { crl: crlPem }),
    requestCert: true,
    rejectUnauthorized: true,
  })
  const accepted = acceptance(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')

  const socket = connect({
    ...limits,
    host: '127.0.0.1',
    port: portOf(server),
    cert: clientIdentity.chainPem,
    key: clientIdentity.privateKeyPem,
    checkServerIdentity: (_, certificate) =>
      checkServerIdentity(setup.servername ?? 'localhost', certificate),
  })
  let client = 'closed'
  socket.on('secureConnect', () => {
    client = 'accepted'
  })
  socket.on('error', (error) => {
    if (client === 'closed') client = codeOf(error)
  })
  socket.resume()
  const [atServer] = await Promise.all([accepted, closed(socket)])
  server.close()
  return { client, ...atServer }
}

/** A DER element, tag and length read off. */
export interface Element {
  readonly content: Buffer
}

/** The DER elements that follow each other in some bytes: a reader of our own, as the issuer's would forgive itself. */
export function children(bytes: Buffer = Buffer.alloc(0)): Element[] {
  const elements: Element[] = []
  for (let at = 0; at < bytes.length;) {
    const first = bytes.readUInt8(at + 1)
    const lengthOctets = first < 0x80 ? 0 : first & 0x7f
    const length = lengthOctets === 0 ? first : bytes.readUIntBE(at + 2, lengthOctets)
    const start = at + 2 + lengthOctets
    elements.push({ content: bytes.subarray(start, start + length) })
    at = start + length
  }
  return elements
}

/** A folder that is gone after the test. */
export async function temporaryFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'trustbench-pki-'))
  t.after(() => rm(folder, { recursive: true }))
  return folder
}

/** A reason to skip a test on a machine without a program; CI has them all, so there its absence fails. */
export function missing(program: string): string | false {
  const found = spawnSync(program, ['--help']).error === undefined
  return found || process.env['CI'] === 'true' ? false : `no ${program} on this machine`
}

/** How the first connection ended up at the server. */
function acceptance(server: Server): Promise<{ server: string; serialHex?: string | undefined }> {
  return new Promise((resolve) => {
    server.on('secureConnection', (socket) => {
      const serialHex = socket.getPeerX509Certificate()?.serialNumber
      socket.on('error', () => undefined)
      socket.end()
      resolve({ server: socket.authorized ? 'accepted' : 'unauthorized', serialHex })
    })
    server.on('tlsClientError', (error, socket) => {
      // Typed as an Error, it is OpenSSL's code as text, and absent where no certificate was at fault.
      const reason: unknown = socket.authorizationError
      resolve({ server: typeof reason === 'string' ? reason : codeOf(error) })
    })
  })
}

function closed(socket: TLSSocket): Promise<void> {
  return new Promise((resolve) => {
    socket.on('close', () => {
      resolve()
    })
  })
}

function portOf(server: Server): number {
  const address = server.address()
  assert.ok(typeof address === 'object' && address !== null)
  return address.port
}

function codeOf(error: Error): string {
  return 'code' in error ? String(error.code) : error.message
}

/** A server of this machine. */
export const serverRequest: IssueRequest = {
  kind: 'server',
  key: 'p256',
  commonName: 'localhost',
  dnsNames: ['localhost'],
  ipAddresses: ['127.0.0.1', '::1'],
}

/** The good client of the payments API. */
export const clientRequest: IssueRequest = {
  kind: 'client',
  key: 'p256',
  commonName: 'billing',
  uris: ['spiffe://trustbench.test/acme/billing'],
}

const labs = new Map<KeyType, Promise<Lab>>()
