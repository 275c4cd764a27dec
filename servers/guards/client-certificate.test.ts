import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { Agent, createServer } from 'node:https'
import { describe, it } from 'node:test'
import type { TlsOptions } from 'node:tls'
import fc from 'fast-check'
import type { Identity } from '../pki.ts'
import { createTestbed, send } from '../server-testbed.ts'
import type { Testbed } from '../server-testbed.ts'
import { tlsOptions } from '../trust.ts'
import { createClientCertificateGuard, uriNames } from './client-certificate.ts'
import { exchange } from './exchange-testbed.ts'
import type { Exchange } from './guard.ts'

const good = 'spiffe://trustbench.test/acme/billing'

describe('uriNames', () => {
  for (const [name, text, uris] of [
    ['one URI', `URI:${good}`, [good]],
    ['URI among others', `DNS:a.test, URI:${good}, IP Address:127.0.0.1`, [good]],
    ['two URIs', `URI:${good}, URI:x:y`, [good, 'x:y']],
    ['none', 'DNS:a.test', []],
    ['empty', '', []],
    ['a name that quotes another entry', `DNS:"a, URI:${good}"`, []],
    ['escaped quote inside', `DNS:"a\\", URI:${good}", URI:x:y`, ['x:y']],
    ['URI that was quoted', `URI:"x:y, DNS:a"`, ['x:y, DNS:a']],
    ['directory name', `DirName:"CN=a, URI:${good}"`, []],
    ['unquoted comma', `DNS:a,URI:${good}`, []],
    ['open quote', `URI:"${good}`, []],
    ['text before', `x URI:${good}, oops`, []],
    ['entry without a kind', `oops, URI:${good}`, []],
    ['separator at the end', `URI:${good}, `, []],
    ['separator at the start', `, URI:${good}`, []],
  ] as const) {
    it(`reads ${name}`, () => {
      assert.deepEqual(uriNames(text), uris)
    })
  }

  it('reads what a certificate with hostile names says, and nothing more (CVE-2021-44532)', async () => {
    await using bed = await createTestbed()
    const hostile = [`x:y, URI:${good}`, `x:"${good}"`, 'x:\\y']
    const { certificatePem } = await bed.issueClient(hostile)
    const { subjectAltName = '' } = new X509Certificate(certificatePem)
    assert.deepEqual(uriNames(subjectAltName), hostile)
  })

  it('never throws, and finds no allowed name inside a quoted one', () => {
    const text = fc.string({ unit: fc.constantFrom('"', '\\', ',', ' ', ':', 'U', 'R', 'I', 'x') })
    fc.assert(
      fc.property(text, (value) => {
        assert.ok(Array.isArray(uriNames(value)))
        const entries = `DNS:${JSON.stringify(`${value}, URI:${good}`)}`
        assert.deepEqual(uriNames(entries), [])
      }),
      { numRuns: 1_000, seed: 44_532 },
    )
  })
})

