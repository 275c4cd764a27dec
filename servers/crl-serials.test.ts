import 'reflect-metadata'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { X509Crl } from '@peculiar/x509'
import fc from 'fast-check'
import { revokedSerials } from './crl-serials.ts'
import { createAuthority } from './pki.ts'

const authority = await createAuthority({ key: 'p256', name: 'Serials' })

function derOf(pem: string): Buffer {
  return Buffer.from(pem.replaceAll(/-----.+-----/g, ''), 'base64')
}

async function listOf(revokedSerialsHex: readonly string[]): Promise<string> {
  return authority.issueCrl({ revokedSerialsHex })
}

test('reads the serial numbers that another reader reads', async () => {
  for (const serials of [[], ['4A0B'], ['00FF', '7F', '80'], ['10'.repeat(16), 'FF'.repeat(16)]]) {
    const pem = await listOf(serials)
    const others = new X509Crl(pem).entries.map(({ serialNumber }) => serialNumber.toUpperCase())
    const without = (text: string) => text.replace(/^(00)+(?=..)/, '')
    assert.deepEqual(revokedSerials(derOf(pem)).map(without), others.map(without))
  }
})

test('a list of 20,000 is read whole', async () => {
  const serials = Array.from(
    { length: 20_000 },
    (_, index) => `10${index.toString(16).padStart(30, '0').toUpperCase()}`,
  )
  assert.deepEqual(revokedSerials(derOf(await listOf(serials))), serials)
})

test('what is cut off, or no CRL, throws and is never a shorter list', async () => {
  const der = derOf(await listOf(['4A0B', '4A0C', '4A0D']))
  fc.assert(
    fc.property(fc.integer({ min: 0, max: der.length - 1 }), (length) => {
      assert.throws(() => revokedSerials(der.subarray(0, length)), RangeError)
    }),
  )
  const certificate = derOf(authority.certificatePem)
  assert.throws(() => revokedSerials(certificate), RangeError)
  assert.throws(() => revokedSerials(Buffer.from('30803000', 'hex')), RangeError)
})

test('bytes of any kind are a list or a RangeError, nothing else', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      try {
        assert.ok(Array.isArray(revokedSerials(Buffer.from(bytes))))
      } catch (error) {
        assert.ok(error instanceof RangeError, String(error))
      }
    }),
  )
})
