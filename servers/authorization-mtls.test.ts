import assert from 'node:assert/strict'
import type { ClientRequest } from 'node:http'
import { Agent } from 'node:https'
import type { AgentOptions } from 'node:https'
import { connect } from 'node:net'
import { after, describe, test } from 'node:test'
import { connect as tlsConnect } from 'node:tls'
import {
  basic,
  createAuthorizationBed,
  goodUri,
  presenting,
  secrets,
  tokenBody,
} from './authorization-testbed.ts'
import { selfSigned } from './pki.ts'
import type { Identity } from './pki.ts'
import { attempt, startServer } from './server-testbed.ts'

const day = 86_400_000
const bed = await createAuthorizationBed()
const server = await bed.start()
after(async () => {
  await server[Symbol.asyncDispose]()
  await bed[Symbol.asyncDispose]()
})

describe('a client certificate', () => {
  const good = { kind: 'client', key: 'p256', commonName: 'billing', uris: [goodUri] } as const
  const bad: Record<string, () => Promise<Identity> | Identity> = {
    'of a rogue authority': () => bed.rogue.issue(good),
    'signed by itself': () => selfSigned(good),
    'that has expired': () =>
      bed.intermediate.issue({ ...good, notAfter: new Date(Date.now() - day) }),
    'of tomorrow': () => bed.intermediate.issue({ ...good, notBefore: new Date(Date.now() + day) }),
    'that was revoked': () => bed.revoked,
    'for servers only': () =>
      bed.intermediate.issue({ ...good, extendedKeyUsages: ['serverAuth'] }),
    'without its intermediate': () => ({
      ...bed.client,
      chainPem: bed.client.certificatePem,
    }),
  }
  for (const [name, make] of Object.entries(bad)) {
    test(`${name} does not authenticate`, async () => {
      assert.deepEqual(await authenticate(await make()), [401, 'invalid_client'])
    })

    test(`${name} binds no token`, async () => {
      assert.deepEqual(await bind(await make()), [400, 'invalid_grant'])
    })

    test(`${name} is no hindrance to who needs none`, async () => {
      const headers = basic('secret', secrets.secret)
      const { status } = await server.token({ headers, ...presenting(await make()) })
      assert.equal(status, 200)
    })
  }

  test('is needed to authenticate and to bind', async () => {
    assert.deepEqual(await authenticate(undefined), [401, 'invalid_client'])
    assert.deepEqual(await bind(undefined), [400, 'invalid_grant'])
  })

  const uris: Record<string, readonly string[]> = {
    'of another service': ['spiffe://trustbench.test/acme/reporting'],
    'that only begins like it': [`${goodUri}/other`],
    'in other letters': [goodUri.toUpperCase()],
    'without a URI': [],
  }
  for (const [name, names] of Object.entries(uris)) {
    test(`${name} does not authenticate`, async () => {
      assert.deepEqual(await authenticate(await bed.issueClient(names)), [401, 'invalid_client'])
    })
  }

  test('with the URI among others does', async () => {
    const identity = await bed.issueClient(['https://a.test/', goodUri])
    assert.deepEqual(await authenticate(identity), [200, undefined])
  })
})

test('a client certificate authenticates over TLS 1.2 too, and a bad one does not', async () => {
  const { tls, databaseFile } = bed.authorization
  const changes = { tls: { ...tls, version: '1.2' as const }, databaseFile: `${databaseFile}-1.2` }
  await using own = await bed.start(changes)
  const form = { client_id: 'certificate' }
  const statuses = []
  for (const identity of [bed.client, bed.revoked, bed.selfSignedClient]) {
    statuses.push((await own.token({ form, ...presenting(identity) })).status)
  }
  assert.deepEqual(statuses, [200, 401, 401])
})

