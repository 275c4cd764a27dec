import assert from 'node:assert/strict'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'

import type { KeyType } from './config.ts'
import { createAuthority, selfSigned, writeSecretFile } from './pki.ts'
import type { IssueRequest } from './pki.ts'
import {
  clientRequest,
  createLab,
  serverRequest,
  sharedLab,
  temporaryFolder,
} from './pki-testbed.ts'

/** Key type, the signature algorithm it signs with, and how Node describes the key. */
const keyTypes: readonly [KeyType, string, string, object][] = [
  ['p256', 'ecdsa-with-SHA256', 'ec', { namedCurve: 'prime256v1' }],
  ['p384', 'ecdsa-with-SHA384', 'ec', { namedCurve: 'secp384r1' }],
  ['rsa2048', 'sha256WithRSAEncryption', 'rsa', { modulusLength: 2048, publicExponent: 65_537n }],
  ['rsa4096', 'sha256WithRSAEncryption', 'rsa', { modulusLength: 4096, publicExponent: 65_537n }],
  ['ed25519', 'ED25519', 'ed25519', {}],
]

for (const [key, signatureAlgorithm, asymmetricKeyType, details] of keyTypes) {
  describe(`${key} chain`, () => {
    test('every certificate is signed by the one above and by the algorithm of its key', async () => {
      const { root, intermediate } = await sharedLab(key)
      const leaf = await intermediate.issue({ ...clientRequest, key })
      const chain = [leaf.certificatePem, intermediate.certificatePem, root.rootPem].map(read)
      for (const [index, certificate] of chain.entries()) {
        const above = chain[Math.min(index + 1, 2)]
        assert.ok(above)
        assert.equal(certificate.signatureAlgorithm, signatureAlgorithm)
        assert.equal(certificate.publicKey.asymmetricKeyType, asymmetricKeyType)
        assert.deepEqual({ ...certificate.publicKey.asymmetricKeyDetails }, details)
        assert.equal(certificate.checkIssued(above), true)
        assert.equal(certificate.verify(above.publicKey), true)
      }
      assert.equal(chain.filter(({ publicKey }) => chain[2]?.verify(publicKey)).length, 1)
    })

    test('serial number, thumbprint and key are those Node reads from the certificate', async () => {
      const { intermediate } = await sharedLab(key)
      const leaf = await intermediate.issue({ ...serverRequest, key })
      const certificate = read(leaf.certificatePem)
      assert.equal(leaf.serialHex, certificate.serialNumber)
      const sha256 = certificate.fingerprint256.replaceAll(':', '')
      assert.equal(leaf.thumbprintS256, Buffer.from(sha256, 'hex').toString('base64url'))
      assert.match(leaf.privateKeyPem, /^-----BEGIN PRIVATE KEY-----\n/)
      assert.equal(certificate.checkPrivateKey(createPrivateKey(leaf.privateKeyPem)), true)
    })
  })
}

