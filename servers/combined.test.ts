import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { startIssuer } from './issuer-testbed.ts'
import type { FakeIssuer } from './issuer-testbed.ts'
import type { Identity } from './pki.ts'
import { attempt, createTestbed, startServer } from './server-testbed.ts'
import type { RunningServer, Testbed } from './server-testbed.ts'

const billing = 'spiffe://trustbench.test/acme/billing'
const invalid = 'Bearer error="invalid_token"'

for (const form of ['jwt', 'opaque'] as const) {
  describe(`combined, ${form} tokens`, () => {
    let bed: Testbed
    let issuer: FakeIssuer
    let server: RunningServer
    let other: Identity
    before(async () => {
      bed = await createTestbed()
      issuer = await startIssuer(bed)
      other = await bed.issueClient([billing])
      const clients = await bed.trust([])
      const config = await bed.config({ clients, issuer: issuer.config, token: form })
      server = await startServer(bed, 'combined', config)
    })
    after(async () => {
      await server[Symbol.asyncDispose]()
      await issuer[Symbol.asyncDispose]()
      await bed[Symbol.asyncDispose]()
    })

    /** A token of this form with the good claims, changed. */
    const mint = async (claims: object): Promise<string> => {
      if (form === 'jwt') return issuer.mint(claims)
      const token = `token-${issuer.introspection.size}`
      const { issuer: iss, audience: aud } = issuer.config
      const exp = Math.floor(Date.now() / 1_000) + 60
      const scope = 'payments:read payments:write'
      const good = { active: true, client_id: 'acme-billing', exp, iss, aud, scope, org_id: 'acme' }
      issuer.introspection.set(token, { ...good, ...claims })
      return token
    }
    const bound = (to = bed.client.thumbprintS256) => ({ cnf: { 'x5t#S256': to } })
    const ask = async ({
      client = bed.client,
      claims = bound(),
      session,
      headers = [],
    }: {
      client?: Identity
      claims?: object
      session?: Buffer | undefined
      headers?: readonly string[]
    }) => {
      const before = await server.snapshot()
      const made = await attempt({
        port: server.port,
        ca: bed.caPem,
        cert: client.chainPem,
        key: client.privateKeyPem,
        session,
        headers: [`authorization: Bearer ${await mint(claims)}`, ...headers],
      })
      const { refusals, handlerCalls } = await server.snapshot()
      const reasons = Object.keys(refusals).filter(
        (reason) => refusals[reason] !== before.refusals[reason],
      )
      const challenge = /^www-authenticate: (.*)$/m.exec(made.response.replaceAll('\r', ''))?.[1]
      return {
        outcome: [made.status, challenge, reasons[0], handlerCalls - before.handlerCalls],
        session: made.session,
        reused: made.reused,
      }
    }

    it('admits a token with the certificate that it is bound to', async () => {
      const { outcome } = await ask({})
      assert.deepEqual(outcome, [200, undefined, undefined, 1])
    })

    for (const [id, options, reason] of [
      ['C1 unbound token', () => ({ claims: {} }), 'unbound_token'],
      ['C3 other certificate of the same name', () => ({ client: other }), 'binding_mismatch'],
      [
        'C5 padded thumbprint',
        () => ({ claims: bound(`${bed.client.thumbprintS256}=`) }),
        'binding_mismatch',
      ],
      [
        'C6 two confirmations',
        () => ({ claims: { cnf: { ...bound().cnf, jkt: 'x' } } }),
        'malformed_confirmation',
      ],
      [
        'C9 forwarded certificate',
        () => ({
          client: other,
          headers: [`x-forwarded-client-cert: ${encodeURIComponent(bed.client.certificatePem)}`],
        }),
        'binding_mismatch',
      ],
    ] as const) {
      it(`refuses: ${id}`, async () => {
        const { outcome } = await ask(options())
        assert.deepEqual(outcome, [401, invalid, reason, 0])
      })
    }

    it('refuses: C7 the old token with a renewed certificate', async () => {
      const renewed = await bed.intermediate.issue({
        kind: 'client',
        key: 'p256',
        commonName: 'billing',
        uris: [billing],
        keyPair: bed.client.keyPair,
      })
      const { outcome } = await ask({ client: renewed })
      assert.deepEqual(outcome, [401, invalid, 'binding_mismatch', 0])
    })

    it('refuses: C8 a resumed session with a token of another certificate', async () => {
      const { session } = await ask({})
      const good = await ask({ session })
      assert.deepEqual([good.reused, ...good.outcome], [true, 200, undefined, undefined, 1])
      const { reused, outcome } = await ask({ session, claims: bound(other.thumbprintS256) })
      assert.deepEqual([reused, ...outcome], [true, 401, invalid, 'binding_mismatch', 0])
    })

    it('refuses: C10 wrong scope', async () => {
      const { outcome } = await ask({ claims: { ...bound(), scope: 'payments:write' } })
      const challenge = 'Bearer error="insufficient_scope", scope="payments:read"'
      assert.deepEqual(outcome, [403, challenge, 'insufficient_scope', 0])
    })

    it('refuses: J16 wrong tenant by token, and by certificate', async () => {
      const foreign = await ask({ claims: { ...bound(), org_id: 'globex' } })
      assert.deepEqual(foreign.outcome, [403, undefined, 'wrong_tenant', 0])
      const client = await bed.issueClient(['spiffe://trustbench.test/globex/billing'])
      const lent = await ask({ client, claims: bound(client.thumbprintS256) })
      assert.deepEqual(lent.outcome, [403, undefined, 'wrong_tenant', 0])
    })

    it('refuses: M12 a service that is not allowed, whatever its token', async () => {
      const client = await bed.issueClient(['spiffe://trustbench.test/acme/reporting'])
      const { outcome } = await ask({ client, claims: bound(client.thumbprintS256) })
      assert.deepEqual(outcome, [403, undefined, 'identity_not_allowed', 0])
    })

    it('logs reasons, never a token', () => {
      const log = server.stderr()
      assert.ok(log.includes('"reason":"binding_mismatch"'))
      // Every JWT header begins so; opaque tokens are the keys of the issuer's answers.
      for (const token of ['eyJ', ...issuer.introspection.keys()]) assert.ok(!log.includes(token))
    })
  })
}
