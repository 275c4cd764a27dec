import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import { basic, createAuthorizationBed, secrets, signingKeys } from './authorization-testbed.ts'
import type { Authorization } from './authorization-testbed.ts'
import { resources } from './config.ts'
import type { Reload } from './config.ts'
import { exitOf } from './server-testbed.ts'

// What the authorization server takes over while it serves: keys, secrets, its own certificate.

const bed = await createAuthorizationBed()
after(() => bed[Symbol.asyncDispose]())
let databases = 0
const start = () => {
  databases += 1
  return bed.start({ databaseFile: `${bed.authorization.databaseFile}-${databases}` })
}
const { signingJwksFile, clients, introspectors } = bed.authorization
const registry = { signingJwksFile, clients, introspectors }
const form = { resource: resources.jwt }

/** Two generations of keys of one algorithm, named by their age. */
const [old, next] = await Promise.all(
  ['old', 'next'].map(async (kid) => {
    const { keys } = await signingKeys('ES256')
    return { ...keys[0], kid }
  }),
)
const withKeys = async (...keys: readonly (object | undefined)[]): Promise<Reload> => ({
  registry: {
    ...registry,
    signingJwksFile: await bed.write('signing.json', JSON.stringify({ keys })),
  },
})
const published = async (server: Authorization) => {
  const { body } = await server.ask('/jwks')
  return [...body.matchAll(/"kid":"(\w+)"/g)].map(([, kid]) => kid)
}
const signedBy = async (server: Authorization) => {
  const headers = basic('secret', secrets.secret)
  const { members } = await server.token({ headers, form })
  const [header = ''] = String(members['access_token']).split('.')
  const parsed: unknown = JSON.parse(Buffer.from(header, 'base64url').toString())
  return typeof parsed === 'object' && parsed !== null && 'kid' in parsed ? parsed.kid : null
}

describe('signing keys', () => {
  test('change in three steps: add, sign, drop', async () => {
    await using server = await start()
    await server.change(await withKeys(old))
    assert.deepEqual([await published(server), await signedBy(server)], [['old'], 'old'])
    await server.change(await withKeys(old, next))
    assert.deepEqual([await published(server), await signedBy(server)], [['old', 'next'], 'old'])
    await server.change(await withKeys(next, old))
    assert.deepEqual([await published(server), await signedBy(server)], [['next', 'old'], 'next'])
    await server.change(await withKeys(next))
    assert.deepEqual([await published(server), await signedBy(server)], [['next'], 'next'])
    const { counters } = await server.snapshot()
    assert.deepEqual([counters['tokensIssued'], counters['jwksFetches']], [4, 4])
  })

  test('leave opaque tokens as they are, and what was revoked stays revoked', async () => {
    await using server = await start()
    const headers = basic('secret', secrets.secret)
    const issue = async () => String((await server.token({ headers })).members['access_token'])
    const [kept, revoked] = [await issue(), await issue()]
    await server.ask('/token/revocation', { headers, form: { token: revoked } })
    await server.change(await withKeys(next))
    const activeOf = async (token: string) => {
      const resourceServer = basic('payments-api', secrets['payments-api'])
      const path = '/token/introspection'
      return (await server.ask(path, { headers: resourceServer, form: { token } })).members[
        'active'
      ]
    }
    assert.deepEqual([await activeOf(kept), await activeOf(revoked)], [true, false])
  })
})

describe('client secrets', () => {
  const renewed = 'renewed-secret-0123456789'
  const withSecret = async (previous: string | null): Promise<Reload> => {
    const secretFile = await bed.write('secret', renewed)
    const previousSecretFile = previous === null ? null : await bed.write('secret', previous)
    return {
      registry: {
        ...registry,
        clients: clients.map((client) =>
          client.clientId === 'secret' ? { ...client, secretFile, previousSecretFile } : client,
        ),
      },
    }
  }
  const statusOf = async (server: Authorization, secret: string, clientId = 'secret') =>
    (await server.token({ headers: basic(clientId, secret) })).status

  test('are both good for as long as the previous one is told', async () => {
    await using server = await start()
    assert.deepEqual(
      [await statusOf(server, secrets.secret), await statusOf(server, renewed)],
      [200, 401],
    )
    await server.change(await withSecret(secrets.secret))
    assert.deepEqual(
      [await statusOf(server, secrets.secret), await statusOf(server, renewed)],
      [200, 200],
    )
    await server.change(await withSecret(null))
    assert.deepEqual(
      [await statusOf(server, secrets.secret), await statusOf(server, renewed)],
      [401, 200],
    )
  })

  test('of one client are none of another, previous ones neither', async () => {
    await using server = await start()
    await server.change(await withSecret(secrets.secret))
    for (const secret of [secrets.secret, renewed])
      assert.equal(await statusOf(server, secret, 'secret-bound'), 401)
    for (const secret of [`${secrets.secret}x`, secrets.secret.slice(0, -1)])
      assert.equal(await statusOf(server, secret), 401)
    assert.equal(await statusOf(server, ''), 400)
  })
})

describe('its own certificate', () => {
  test('is replaced without a restart, and clients of the old root trust it', async () => {
    await using server = await start()
    const identity = await bed.issueServer(['localhost'])
    const tls = {
      ...bed.authorization.tls,
      certificateFile: await bed.write('server.pem', identity.chainPem),
      keyFile: await bed.write('server-key.pem', identity.privateKeyPem),
    }
    await server.change({ tls })
    // Its only name is localhost: the certificate before had an address, too.
    assert.deepEqual(await published(server), ['RS256', 'ES256', 'EdDSA'])
    await assert.rejects(server.ask('/jwks', { servername: '' }), /altnames|IP/i)
  })
})

describe('ends rather than to go on as before', () => {
  for (const [name, changes] of [
    ['no key of its algorithm', async () => withKeys(...(await signingKeys('RS256')).keys)],
    [
      'a key set that cannot be read',
      () => Promise.resolve({ registry: { ...registry, signingJwksFile: 'gone' } }),
    ],
    [
      'an empty previous secret',
      async () => {
        const previousSecretFile = await bed.write('secret', '\n')
        return {
          registry: {
            ...registry,
            clients: clients.map((client) => ({ ...client, previousSecretFile })),
          },
        }
      },
    ],
    ['revoked tokens', () => Promise.resolve({ revokedTokens: ['a'] })],
  ] as const satisfies readonly (readonly [string, () => Promise<Reload>])[]) {
    test(name, async () => {
      await using server = await start()
      const exit = exitOf(server.child)
      server.child.send({ kind: 'reload', id: 1, ...(await changes()) })
      assert.equal(await exit, 3)
    })
  }
})
