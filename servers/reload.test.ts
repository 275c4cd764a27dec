import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { after, before, describe, it } from 'node:test'
import { connect } from 'node:tls'
import type { TLSSocket } from 'node:tls'
import type { Reload, ServerConfig, TlsConfig } from './config.ts'
import { startIssuer } from './issuer-testbed.ts'
import type { FakeIssuer } from './issuer-testbed.ts'
import {
  attempt,
  createTestbed,
  exitOf,
  measuredPath,
  send,
  startServer,
} from './server-testbed.ts'
import type { RunningServer, Testbed } from './server-testbed.ts'

// What the server programs take over while they serve, each in a process of its own.

const programs = ['tls', 'mtls', 'mtls-san', 'jwt', 'introspection', 'combined', 'dpop'] as const

describe('reload', () => {
  let bed: Testbed
  let issuer: FakeIssuer
  before(async () => {
    bed = await createTestbed()
    issuer = await startIssuer(bed)
  })
  after(async () => {
    await issuer[Symbol.asyncDispose]()
    await bed[Symbol.asyncDispose]()
  })

  const bySan = { trustDomain: 'trustbench.test', services: { billing: ['payments:read'] } }
  const start = async (program: (typeof programs)[number], changes: Partial<ServerConfig> = {}) => {
    const mutual = program === 'mtls' || program === 'mtls-san' || program === 'combined'
    const clients = { ...(await bed.trust([])), bySan: program === 'mtls-san' ? bySan : null }
    const token = program === 'introspection' ? 'opaque' : 'jwt'
    const config = await bed.config({
      clients: mutual ? clients : null,
      issuer: issuer.config,
      token,
      ...changes,
    })
    return startServer(bed, program, config)
  }
  /** A new certificate and key for the server, in files of their own. */
  const newTls = async (): Promise<TlsConfig> => {
    const { tls } = await bed.config()
    const identity = await bed.issueServer(['localhost'])
    assert.ok(tls)
    return {
      ...tls,
      certificateFile: await bed.write('server.pem', identity.chainPem),
      keyFile: await bed.write('server-key.pem', identity.privateKeyPem),
    }
  }
  const target = ({ port }: RunningServer) => ({
    host: '127.0.0.1',
    servername: 'localhost',
    port,
    ca: bed.caPem,
    cert: bed.client.chainPem,
    key: bed.client.privateKeyPem,
  })
  const open = async (server: RunningServer) => {
    const socket = connect(target(server))
    await once(socket, 'secureConnect')
    const serial = socket.getPeerX509Certificate()?.serialNumber
    return { socket, serial }
  }
  /** One request over a connection that stays open. */
  const ask = async (socket: TLSSocket, path = measuredPath): Promise<string> => {
    socket.write(`GET ${path} HTTP/1.1\r\nhost: localhost\r\n\r\n`)
    return String(await once(socket, 'data'))
  }
  const serialOf = async ({ certificateFile }: TlsConfig) => {
    return new X509Certificate(await readFile(certificateFile)).serialNumber
  }

  for (const program of programs) {
    it(`${program}: presents a new certificate on new connections, and keeps those that are open`, async () => {
      await using server = await start(program)
      const first = await open(server)
      const tls = await newTls()
      await server.change({ tls })
      const second = await open(server)
      assert.notEqual(first.serial, second.serial)
      assert.equal(second.serial, await serialOf(tls))
      assert.equal(first.socket.destroyed, false)
      assert.match(await ask(first.socket, '/nowhere'), /^HTTP\/1\.1 404 /)
      first.socket.destroy()
      second.socket.destroy()
    })
  }

  it('resumes no session from before the certificate changed', async () => {
    await using server = await start('mtls')
    const { session } = await attempt(target(server))
    assert.equal((await attempt({ ...target(server), session })).reused, true)
    await server.change({ tls: await newTls() })
    const { reused, status } = await attempt({ ...target(server), session })
    assert.deepEqual([reused, status], [false, 200])
  })

  it('takes the new certificate and the new trust apart: neither undoes the other', async () => {
    await using server = await start('mtls')
    const tls = await newTls()
    await server.change({ tls })
    await server.reload(await bed.trust([bed.client.serialHex]))
    assert.equal((await attempt(target(server))).status, null)
    await server.change({ tls: await newTls() })
    assert.equal((await attempt(target(server))).status, null)
    await server.reload(await bed.trust([]))
    assert.equal((await attempt(target(server))).status, 200)
  })

  it('drains where it is configured: the live connection of a revoked client ends', async () => {
    await using server = await start('mtls', { drainMs: 60_000 })
    const { socket } = await open(server)
    assert.match(await ask(socket), /^HTTP\/1\.1 200 /)
    await server.reload(await bed.trust([bed.client.serialHex]))
    const ended = once(socket, 'end')
    assert.match(await ask(socket), /^HTTP\/1\.1 403 [^]*connection: close/i)
    await ended
  })

  it('keeps live connections by default (M16)', async () => {
    await using server = await start('mtls')
    const { socket } = await open(server)
    assert.match(await ask(socket), /^HTTP\/1\.1 200 /)
    await server.reload(await bed.trust([bed.client.serialHex]))
    assert.match(await ask(socket), /^HTTP\/1\.1 200 [^]*connection: keep-alive/i)
    socket.destroy()
  })

  it('refuses a token that is on the list, from the reload on: J23 no more', async () => {
    await using server = await start('jwt', { issuer: { ...issuer.config, tokenCacheMs: 60_000 } })
    const headers = { authorization: `Bearer ${await issuer.mint({ jti: 'stolen' })}` }
    const present = () => send({ ...target(server), headers })
    assert.equal((await present()).status, 200)
    await server.change({ revokedTokens: ['stolen'] })
    const { status, headers: answered } = await present()
    assert.deepEqual([status, answered['www-authenticate']], [401, 'Bearer error="invalid_token"'])
  })

  const cases: readonly [string, (typeof programs)[number], () => Promise<Reload>][] = [
    [
      'trust in clients, of one that has none',
      'tls',
      async () => ({ clients: await bed.trust([]) }),
    ],
    [
      'revoked tokens, of one that checks none',
      'mtls',
      () => Promise.resolve({ revokedTokens: ['a'] }),
    ],
    [
      'a registry, of one that issues nothing',
      'jwt',
      () => Promise.resolve({ registry: { signingJwksFile: 'a', clients: [], introspectors: [] } }),
    ],
    [
      'a certificate that cannot be read',
      'tls',
      async () => ({ tls: { ...(await newTls()), certificateFile: 'gone' } }),
    ],
    [
      'a key of another certificate',
      'tls',
      async () => ({ tls: { ...(await newTls()), keyFile: (await newTls()).keyFile } }),
    ],
    [
      'a CRL that is none',
      'mtls',
      async () => ({
        clients: { ...(await bed.trust([])), crlFile: await bed.write('crl.pem', 'none') },
      }),
    ],
  ]
  for (const [name, program, changes] of cases) {
    it(`ends rather than to go on as before: ${name}`, async () => {
      await using server = await start(program)
      const exit = exitOf(server.child)
      server.child.send({ kind: 'reload', id: 1, ...(await changes()) })
      assert.equal(await exit, 3)
    })
  }
})
