import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { goodClaims, startIssuer } from './issuer-testbed.ts'
import type { FakeIssuer } from './issuer-testbed.ts'
import { attempt, createTestbed, measuredPath, startServer } from './server-testbed.ts'
import type { RunningServer, Testbed } from './server-testbed.ts'

const [bare, badRequest, badToken] = [
  'Bearer',
  'Bearer error="invalid_request"',
  'Bearer error="invalid_token"',
]

for (const name of ['jwt', 'introspection'] as const) {
  describe(`${name} server`, () => {
    let bed: Testbed
    let issuer: FakeIssuer
    let server: RunningServer
    before(async () => {
      bed = await createTestbed()
      issuer = await startIssuer(bed)
      server = await start()
    })
    after(async () => {
      await server[Symbol.asyncDispose]()
      await issuer[Symbol.asyncDispose]()
      await bed[Symbol.asyncDispose]()
    })

    const start = async (changes: object = {}): Promise<RunningServer> => {
      const token = name === 'jwt' ? 'jwt' : 'opaque'
      const config = await bed.config({ issuer: { ...issuer.config, ...changes }, token })
      return startServer(bed, name, config)
    }
    /** A token of this server's form with the good claims, changed. */
    const mint = async (claims: object = {}): Promise<string> => {
      if (name === 'jwt') return issuer.mint(claims)
      const token = `token-${issuer.introspection.size}`
      issuer.introspection.set(token, { ...goodClaims(issuer.config), active: true, ...claims })
      return token
    }
    const ask = async (headers: readonly string[], path = measuredPath, of = server) => {
      const before = await of.snapshot()
      const made = await attempt({ port: of.port, ca: bed.caPem, headers, path })
      const { refusals, handlerCalls } = await of.snapshot()
      const reasons = Object.keys(refusals).filter(
        (reason) => refusals[reason] !== before.refusals[reason],
      )
      const challenge = /^www-authenticate: (.*)$/m.exec(made.response.replaceAll('\r', ''))?.[1]
      return [made.status, challenge, reasons[0], handlerCalls - before.handlerCalls]
    }
    const bearer = async (claims?: object): Promise<string> =>
      `authorization: Bearer ${await mint(claims)}`

    it('admits a good token', async () => {
      assert.deepEqual(await ask([await bearer()]), [200, undefined, undefined, 1])
    })

    it('refuses: J1 none', async () => {
      assert.deepEqual(await ask([]), [401, bare, 'no_token', 0])
    })

    it('refuses: J2 garbage', async () => {
      const reason = name === 'jwt' ? 'malformed_token' : 'token_inactive'
      assert.deepEqual(await ask(['authorization: Bearer garbage']), [401, badToken, reason, 0])
    })

    it('refuses: J15 wrong scope', async () => {
      const challenge = 'Bearer error="insufficient_scope", scope="payments:read"'
      const headers = [await bearer({ scope: 'payments:write' })]
      assert.deepEqual(await ask(headers), [403, challenge, 'insufficient_scope', 0])
    })

    it('refuses: J16 wrong tenant', async () => {
      const refused = [403, undefined, 'wrong_tenant', 0]
      assert.deepEqual(await ask([await bearer({ org_id: 'globex' })]), refused)
      const foreign = measuredPath.replace('acme', 'globex')
      assert.deepEqual(await ask([await bearer()], foreign), refused)
    })

    it('refuses: J19 a good token in the query', async () => {
      const path = `${measuredPath}?access_token=${await mint()}`
      assert.deepEqual(await ask([], path), [401, bare, 'token_in_query', 0])
      const both = [400, badRequest, 'token_in_header_and_query', 0]
      assert.deepEqual(await ask([await bearer()], path), both)
    })

    it('refuses: J20 two Authorization headers, both good', async () => {
      const headers = [await bearer(), await bearer()]
      assert.deepEqual(await ask(headers), [400, badRequest, 'two_authorization_headers', 0])
    })

    it('refuses: J21 oversized', async () => {
      const headers = [`${await bearer()}${'A'.repeat(17_000)}`]
      assert.deepEqual(await ask(headers), [431, undefined, 'header_overflow', 0])
    })

    it('refuses: J22 a bound token', async () => {
      const headers = [await bearer({ cnf: { 'x5t#S256': bed.client.thumbprintS256 } })]
      assert.deepEqual(await ask(headers), [401, badToken, 'bound_token', 0])
    })

    it('knows no other route, and says nothing about it without a token', async () => {
      assert.deepEqual(await ask([], '/v1'), [404, undefined, undefined, 0])
    })

    it('starts without its issuer, and refuses closed', async () => {
      const nowhere = 'https://localhost:1'
      await using own = await start({ jwksUri: nowhere, introspectionEndpoint: nowhere })
      const reason = name === 'jwt' ? 'key_set_unavailable' : 'issuer_unavailable'
      const refused = [503, undefined, reason, 0]
      assert.deepEqual(await ask([await bearer()], measuredPath, own), refused)
    })
  })
}

describe('introspection server with a cache', () => {
  it('asks once within the TTL, and counts what it did', async () => {
    await using bed = await createTestbed()
    await using issuer = await startIssuer(bed)
    const cached = { ...issuer.config, introspectionCacheMs: 60_000 }
    const config = await bed.config({ issuer: cached, token: 'opaque' })
    await using server = await startServer(bed, 'introspection', config)
    issuer.introspection.set('token', { ...goodClaims(issuer.config), active: true })
    const good = { port: server.port, ca: bed.caPem, headers: ['authorization: Bearer token'] }
    for (let request = 0; request < 3; request += 1) {
      assert.equal((await attempt(good)).status, 200)
    }
    // I4: revoked within the TTL is recorded, not refused.
    issuer.introspection.clear()
    assert.equal((await attempt(good)).status, 200)
    const { counters, handlerCalls } = await server.snapshot()
    assert.deepEqual(counters, { introspectionCalls: 1, introspectionCacheHits: 3 })
    assert.equal(handlerCalls, 4)
  })
})
