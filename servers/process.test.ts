import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect as connectTcp } from 'node:net'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { after, before, describe, it } from 'node:test'
import { connect as connectTls } from 'node:tls'
import type { ServerConfig } from './config.ts'
import { startIssuer } from './issuer-testbed.ts'
import type { FakeIssuer } from './issuer-testbed.ts'
import { createTestbed, exitOf, measuredPath, runToEnd, startServer } from './server-testbed.ts'
import type { RunningServer, Testbed } from './server-testbed.ts'

const programs = ['http', 'tls', 'mtls', 'jwt', 'introspection', 'combined', 'reference'] as const
type Name = (typeof programs)[number]

/** Refused starts are one line, whatever went wrong. */
const oneLine = /^[^\n]+\n$/

describe('server programs', () => {
  let bed: Testbed
  let issuer: FakeIssuer
  const configs = new Map<Name, ServerConfig>()
  before(async () => {
    bed = await createTestbed()
    issuer = await startIssuer(bed)
    const clients = await bed.trust([])
    for (const name of programs) {
      const common = await bed.config({ issuer: issuer.config })
      const mutual = name === 'mtls' || name === 'combined'
      configs.set(name, {
        ...common,
        tls: name === 'http' ? null : common.tls,
        clients: mutual ? clients : null,
        token: name === 'introspection' ? 'opaque' : 'jwt',
      })
    }
  })
  after(async () => {
    await issuer[Symbol.asyncDispose]()
    await bed[Symbol.asyncDispose]()
  })

  /** The good credentials of a program: headers of its requests. */
  const authorization = async (name: Name): Promise<string[]> => {
    const cnf = name === 'combined' ? { cnf: { 'x5t#S256': bed.client.thumbprintS256 } } : {}
    const token = await issuer.mint(cnf)
    issuer.introspection.set(token, {
      active: true,
      client_id: 'acme-billing',
      exp: Date.now() / 1_000 + 60,
      iss: issuer.config.issuer,
      aud: issuer.config.audience,
      scope: 'payments:read',
      org_id: 'acme',
    })
    return name === 'jwt' || name === 'introspection' || name === 'combined'
      ? [`authorization: Bearer ${token}`]
      : []
  }
  const open = async (name: Name, port: number): Promise<Socket> => {
    if (name === 'http') return connectTcp(port, '127.0.0.1')
    const socket = connectTls({
      port,
      host: '127.0.0.1',
      servername: 'localhost',
      ca: bed.caPem,
      cert: bed.client.chainPem,
      key: bed.client.privateKeyPem,
    })
    await once(socket, 'secureConnect')
    return socket
  }
  /** Raw bytes of the measured answer on a kept-alive connection, `count` times. */
  const readRaw = async (name: Name, { port }: RunningServer, count: number): Promise<string[]> => {
    const socket = await open(name, port)
    const headers = ['host: localhost', ...(await authorization(name))].join('\r\n')
    const answers: string[] = []
    while (answers.length < count) {
      socket.write(`GET ${measuredPath} HTTP/1.1\r\n${headers}\r\n\r\n`)
      let text = ''
      while (!text.endsWith('}')) {
        text += await nextChunk(socket)
      }
      answers.push(text.replace(/\r\nDate: [^\r]+ GMT\r\n/, '\r\nDate: -\r\n'))
    }
    socket.destroy()
    return answers
  }

  it('answer the measured request in the same bytes, and count alike', async () => {
    const expected = [
      'HTTP/1.1 200 OK',
      'content-type: application/json; charset=utf-8',
      'content-length: 86',
      'Date: -',
      'Connection: keep-alive',
      'Keep-Alive: timeout=600',
      '',
      '{"id":"pay_1001","org_id":"acme","amount":"129.95","currency":"EUR","state":"settled"}',
    ].join('\r\n')
    for (const name of programs) {
      await using server = await startServer(bed, name, configs.get(name))
      assert.deepEqual(await readRaw(name, server, 3), [expected, expected, expected], name)
      const snapshot = await server.snapshot()
      const { requests, responses, handlerCalls, refusals } = snapshot
      assert.deepEqual(
        { requests, responses, handlerCalls, refusals },
        { requests: 3, responses: { 200: 3 }, handlerCalls: 3, refusals: {} },
        name,
      )
      assert.equal(snapshot.handshakesFull, name === 'http' ? 0 : 1, name)
      assert.deepEqual([snapshot.handshakesResumed, snapshot.handshakesFailed], [0, 0], name)
      assert.equal(server.stderr(), '', name)
      assert.equal(await server.stop('SIGTERM'), 0, name)
    }
  })

  for (const how of ['SIGTERM', 'SIGINT', 'shutdown', 'disconnect'] as const) {
    it(`end with 0 on ${how}, connections or not`, async () => {
      await using server = await startServer(bed, 'tls', configs.get('tls'))
      const socket = await open('tls', server.port)
      socket.on('error', () => undefined)
      assert.equal(await server.stop(how), 0)
      assert.equal(server.stderr(), '')
      socket.destroy()
    })
  }

  for (const name of ['tls', 'reference'] as const) {
    it(`${name}: ends when its parent is killed by SIGKILL`, async () => {
      const configFile = await bed.write('config.json', JSON.stringify(configs.get(name)))
      const program = join(import.meta.dirname, `${name}.ts`)
      const stdio = JSON.stringify(['ignore', 'ignore', 'inherit', 'ipc'])
      const script = `const server = require('node:child_process')
        .fork(${JSON.stringify(program)}, [${JSON.stringify(configFile)}], { stdio: ${stdio} })
        .on('message', () => process.send(server.pid))`
      const parent = spawn(process.execPath, ['-e', script], {
        stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      })
      const [pid = 0] = (await once(parent, 'message')).map(Number)
      parent.kill('SIGKILL')
      // The server holds the other end of this pipe: it closes when both are gone.
      const gone = once(parent, 'close', { signal: AbortSignal.timeout(2_000) })
      await gone.catch((error: unknown) => {
        process.kill(pid, 'SIGKILL')
        throw error
      })
    })
  }

  it('say where they listen when nobody speaks IPC', async () => {
    const configFile = await bed.write('config.json', JSON.stringify(configs.get('tls')))
    const child = spawn(process.execPath, [join(import.meta.dirname, 'tls.ts'), configFile], {
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    assert.match(
      await nextChunk(child.stderr),
      /^\{"event":"ready","url":"https:\/\/127\.0\.0\.1:\d+"\}\n$/,
    )
    const exit = exitOf(child)
    child.kill('SIGTERM')
    assert.equal(await exit, 0)
  })

  it('refuse a port that is taken: 3, one line', async () => {
    await using server = await startServer(bed, 'tls', configs.get('tls'))
    for (const name of ['http', 'reference'] as const) {
      const config = JSON.stringify({ ...configs.get(name), port: server.port })
      const { code, stderr } = await runToEnd(name, await bed.write('config.json', config))
      assert.equal(code, 3)
      assert.match(stderr, oneLine)
      assert.match(
        stderr,
        new RegExp(`^port 127\\.0\\.0\\.1:${server.port} is taken \\(EADDRINUSE\\): `),
      )
    }
  })

  for (const [id, name, changes, message] of [
    ['an unknown setting', 'tls', { colour: 'red' }, /^configuration refused: .*\(colour\)/],
    ['no TLS', 'tls', { tls: null }, /^configuration refused: tls is null/],
    ['no clients', 'mtls', { clients: null }, /^configuration refused: clients is null/],
    ['no issuer', 'jwt', { issuer: null }, /^configuration refused: issuer is null/],
    ['no issuer', 'introspection', { issuer: null }, /^configuration refused: issuer is null/],
    ['no token', 'combined', { token: 'none' }, /^configuration refused: token is none/],
    ['no TLS', 'reference', { tls: null }, /^configuration refused: host, port and tls/],
    ['an address of elsewhere', 'http', { host: '192.0.2.1' }, /^cannot listen on 192\.0\.2\.1:0/],
  ] as const) {
    it(`${name}: refuses ${id}: 3, one line`, async () => {
      const config = JSON.stringify({ ...configs.get(name), ...changes })
      const { code, stderr } = await runToEnd(name, await bed.write('config.json', config))
      assert.deepEqual([code, oneLine.test(stderr)], [3, true], stderr)
      assert.match(stderr, message)
    })
  }

  it('refuse files that are missing or no JSON: 3, one line', async () => {
    const missing = `${bed.folder}/missing`
    const tls = { ...configs.get('tls')?.tls, keyFile: missing }
    const noKey = await bed.write('config.json', JSON.stringify({ ...configs.get('tls'), tls }))
    const noJson = await bed.write('config.json', '{"host":')
    for (const [args, message] of [
      [[], /^no configuration: give the path/],
      [[missing], /^configuration .*missing cannot be read \(ENOENT\): /],
      [[noJson], /^configuration .* is not JSON: /],
      [[noKey], /^tls\.keyFile .*missing cannot be read \(ENOENT\): /],
    ] as const) {
      const { code, stderr } = await runToEnd('tls', ...args)
      assert.deepEqual([code, oneLine.test(stderr)], [3, true], stderr)
      assert.match(stderr, message)
    }
  })
})

async function nextChunk(stream: Readable): Promise<string> {
  const chunks: unknown[] = await once(stream, 'data')
  return String(chunks[0])
}
