import assert from 'node:assert/strict'
import { createServer as createHttpServer } from 'node:http'
import { createServer, type Server, type ServerOptions } from 'node:https'
import type { AddressInfo } from 'node:net'
import test, { type TestContext } from 'node:test'
import type { TLSSocket } from 'node:tls'
import { createAuthority, type Identity } from '../../servers/pki.ts'
import { createChurnClient } from './churn.ts'
import { percentileUs, sampleCount } from './histogram.ts'
import type { LoadTarget } from './target.ts'

const body = Buffer.from('{"ok":true}')
const root = await createAuthority({ key: 'p256', name: 'Churn test root' })
const issue = (kind: 'server' | 'client') =>
  root.issue({
    kind,
    key: 'p256',
    commonName: kind,
    ...(kind === 'server'
      ? { dnsNames: ['localhost'] }
      : { uris: ['spiffe://trustbench.test/a/b'] }),
  })
const [serverIdentity, clientIdentity] = await Promise.all([issue('server'), issue('client')])

/** What the server saw: its handshakes by kind, refused ones, connections by number of requests. */
interface Seen {
  full: number
  resumed: number
  refused: number
  requests: number[]
  open: number
  mostOpen: number
}

async function serve(
  t: TestContext,
  options: ServerOptions = {},
  answer: Buffer = body,
): Promise<{ seen: Seen; targetWith: (identity: Identity | null) => LoadTarget }> {
  const seen: Seen = { full: 0, resumed: 0, refused: 0, requests: [], open: 0, mostOpen: 0 }
  const counts = new Map<unknown, number>()
  const server: Server = createServer(
    { key: serverIdentity.privateKeyPem, cert: serverIdentity.chainPem, ...options },
    (request, response) => {
      counts.set(request.socket, (counts.get(request.socket) ?? 0) + 1)
      response.writeHead(200, { 'content-length': answer.length }).end(answer)
    },
  )
  server.on('secureConnection', (socket: TLSSocket) => {
    if (socket.isSessionReused()) seen.resumed += 1
    else seen.full += 1
    seen.open += 1
    seen.mostOpen = Math.max(seen.mostOpen, seen.open)
    socket.once('close', () => {
      seen.open -= 1
      seen.requests.push(counts.get(socket) ?? 0)
    })
  })
  server.on('tlsClientError', () => {
    seen.refused += 1
  })
  server.listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  const { port } = server.address() as AddressInfo
  return {
    seen,
    targetWith: (identity) => ({
      host: '127.0.0.1',
      port,
      tls: {
        servername: 'localhost',
        ca: root.certificatePem,
        ...(identity === null ? {} : { cert: identity.chainPem, key: identity.privateKeyPem }),
      },
      path: '/',
      headers: {},
      expect: { status: 200, body },
    }),
  }
}

test('full: every connection has a handshake of its own, and exactly so many requests', async (t) => {
  const { seen, targetWith } = await serve(t)
  const client = createChurnClient(targetWith(null))
  const load = { policy: 'full', requestsPerConnection: 3, connections: 7, concurrency: 2 } as const
  const reading = await client.run(load)
  assert.deepEqual([reading.connections, reading.requests, reading.refused], [7, 21, {}])
  assert.deepEqual([seen.full, seen.resumed], [7, 0])
  // The end of each is awaited: nothing of a slice is left to the next.
  assert.deepEqual([seen.open, seen.requests], [0, new Array<number>(7).fill(3)])
  assert.deepEqual(
    [reading.tcp, reading.tls, reading.firstByte, reading.response].map(sampleCount),
    [7, 7, 7, 21],
  )
  assert.ok(reading.wallUs > 0 && reading.bytesReceived >= 21 * body.length)
})

for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
  test(`resumed: from the second connection on all are, ${maxVersion}, with client certificates too`, async (t) => {
    const { seen, targetWith } = await serve(t, {
      maxVersion,
      ca: root.certificatePem,
      requestCert: true,
      rejectUnauthorized: true,
    })
    const client = createChurnClient(targetWith(clientIdentity))
    const seeding = {
      policy: 'full',
      requestsPerConnection: 1,
      connections: 2,
      concurrency: 1,
    } as const
    await client.run(seeding)
    assert.deepEqual([seen.full, seen.resumed], [2, 0])
    const load = {
      policy: 'resumed',
      requestsPerConnection: 1,
      connections: 40,
      concurrency: 8,
    } as const
    await client.run(load)
    assert.deepEqual([seen.full, seen.resumed], [2, 40])
    // A policy is about what is offered: sessions that are at hand stay there.
    await client.run(seeding)
    assert.deepEqual([seen.full, seen.resumed], [4, 40])
  })
}