describe('createClientCertificateGuard', () => {
  /**
   * A listener whose handshake checks less than its guard: what the guard refuses here, only the guard
   * has refused.
   */
  async function listen(bed: Testbed, handshake: TlsOptions) {
    const clients = await bed.trust([])
    const certificate = createClientCertificateGuard(clients)
    const callers: unknown[] = []
    const { tls } = await bed.config()
    assert.ok(tls)
    const options = { ...tlsOptions(tls, clients), ...handshake }
    const server = createServer(options, (request, response) => {
      const caller: Exchange['caller'] = { certificate: null, token: null }
      const requires = { scope: 'payments:read', orgId: 'acme' } as const
      const verdict = certificate.guard({ request, requires, caller })
      assert.ok(!(verdict instanceof Promise))
      callers.push(caller.certificate)
      response.end(verdict === null ? 'admitted' : verdict.reason)
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const address = server.address()
    const port = typeof address === 'object' ? (address?.port ?? 0) : 0
    return {
      callers,
      certificate,
      ask: async (identity: Identity | null, agent: Agent | false = false) => {
        const { chainPem: cert, privateKeyPem: key } = identity ?? {}
        const own = cert === undefined ? {} : { cert, key }
        const host = { host: '127.0.0.1', servername: 'localhost', port }
        return (await send({ ...host, ca: bed.caPem, agent, ...own })).body
      },
      [Symbol.asyncDispose]: async () => {
        server.closeAllConnections()
        await once(server.close(), 'close')
      },
    }
  }

  it('names the caller by certificate', async () => {
    await using bed = await createTestbed()
    await using listener = await listen(bed, {})
    assert.equal(await listener.ask(bed.client), 'admitted')
    const { thumbprintS256: thumbprint } = bed.client
    assert.deepEqual(listener.callers, [{ uri: good, orgId: 'acme', thumbprint }])
  })

  it('refuses where the handshake asked for no certificate', async () => {
    await using bed = await createTestbed()
    await using listener = await listen(bed, { requestCert: false })
    assert.equal(await listener.ask(bed.client), 'certificate_missing')
  })

  it('refuses where the handshake let a wrong one, or none, pass', async () => {
    await using bed = await createTestbed()
    await using listener = await listen(bed, { rejectUnauthorized: false })
    assert.equal(await listener.ask(null), 'certificate_missing')
    const rogue = { kind: 'client', key: 'p256', commonName: 'billing', uris: [good] } as const
    assert.equal(await listener.ask(await bed.rogue.issue(rogue)), 'certificate_unauthorized')
    assert.deepEqual(listener.callers, [null, null])
  })

  it('refuses a revoked serial that the handshake knows nothing of', async () => {
    await using bed = await createTestbed()
    await using listener = await listen(bed, {})
    assert.equal(await listener.ask(bed.client), 'admitted')
    listener.certificate.reload(await bed.trust([bed.client.serialHex]))
    assert.equal(await listener.ask(bed.client), 'certificate_revoked')
    assert.equal(await listener.ask(await bed.issueClient([good])), 'admitted')
  })

  it('refuses a name that is no longer allowed, or that only an object would have', async () => {
    await using bed = await createTestbed()
    await using listener = await listen(bed, {})
    assert.equal(await listener.ask(await bed.issueClient(['constructor'])), 'identity_not_allowed')
    listener.certificate.reload({ ...(await bed.trust([])), allowed: {} })
    assert.equal(await listener.ask(bed.client), 'identity_not_allowed')
  })

  it('decides once a connection: a live one outlasts the revocation (M16, recorded)', async () => {
    await using bed = await createTestbed()
    await using listener = await listen(bed, {})
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    assert.equal(await listener.ask(bed.client, agent), 'admitted')
    listener.certificate.reload(await bed.trust([bed.client.serialHex]))
    assert.equal(await listener.ask(bed.client, agent), 'admitted')
    const [first, second] = listener.callers
    assert.equal(first, second)
    agent.destroy()
  })

  it('decides anew for a live connection where it is told to: draining', async () => {
    await using bed = await createTestbed()
    await using listener = await listen(bed, {})
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    assert.equal(await listener.ask(bed.client, agent), 'admitted')
    listener.certificate.reload(await bed.trust([bed.client.serialHex]), true)
    assert.equal(await listener.ask(bed.client, agent), 'certificate_revoked')
    agent.destroy()
  })

  it('refuses a certificate that its session outlived', async (t) => {
    await using bed = await createTestbed()
    await using listener = await listen(bed, {})
    assert.equal(await listener.ask(bed.client), 'admitted')
    // The handshake goes by the clock of the system, as a resumed session goes by none.
    const { validFromDate, validToDate } = new X509Certificate(bed.client.certificatePem)
    t.mock.timers.enable({ apis: ['Date'], now: validToDate.getTime() - 1 })
    assert.equal(await listener.ask(bed.client), 'admitted')
    t.mock.timers.setTime(validToDate.getTime())
    assert.equal(await listener.ask(bed.client), 'certificate_expired')
    t.mock.timers.reset()
    t.mock.timers.enable({ apis: ['Date'], now: validFromDate.getTime() - 1 })
    assert.equal(await listener.ask(bed.client), 'certificate_expired')
  })

  it('refuses a connection without TLS', async () => {
    await using bed = await createTestbed()
    const { guard } = createClientCertificateGuard(await bed.trust([]))
    const request = exchange()
    assert.deepEqual(await guard(request), { status: 403, reason: 'certificate_missing' })
    assert.equal(request.caller.certificate, null)
  })

  it('starts with no CRL that it cannot read', async () => {
    await using bed = await createTestbed()
    const trust = await bed.trust([])
    assert.throws(
      () => createClientCertificateGuard({ ...trust, crlFile: `${bed.folder}/none.pem` }),
      /^StartError: clients\.crlFile .*none\.pem cannot be read \(ENOENT\)/,
    )
  })
})
