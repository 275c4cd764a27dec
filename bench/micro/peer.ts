import { once } from 'node:events'
import { createServer as createHttpsServer } from 'node:https'
import {
  createServer as createTcpServer,
  type AddressInfo,
  type Server,
  type Socket,
} from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { answerBytes, introspectionAnswer, requestBytes } from './peer-wire.ts'
import type { PeerPorts, PeerSetup } from './peer-wire.ts'

// The other end of primitives that need one: a process of its own, so that its CPU is not theirs.

process.once('disconnect', () => process.exit(0))
process.once('message', (setup: PeerSetup) => void serve(setup))

async function serve({ cert, key }: PeerSetup): Promise<void> {
  const tls = { cert, key, minVersion: 'TLSv1.3' } as const
  const https = createHttpsServer({ ...tls, keepAliveTimeout: 75_000 }, (request, response) => {
    request.resume()
    request.once('end', () => {
      response.setHeader('content-type', 'application/json; charset=utf-8')
      response.end(introspectionAnswer())
    })
  })
  const ports: PeerPorts = {
    tcp: await listen(createTcpServer(echo)),
    tls: await listen(createTlsServer(tls, echo)),
    https: await listen(https),
  }
  process.send?.(ports)
}

/** Answers each whole request. */
function echo(socket: Socket): void {
  let received = 0
  socket.setNoDelay(true)
  socket.on('data', (chunk: Buffer) => {
    received += chunk.length
    for (; received >= requestBytes.length; received -= requestBytes.length)
      socket.write(answerBytes)
  })
  socket.on('error', () => socket.destroy())
}

async function listen(server: Server): Promise<number> {
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return (server.address() as AddressInfo).port
}
