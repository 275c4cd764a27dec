import assert from 'node:assert/strict'
import { once } from 'node:events'
import { Agent, createServer } from 'node:https'
import type { RequestListener } from 'node:http'
import { connect as connectTcp } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { connect } from 'node:tls'
import { createDrain } from './draining.ts'
import { createTestbed, send } from './server-testbed.ts'
import type { Testbed } from './server-testbed.ts'

describe('createDrain', () => {
  let bed: Testbed
  before(async () => {
    bed = await createTestbed()
  })
  after(() => bed[Symbol.asyncDispose]())

  async function listen(limitMs: number, handle: RequestListener) {
    const identity = await bed.issueServer(['localhost'])
    const server = createServer(
      { cert: identity.chainPem, key: identity.privateKeyPem, keepAliveTimeout: 600_000 },
      handle,
    )
    const drain = createDrain(server, limitMs)
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const address = server.address()
    const port = typeof address === 'object' ? (address?.port ?? 0) : 0
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const target = { host: '127.0.0.1', servername: 'localhost', port, ca: bed.caPem }
    return {
      server,
      drain,
      target,
      /** Over the one connection that is kept, if it is. */
      ask: () => send({ ...target, agent }),
      [Symbol.asyncDispose]: async () => {
        agent.destroy()
        server.closeAllConnections()
        await once(server.close(), 'close')
      },
    }
  }
  const ok: RequestListener = (_request, response) => response.end('ok')

  it('ends a connection with its next answer, and leaves those made later alone', async () => {
    await using listener = await listen(60_000, ok)
    const { ask, drain, server } = listener
    let connections = 0
    server.on('secureConnection', () => (connections += 1))
    assert.equal((await ask()).headers.connection, 'keep-alive')
    drain()
    assert.equal((await ask()).headers.connection, 'close')
    assert.equal(connections, 1)
    assert.equal((await ask()).headers.connection, 'keep-alive')
    assert.equal((await ask()).headers.connection, 'keep-alive')
    assert.equal(connections, 2)
  })

  it('ends a connection with the answer that is under way', async () => {
    const asked = Promise.withResolvers<() => void>()
    await using listener = await listen(60_000, (_request, response) => {
      asked.resolve(() => response.end('ok'))
    })
    const answer = listener.ask()
    const respond = await asked.promise
    listener.drain()
    respond()
    assert.equal((await answer).headers.connection, 'close')
  })

  it('ends a connection behind an answer whose head is already sent', async () => {
    const asked = Promise.withResolvers<() => void>()
    await using listener = await listen(60_000, (_request, response) => {
      response.writeHead(200, { 'content-length': 2 }).write('o')
      asked.resolve(() => response.end('k'))
    })
    const socket = connect(listener.target)
    const ended = once(socket, 'end')
    socket.resume().write('GET / HTTP/1.1\r\nhost: localhost\r\n\r\n')
    const respond = await asked.promise
    listener.drain()
    respond()
    await ended
  })

  it('cuts what is idle, and what is still in its handshake, when the time is over', async () => {
    await using listener = await listen(20, ok)
    await listener.ask()
    const begun = connectTcp(listener.target.port, '127.0.0.1')
    const cut = new Promise((resolve) => {
      begun.on('error', () => undefined).once('close', resolve)
    })
    await once(listener.server, 'connection')
    listener.drain()
    await cut
    // A connection of its own again: the idle one is gone.
    let connections = 0
    listener.server.on('secureConnection', () => (connections += 1))
    await listener.ask()
    assert.equal(connections, 1)
  })
})
