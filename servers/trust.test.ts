import assert from 'node:assert/strict'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:https'
import { after, before, describe, it } from 'node:test'
import type { TlsOptions } from 'node:tls'
import type { ClientTrust, TlsVersion } from './config.ts'
import { attempt, createTestbed } from './server-testbed.ts'
import type { Testbed } from './server-testbed.ts'
import { deriveTickets, reloadTrust, tlsOptions } from './trust.ts'

describe('deriveTickets', () => {
  const secret = Buffer.alloc(32, 1)
  const certificate = Buffer.from('certificate')
  const anchors = { ca: Buffer.from('ca'), crl: Buffer.from('crl') }
  const keys = (
    given: Buffer,
    trusted: Parameters<typeof deriveTickets>[1]['anchors'],
    own = certificate,
  ) => {
    const { ticketKeys, sessionIdContext } = deriveTickets(given, {
      certificate: own,
      anchors: trusted,
    })
    return `${ticketKeys.toString('hex')} ${sessionIdContext}`
  }

  it('gives what Node takes: 48 bytes, and a context of at most 32', () => {
    const { ticketKeys, sessionIdContext } = deriveTickets(secret, { certificate, anchors })
    assert.deepEqual([ticketKeys.length, sessionIdContext.length], [48, 32])
  })

  it('depends on what a full handshake checks, and on nothing else', () => {
    assert.equal(keys(secret, anchors), keys(Buffer.from(secret), { ...anchors }))
    const all = [
      keys(secret, anchors),
      keys(secret, null),
      keys(secret, { ...anchors, ca: Buffer.from('other') }),
      keys(secret, { ...anchors, crl: Buffer.from('other') }),
      keys(secret, { ca: anchors.crl, crl: anchors.ca }),
      // The same bytes in all, cut at another place.
      keys(secret, { ca: Buffer.from('cac'), crl: Buffer.from('rl') }),
      keys(secret, { ca: Buffer.alloc(0), crl: Buffer.alloc(0) }),
      keys(Buffer.alloc(32, 2), anchors),
      keys(secret, anchors, Buffer.from('other')),
      keys(secret, null, Buffer.from('other')),
    ]
    assert.equal(new Set(all).size, all.length)
    const parts = all.flatMap((text) => text.split(' '))
    assert.equal(new Set(parts).size, parts.length)
  })
})

for (const version of ['1.2', '1.3'] as const) {
  describe(`tickets of TLS ${version}`, () => {
    let bed: Testbed
    let trust: ClientTrust
    before(async () => {
      bed = await createTestbed()
      trust = await bed.trust([])
    })
    after(() => bed[Symbol.asyncDispose]())

    /** Whether a ticket of a listener with `issued` resumes at one with `presented`. */
    const resumes = async (issued: ClientTrust | null, presented: ClientTrust | null) => {
      await using first = await listen(await options(bed, version, issued))
      await using second = await listen(await options(bed, version, presented))
      const { session, status } = await attempt({ ...credentials(bed), port: first.port })
      assert.ok(status === 200 && session !== undefined)
      const again = await attempt({ ...credentials(bed), port: second.port, session })
      assert.equal(again.status, 200)
      assert.equal(again.reused, second.resumed() === 1)
      return again.reused
    }

    it('resumes between listeners of equal trust', async () => {
      assert.equal(await resumes(trust, trust), true)
      assert.equal(await resumes(null, null), true)
    })

    it('does not resume where the CRL differs: M8', async () => {
      assert.equal(await resumes(trust, await bed.trust([])), false)
    })

    it('does not resume where the anchors differ: M9', async () => {
      const caFile = await bed.write('ca.pem', bed.caPem + bed.rogue.certificatePem)
      assert.equal(await resumes({ ...trust, caFile }, trust), false)
    })

    it('does not resume where only one listener asks for certificates: M10', async () => {
      assert.equal(await resumes(null, trust), false)
      assert.equal(await resumes(trust, null), false)
    })

    it('does not resume after a reload, until a ticket of the new trust', async () => {
      await using listener = await listen(await options(bed, version, trust))
      const good = { ...credentials(bed), port: listener.port }
      const { session: before } = await attempt(good)
      const changed = await bed.trust([])
      reloadTrust(listener.server, await options(bed, version, changed))
      const { reused, session } = await attempt({ ...good, session: before })
      assert.equal(reused, false)
      assert.equal((await attempt({ ...good, session })).reused, true)
      // The first trust again: its tickets are good again, because the same checks hold.
      reloadTrust(listener.server, await options(bed, version, trust))
      assert.equal((await attempt({ ...good, session: before })).reused, true)
    })

    it('resumes after a reload where ticket keys are pinned, but never without client authentication', async () => {
      const pinned = async (clients: ClientTrust | null) => {
        const { tls } = await bed.config({}, version)
        assert.ok(tls)
        return tlsOptions({ ...tls, pinnedTicketKeys: true }, clients)
      }
      await using listener = await listen(await pinned(trust))
      const good = { ...credentials(bed), port: listener.port }
      const { session } = await attempt(good)
      reloadTrust(listener.server, await pinned(await bed.trust([bed.client.serialHex])))
      assert.equal((await attempt({ ...good, session })).reused, true)
      // M10: a ticket that was given without asking for a certificate.
      await using open = await listen(await pinned(null))
      const { session: anonymous } = await attempt({ ...good, port: open.port })
      const { reused, status } = await attempt({ ...good, session: anonymous })
      assert.deepEqual([reused, status], [false, null])
    })

    it('reloads the anchors as well: a client of a removed CA is refused', async () => {
      const caFile = await bed.write('two.pem', bed.caPem)
      await using listener = await listen(await options(bed, version, { ...trust, caFile }))
      const good = { ...credentials(bed), port: listener.port }
      assert.equal((await attempt(good)).status, 200)
      await writeFile(caFile, bed.rogue.certificatePem)
      reloadTrust(listener.server, await options(bed, version, { ...trust, caFile }))
      assert.equal((await attempt(good)).status, null)
    })
  })
}

async function options(bed: Testbed, version: TlsVersion, clients: ClientTrust | null) {
  const { tls } = await bed.config({}, version)
  assert.ok(tls)
  return tlsOptions(tls, clients)
}

function credentials(bed: Testbed) {
  return { ca: bed.caPem, cert: bed.client.chainPem, key: bed.client.privateKeyPem }
}

async function listen(options: TlsOptions) {
  let resumed = 0
  const server = createServer(options, (_request, response) => response.end('ok'))
  server.on('secureConnection', (socket) => {
    if (socket.isSessionReused()) resumed += 1
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const address = server.address()
  return {
    server,
    port: typeof address === 'object' ? (address?.port ?? 0) : 0,
    resumed: () => resumed,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await once(server.close(), 'close')
    },
  }
}