test('a storm: all connect at once, and stay until the last is served', async (t) => {
  const { seen, targetWith } = await serve(t)
  const client = createChurnClient(targetWith(null))
  const storm = { policy: 'full', requestsPerConnection: 1, connections: 30 } as const
  const reading = await client.run({ ...storm, concurrency: 30, stay: true })
  assert.deepEqual([reading.connections, reading.requests, reading.refused], [30, 30, {}])
  assert.deepEqual([seen.full, seen.mostOpen, seen.open], [30, 30, 0])
  assert.equal(sampleCount(reading.served), 30)
  // Nobody is served later than all are.
  const slowest = percentileUs(reading.served, 100) ?? Infinity
  assert.ok(slowest <= reading.wallUs * 1.001, `${slowest} of ${reading.wallUs} µs`)
})

test('refused handshakes are counted by the client as by the server, and the rest goes on', async (t) => {
  const { seen, targetWith } = await serve(t, {
    ca: root.certificatePem,
    requestCert: true,
    rejectUnauthorized: true,
  })
  const load = { policy: 'full', requestsPerConnection: 2, connections: 5, concurrency: 2 } as const
  const reading = await createChurnClient(targetWith(null)).run(load)
  const refused = Object.values(reading.refused).reduce((sum, count) => sum + count, 0)
  assert.deepEqual([refused, reading.requests, seen.refused], [5, 0, 5])
  assert.equal(sampleCount(reading.response), 0)
})

test('a server with another certificate is refused by the client', async (t) => {
  const { targetWith } = await serve(t)
  const other = await createAuthority({ key: 'p256', name: 'Another root' })
  const target = targetWith(null)
  const client = createChurnClient({
    ...target,
    tls: { servername: 'localhost', ca: other.certificatePem },
  })
  const load = { policy: 'full', requestsPerConnection: 1, connections: 3, concurrency: 1 } as const
  assert.deepEqual(Object.values((await client.run(load)).refused), [3])
})

test('a wrong body is a fault of what is measured, not a refusal', async (t) => {
  const { targetWith } = await serve(t, {}, Buffer.from('{"ok":false}'))
  const load = { policy: 'full', requestsPerConnection: 1, connections: 3, concurrency: 2 } as const
  await assert.rejects(createChurnClient(targetWith(null)).run(load), {
    code: 'measurement-failed',
    message: /wrong body: 12 bytes instead of the 11 expected ones/,
  })
})

test('plain HTTP has TCP handshakes and no others', async (t) => {
  const server = createHttpServer((_, response) => {
    response.writeHead(200, { 'content-length': body.length }).end(body)
  }).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  t.after(() => server.close())
  const reading = await createChurnClient({
    host: '127.0.0.1',
    port: (server.address() as AddressInfo).port,
    tls: null,
    path: '/',
    headers: {},
    expect: { status: 200, body },
  }).run({ policy: 'full', requestsPerConnection: 1, connections: 4, concurrency: 4 })
  assert.deepEqual([reading.tcp, reading.tls, reading.response].map(sampleCount), [4, 0, 4])
})

test('a connection that ends between its requests fails the load with what was under way', async (t) => {
  const server = createHttpServer((_, response) => {
    response.writeHead(200, { 'content-length': body.length, connection: 'close' }).end(body)
  }).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  t.after(() => server.close())
  const client = createChurnClient({
    host: '127.0.0.1',
    port: (server.address() as AddressInfo).port,
    tls: null,
    path: '/',
    headers: {},
    expect: { status: 200, body },
  })
  await assert.rejects(
    client.run({ policy: 'full', requestsPerConnection: 2, connections: 2, concurrency: 1 }),
    { code: 'measurement-failed', message: /request 2 of 2 on one connection: / },
  )
})
