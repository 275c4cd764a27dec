import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { Identity } from './pki.ts'
import { attempt, createTestbed, startServer } from './server-testbed.ts'
import type { Attempt, RunningServer, Testbed } from './server-testbed.ts'

const [billing, globex, reporting] = [
  'spiffe://trustbench.test/acme/billing',
  'spiffe://trustbench.test/globex/billing',
  'spiffe://trustbench.test/acme/reporting',
]
const [pastMs, futureMs] = [Date.now() - 60_000, Date.now() + 600_000]

for (const version of ['1.2', '1.3'] as const) {
  describe(`mtls, TLS ${version}`, () => {
    let bed: Testbed
    let server: RunningServer
    before(async () => {
      bed = await createTestbed()
      server = await start()
    })
    after(async () => {
      await server[Symbol.asyncDispose]()
      await bed[Symbol.asyncDispose]()
    })

    const start = async (): Promise<RunningServer> =>
      startServer(bed, 'mtls', await bed.config({ clients: await bed.trust([]) }, version))
    const present = (identity: Identity | null, to = server) => ({
      port: to.port,
      ca: bed.caPem,
      ...(identity === null ? {} : { cert: identity.chainPem, key: identity.privateKeyPem }),
    })
    /** Runs one attempt and tells what the server counted for it. */
    const observe = async (act: () => Promise<Attempt>, of = server) => {
      const before = await of.snapshot()
      const { status, reused } = await act()
      const after = await of.snapshot()
      const reasons = Object.keys(after.refusals).filter(
        (reason) => after.refusals[reason] !== before.refusals[reason],
      )
      return { status, reused, reasons, handlerCalls: after.handlerCalls - before.handlerCalls }
    }
    const refusedBy = (reason: string, status: number | null = null) => ({
      status,
      reused: false,
      reasons: [reason],
      handlerCalls: 0,
    })
    const admitted = { status: 200, reused: false, reasons: [], handlerCalls: 1 }
    const leaf = (changes: Partial<Parameters<Testbed['intermediate']['issue']>[0]>) =>
      bed.intermediate.issue({
        kind: 'client',
        key: 'p256',
        commonName: 'billing',
        uris: [billing],
        ...changes,
      })

    it('admits a good certificate, and a resumption of it', async () => {
      const before = await server.snapshot()
      let session: Buffer | undefined
      const first = async (): Promise<Attempt> => {
        const made = await attempt(present(bed.client))
        session = made.session
        return made
      }
      assert.deepEqual(await observe(first), admitted)
      const again = await observe(() => attempt({ ...present(bed.client), session }))
      assert.deepEqual(again, { ...admitted, reused: true })
      const after = await server.snapshot()
      assert.deepEqual(
        [
          after.handshakesFull - before.handshakesFull,
          after.handshakesResumed - before.handshakesResumed,
          after.handshakesFailed - before.handshakesFailed,
        ],
        [1, 1, 0],
      )
    })

    for (const [id, credentials, reason] of [
      ['M1 no certificate', () => present(null), 'tls:ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE'],
      [
        'M2 rogue CA',
        async () =>
          present(
            await bed.rogue.issue({
              kind: 'client',
              key: 'p256',
              commonName: 'billing',
              uris: [billing],
            }),
          ),
        'tls:UNABLE_TO_VERIFY_LEAF_SIGNATURE',
      ],
      // OpenSSL's last word: it finds no CRL for the self-made issuer either.
      ['M3 self-signed', () => present(bed.selfSignedClient), 'tls:UNABLE_TO_GET_CRL'],
      [
        'M4 expired',
        async () => present(await leaf({ notAfter: new Date(pastMs) })),
        'tls:CERT_HAS_EXPIRED',
      ],
      [
        'M5 not yet valid',
        async () => present(await leaf({ notBefore: new Date(futureMs) })),
        'tls:CERT_NOT_YET_VALID',
      ],
      [
        'M6 serverAuth only',
        async () => present(await leaf({ kind: 'server' })),
        'tls:INVALID_PURPOSE',
      ],
      [
        'M14 missing intermediate',
        () => ({ ...present(bed.client), cert: bed.client.certificatePem }),
        'tls:UNABLE_TO_VERIFY_LEAF_SIGNATURE',
      ],
    ] as const) {
      it(`refuses: ${id}`, async () => {
        const options = await credentials()
        assert.deepEqual(await observe(() => attempt(options)), refusedBy(reason))
      })
    }

    it('refuses: M12 a certificate of another service, of none, or of two', async () => {
      const forbidden = refusedBy('identity_not_allowed', 403)
      for (const uris of [[reporting], [], [billing, globex], [`x:y, URI:${billing}`]]) {
        const client = await bed.issueClient(uris)
        assert.deepEqual(await observe(() => attempt(present(client))), forbidden, uris.join())
      }
    })

    it('refuses: a certificate of another tenant, at our tenant only', async () => {
      const client = await bed.issueClient([globex])
      assert.deepEqual(
        await observe(() => attempt(present(client))),
        refusedBy('wrong_tenant', 403),
      )
      const path = '/v1/orgs/globex/payments/pay_1001'
      const own = await observe(() => attempt({ ...present(client), path }))
      assert.deepEqual(own, { ...admitted, status: 404 })
    })

    it('refuses: M15 a forwarded certificate for a certificate', async () => {
      const client = await bed.issueClient([reporting])
      const encoded = encodeURIComponent(bed.client.certificatePem)
      const headers = [
        `x-forwarded-client-cert: Cert="${encoded}";URI=${billing}`,
        `x-ssl-client-cert: ${encoded}`,
        'x-ssl-client-verify: SUCCESS',
        `client-cert: :${Buffer.from(bed.client.certificatePem).toString('base64')}:`,
      ]
      const outcome = await observe(() => attempt({ ...present(client), headers }))
      assert.deepEqual(outcome, refusedBy('identity_not_allowed', 403))
    })

    it('refuses: M10 a ticket of a listener without client authentication', async () => {
      await using open = await startServer(bed, 'tls', await bed.config({}, version))
      const { session, status } = await attempt(present(null, open))
      assert.ok(status === 200 && session !== undefined)
      assert.deepEqual(
        await observe(() => attempt({ ...present(null), session })),
        refusedBy('tls:ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE'),
      )
    })

    it('refuses: T6 an older version of TLS', async () => {
      const older = {
        minVersion: 'TLSv1.1',
        maxVersion: version === '1.3' ? 'TLSv1.2' : 'TLSv1.1',
        ciphers: 'DEFAULT@SECLEVEL=0',
      } as const
      assert.deepEqual(
        await observe(() => attempt({ ...present(bed.client), ...older })),
        refusedBy('tls:ERR_SSL_UNSUPPORTED_PROTOCOL'),
      )
    })

    it('refuses: M7, M8 a revoked certificate, full and resumed, from the reload on', async () => {
      await using own = await start()
      const { session, status } = await attempt(present(bed.client, own))
      assert.ok(status === 200 && session !== undefined)
      const other = await bed.issueClient([billing])
      await own.reload(await bed.trust([bed.client.serialHex]))
      const revoked = refusedBy('tls:CERT_REVOKED')
      assert.deepEqual(await observe(() => attempt(present(bed.client, own)), own), revoked)
      const resumed = (): Promise<Attempt> => attempt({ ...present(bed.client, own), session })
      assert.deepEqual(await observe(resumed, own), revoked)
      assert.deepEqual(await observe(() => attempt(present(other, own)), own), admitted)
    })

    it('refuses: M8 where ticket keys are pinned, by the guard alone', async () => {
      const config = await bed.config({ clients: await bed.trust([]) }, version)
      assert.ok(config.tls)
      const tls = { ...config.tls, pinnedTicketKeys: true }
      await using own = await startServer(bed, 'mtls', { ...config, tls })
      const { session, status } = await attempt(present(bed.client, own))
      assert.ok(status === 200 && session !== undefined)
      await own.reload(await bed.trust([bed.client.serialHex]))
      const resumed = (): Promise<Attempt> => attempt({ ...present(bed.client, own), session })
      const refused = { ...refusedBy('certificate_revoked', 403), reused: true }
      assert.deepEqual(await observe(resumed, own), refused)
    })

    it('refuses: M9 a session from before its CA was removed', async () => {
      await using own = await start()
      const { session, status } = await attempt(present(bed.client, own))
      assert.ok(status === 200 && session !== undefined)
      const caFile = await bed.write('ca.pem', bed.rogue.certificatePem)
      await own.reload({ ...(await bed.trust([])), caFile })
      const { status: after, handlerCalls } = await observe(
        () => attempt({ ...present(bed.client, own), session }),
        own,
      )
      assert.deepEqual([after, handlerCalls], [null, 0])
    })

    it('refuses: M12 a service that a reload allows no longer', async () => {
      await using own = await start()
      assert.deepEqual(await observe(() => attempt(present(bed.client, own)), own), admitted)
      await own.reload({ ...(await bed.trust([])), allowed: { [globex]: { orgId: 'globex' } } })
      const refused = refusedBy('identity_not_allowed', 403)
      assert.deepEqual(await observe(() => attempt(present(bed.client, own)), own), refused)
    })
  })
}