describe('chain', () => {
  test('chainPem runs from the leaf up to but without the root', async () => {
    const root = await createAuthority({ key: 'p256', name: 'root', pathLength: 2 })
    const policy = await root.createIntermediate({ key: 'p256', name: 'policy' })
    const issuing = await policy.createIntermediate({ key: 'p256', name: 'issuing' })
    const leaf = await issuing.issue(clientRequest)
    assert.equal(root.chainPem, '')
    assert.equal(policy.chainPem, policy.certificatePem)
    assert.equal(issuing.chainPem, issuing.certificatePem + policy.certificatePem)
    assert.equal(leaf.chainPem, leaf.certificatePem + issuing.chainPem)
    assert.deepEqual(
      [root, policy, issuing].map(({ rootPem }) => rootPem === root.certificatePem),
      [true, true, true],
    )
  })

  test('a leaf straight from the root is its whole chain', async () => {
    const root = await createAuthority({ key: 'p256', name: 'root' })
    const leaf = await root.issue(clientRequest)
    assert.equal(leaf.chainPem, leaf.certificatePem)
  })

  test('no authority below a path length of 0', async () => {
    const root = await createAuthority({ key: 'p256', name: 'root', pathLength: 0 })
    await assert.rejects(root.createIntermediate({ key: 'p256', name: 'below' }), {
      message:
        'authority "root" has pathLength 0, so "below" below it would be refused: give the root a higher pathLength',
    })
  })

  test('a renewed certificate with the same key has its own serial number and thumbprint (C7)', async () => {
    const { intermediate } = await sharedLab('p256')
    const old = await intermediate.issue(clientRequest)
    const renewed = await intermediate.issue({ ...clientRequest, keyPair: old.keyPair })
    assert.equal(renewed.privateKeyPem, old.privateKeyPem)
    assert.notEqual(renewed.serialHex, old.serialHex)
    assert.notEqual(renewed.thumbprintS256, old.thumbprintS256)
  })

  test('two authorities of one name have different keys (M2)', async () => {
    const real = await createAuthority({ key: 'p256', name: 'root' })
    const rogue = await createAuthority({ key: 'p256', name: 'root' })
    const leaf = read((await rogue.issue(clientRequest)).certificatePem)
    assert.equal(leaf.issuer, read(real.rootPem).subject)
    assert.equal(leaf.verify(read(real.rootPem).publicKey), false)
  })
})

describe('validity', () => {
  test('starts 5 minutes ago and lasts 30 days, 90 for an authority', async () => {
    const before = Date.now()
    const { intermediate, root } = await createLab('p256')
    const leaf = await intermediate.issue(clientRequest)
    const after = Date.now()
    const days: [string, number][] = [
      [leaf.certificatePem, 30],
      [intermediate.certificatePem, 90],
      [root.rootPem, 90],
    ]
    for (const [pem, expectedDays] of days) {
      const { validFromDate, validToDate } = read(pem)
      const start = validFromDate.getTime()
      // Certificates hold whole seconds, cut off.
      assert.ok(start > before - 300_000 - 1_000 && start <= after - 300_000)
      assert.equal(validToDate.getTime() - start, expectedDays * 86_400_000)
    }
  })

  const asked: readonly [string, Pick<IssueRequest, 'notBefore' | 'notAfter'>, string, string][] = [
    [
      'both ends',
      { notBefore: new Date('2020-01-02T03:04:05Z'), notAfter: new Date('2020-02-02T00:00:00Z') },
      '2020-01-02T03:04:05.000Z',
      '2020-02-02T00:00:00.000Z',
    ],
    [
      'an end in the past: starts 5 minutes before it',
      { notAfter: new Date('2020-02-02T00:00:00Z') },
      '2020-02-01T23:55:00.000Z',
      '2020-02-02T00:00:00.000Z',
    ],
    [
      'a start in the future: 30 days from there',
      { notBefore: new Date('2080-01-01T00:00:00Z') },
      '2080-01-01T00:00:00.000Z',
      '2080-01-31T00:00:00.000Z',
    ],
  ]
  for (const [name, range, start, end] of asked) {
    test(name, async () => {
      const { validFromDate, validToDate } = read(
        (await selfSigned({ ...clientRequest, ...range })).certificatePem,
      )
      assert.deepEqual([validFromDate.toISOString(), validToDate.toISOString()], [start, end])
    })
  }
})

describe('writeSecretFile', () => {
  test('creates a file that only its owner reads, and returns its path', async (t) => {
    const folder = await temporaryFolder(t)
    const path = await writeSecretFile(folder, 'client.key', 'secret\n')
    assert.equal(path, join(folder, 'client.key'))
    assert.equal(await readFile(path, 'utf8'), 'secret\n')
    assert.equal((await stat(path)).mode & 0o777, 0o600)
  })

  test('leaves a file that is there alone', async (t) => {
    const folder = await temporaryFolder(t)
    const path = await writeSecretFile(folder, 'client.key', 'first')
    await assert.rejects(writeSecretFile(folder, 'client.key', 'second'), { code: 'EEXIST' })
    assert.equal(await readFile(path, 'utf8'), 'first')
  })
})

function read(pem: string): X509Certificate {
  return new X509Certificate(pem)
}
