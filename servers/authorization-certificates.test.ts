import assert from 'node:assert/strict'
import { createServer } from 'node:https'
import type { Server } from 'node:https'
import { describe, test } from 'node:test'
import { connect } from 'node:tls'
import type { TLSSocket } from 'node:tls'
import { createClientCertificates, hasUriName } from './authorization-certificates.ts'
import { goodUri, presenting } from './authorization-testbed.ts'
import { createTestbed } from './server-testbed.ts'

const day = 86_400_000

describe('a connection', () => {
  const rows = [
    { name: 'has the certificate that it was made with', laterMs: 0, has: true },
    { name: 'that outlives its certificate has none', laterMs: 31 * day, has: false },
    { name: 'on a clock before its certificate has none', laterMs: -day, has: false },
  ]
  for (const { name, laterMs, has } of rows) {
    test(name, async (t) => {
      await using bed = await createTestbed()
      const { cert, key } = presenting(await bed.issueServer(['localhost']))
      const trust = { ca: bed.caPem, requestCert: true, rejectUnauthorized: false }
      const listener = createServer({ cert, key, ...trust })
      const certificates = createClientCertificates(listener)
      const accepted = connectionOf(listener)
      const address = { host: '127.0.0.1', servername: 'localhost', port: await listen(listener) }
      const client = connect({ ...address, ca: bed.caPem, ...presenting(bed.client) })
      const socket = await accepted
      t.mock.timers.enable({ apis: ['Date'], now: Date.now() + laterMs })
      assert.equal(certificates.of(socket)?.serialNumber, has ? bed.client.serialHex : undefined)
      client.destroy()
      socket.destroy()
      listener.close()
    })
  }
})

describe('names of a certificate', () => {
  const rows = [
    { subjectAltName: `URI:${goodUri}`, expected: true },
    { subjectAltName: `DNS:a.test, URI:${goodUri}, IP Address:127.0.0.1`, expected: true },
    { subjectAltName: undefined, expected: false },
    { subjectAltName: `DNS:${goodUri}`, expected: false },
    { subjectAltName: `URI:${goodUri}x`, expected: false },
    { subjectAltName: `URI:${goodUri} , DNS:a.test`, expected: false },
    { subjectAltName: `DNS:URI:${goodUri}`, expected: false },
    // One name each, quoted by Node because it holds commas.
    { subjectAltName: `DNS:"a, URI:${goodUri}, b"`, expected: false },
    { subjectAltName: `URI:"https://a.test/?, URI:${goodUri}"`, expected: false },
    { subjectAltName: `DNS:"a\\", URI:${goodUri}, \\"b"`, expected: false },
  ]
  for (const { subjectAltName, expected } of rows) {
    test(`${String(subjectAltName)}: ${expected}`, () => {
      assert.equal(hasUriName({ subjectAltName }, goodUri), expected)
    })
  }
})

function connectionOf(listener: Server): Promise<TLSSocket> {
  return new Promise((resolve) => listener.once('secureConnection', resolve))
}

function listen(listener: Server): Promise<number> {
  return new Promise((resolve) => {
    listener.listen(0, '127.0.0.1', () => {
      const address = listener.address()
      assert.ok(typeof address === 'object' && address !== null)
      resolve(address.port)
    })
  })
}