describe('a resumed session', () => {
  test('keeps its good certificate', async () => {
    assert.deepEqual(await twice(bed.client), [200, 200])
  })

  test('keeps its bad certificate', async () => {
    assert.deepEqual(await twice(bed.revoked), [401, 401])
  })

  async function twice(identity: Identity) {
    using agent = disposableAgent({ maxCachedSessions: 1 })
    const before = await server.snapshot()
    const ask = { agent: agent.of, form: { client_id: 'certificate' }, ...presenting(identity) }
    const first = await server.token(ask)
    const second = await server.token(ask)
    const { handshakesFull, handshakesResumed } = await server.snapshot()
    assert.equal(handshakesFull - before.handshakesFull, 1)
    assert.equal(handshakesResumed - before.handshakesResumed, 1)
    return [first.status, second.status]
  }

  test('of this listener opens no mutual TLS listener of the same trust', async () => {
    const config = await bed.config({ clients: bed.trusted })
    await using mutual = await startServer(bed, 'mtls', config)
    const { session } = await attempt({ port: server.port, ca: bed.caPem, path: '/jwks' })
    assert.ok(session)
    const { status, reused } = await attempt({ port: mutual.port, ca: bed.caPem, session })
    assert.deepEqual([status, reused], [null, false])
    const { handshakesFailed, handshakesResumed, handshakesFull } = await mutual.snapshot()
    assert.deepEqual([handshakesFailed, handshakesResumed, handshakesFull], [1, 0, 0])
  })
})

describe('new client trust', () => {
  test('costs who is still trusted a new connection, not a refusal', async () => {
    const databaseFile = `${bed.authorization.databaseFile}-renewed`
    await using own = await bed.start({ databaseFile })
    using waiting = disposableAgent({ keepAlive: true })
    const form = { client_id: 'certificate' }
    const ask = { form, agent: waiting.of, ...presenting(bed.client) }
    assert.equal((await own.token(ask)).status, 200)
    await own.reload(await bed.trust([]))
    assert.equal((await own.token(ask)).status, 200)
    assert.equal((await own.snapshot()).handshakesFull, 2)
  })

  test('counts for a connection that had not shaken hands before it', async () => {
    const databaseFile = `${bed.authorization.databaseFile}-accepted`
    await using own = await bed.start({ databaseFile })
    const socket = connect({ host: '127.0.0.1', port: own.port })
    while ((await own.snapshot()).connectionsOpen === 0) continue
    await own.reload(await bed.trust([bed.client.serialHex]))
    const address = { socket, servername: 'localhost', ca: bed.caPem }
    const { status } = await own.token({
      form: { client_id: 'certificate' },
      // Any agent, even none, would make a connection of its own.
      agent: undefined,
      createConnection: () => tlsConnect({ ...address, ...presenting(bed.client) }),
    })
    assert.equal(status, 401)
    assert.equal((await own.snapshot()).handshakesFull, 1)
  })

  test('counts for connections and sessions made before it', async () => {
    const databaseFile = `${bed.authorization.databaseFile}-reloaded`
    await using own = await bed.start({ databaseFile })
    using caching = disposableAgent({ maxCachedSessions: 1 })
    using waiting = disposableAgent({ keepAlive: true })
    const ask = { form: { client_id: 'certificate' }, ...presenting(bed.client) }
    assert.equal((await own.token({ ...ask, agent: caching.of })).status, 200)
    assert.equal((await own.token({ ...ask, agent: waiting.of })).status, 200)
    const busy = own.begin(bed.client)
    while ((await own.snapshot()).requests < 3) continue

    await own.reload(await bed.trust([bed.client.serialHex]))
    assert.equal(await finish(busy), 401)
    assert.equal((await own.token({ ...ask, agent: waiting.of })).status, 401)
    assert.equal((await own.token({ ...ask, agent: caching.of })).status, 401)
    assert.equal((await own.snapshot()).handshakesResumed, 0)
  })
})

async function authenticate(identity: Identity | undefined) {
  const { status, members } = await server.token({
    form: { client_id: 'certificate' },
    ...(identity && presenting(identity)),
  })
  return [status, members['error']]
}

async function bind(identity: Identity | undefined) {
  const { status, members } = await server.token({
    headers: basic('secret-bound', secrets['secret-bound']),
    ...(identity && presenting(identity)),
  })
  return [status, members['error']]
}

function finish(request: ClientRequest): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    request.once('response', (response) => {
      response.resume()
      resolve(response.statusCode)
    })
    request.once('error', reject)
    request.end(tokenBody)
  })
}

function disposableAgent(options: AgentOptions): Disposable & { readonly of: Agent } {
  const agent = new Agent(options)
  return {
    of: agent,
    [Symbol.dispose]: () => {
      agent.destroy()
    },
  }
}
