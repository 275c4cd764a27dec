import assert from 'node:assert/strict'
import { createServer, type AddressInfo } from 'node:net'
import { once } from 'node:events'
import test from 'node:test'
import { openAttack } from './attack.ts'

const request = { method: 'GET', path: '/', headers: [] }

for (const [said, isClosed] of [
  ['close', true],
  ['Close', true],
  ['keep-alive', false],
] as const) {
  test(`after an answer with connection: ${said}, ${isClosed ? 'no more' : 'more'} can be asked, though its end is open`, async () => {
    await using server = createServer((socket) => {
      socket.on('error', () => undefined)
      socket.once('data', () =>
        socket.write(`HTTP/1.1 200 OK\r\nconnection: ${said}\r\ncontent-length: 2\r\n\r\n{}`),
      )
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    using connection = openAttack({
      port: portOf(server.address()),
      rootPem: '',
      identity: null,
      plain: true,
    })
    assert.equal(connection.isClosed(), false)
    const answer = await connection.ask(request)
    assert.deepEqual([answer.kind, connection.isClosed()], ['response', isClosed])
  })
}

function portOf(address: AddressInfo | string | null): number {
  return typeof address === 'object' && address !== null ? address.port : 0
}
