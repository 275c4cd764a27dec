import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { describe, test } from 'node:test'

import { createAuthority, writeSecretFile } from './pki.ts'
import { nameOf } from './pki-certificate.ts'
import { createCrl } from './pki-crl.ts'
import {
  children,
  clientRequest,
  createLab,
  emptyCrl,
  handshake,
  missing,
  sharedLab,
  temporaryFolder,
} from './pki-testbed.ts'
import type { Lab } from './pki-testbed.ts'

describe('revocation', () => {
  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    test(`${version}: refuses a revoked leaf, and only that one`, async () => {
      const lab = await sharedLab('p256')
      const revoked = await lab.intermediate.issue(clientRequest)
      const revokedSerialsHex = [revoked.serialHex]
      const crlPem =
        (await emptyCrl(lab.root)) + (await lab.intermediate.issueCrl({ revokedSerialsHex }))
      const bad = await handshake({ ...lab, crlPem, clientIdentity: revoked, version })
      assert.equal(bad.server, 'CERT_REVOKED')
      const good = await handshake({ ...lab, crlPem, version })
      assert.equal(good.server, 'accepted')
    })
  }

  const crls: readonly [string, (lab: Lab) => Promise<string>, string][] = [
    [
      'root first, then intermediate',
      async ({ root, intermediate }) => (await emptyCrl(root)) + (await emptyCrl(intermediate)),
      'accepted',
    ],
    [
      'intermediate first, then root',
      async ({ root, intermediate }) => (await emptyCrl(intermediate)) + (await emptyCrl(root)),
      'accepted',
    ],
    ['root alone', ({ root }) => emptyCrl(root), 'UNABLE_TO_GET_CRL'],
    ['intermediate alone', ({ intermediate }) => emptyCrl(intermediate), 'UNABLE_TO_GET_CRL'],
    [
      'a revoked intermediate',
      async ({ root, intermediate, intermediateSerialHex }) =>
        (await root.issueCrl({ revokedSerialsHex: [intermediateSerialHex] })) +
        (await emptyCrl(intermediate)),
      'CERT_REVOKED',
    ],
    [
      'a CRL that should have been followed by another',
      async ({ root, intermediate }) =>
        (await emptyCrl(root)) +
        (await intermediate.issueCrl({
          revokedSerialsHex: [],
          nextUpdate: new Date(Date.now() - 60_000),
        })),
      'CRL_HAS_EXPIRED',
    ],
    [
      'a CRL of another authority of the same name',
      async ({ root }) => {
        const other = await createAuthority({ key: 'p256', name: 'intermediate' })
        return (await emptyCrl(root)) + (await emptyCrl(other))
      },
      'UNABLE_TO_GET_CRL',
    ],
  ]
  for (const [name, crlOf, expected] of crls) {
    test(`${name}: ${expected}`, async () => {
      const lab = await sharedLab('p256')
      const outcome = await handshake({ ...lab, crlPem: await crlOf(lab), version: 'TLSv1.3' })
      assert.equal(outcome.server, expected)
    })
  }
})

for (const key of ['p256', 'p384', 'rsa2048', 'rsa4096', 'ed25519'] as const) {
  test(
    `openssl verifies a ${key} chain with both CRLs`,
    { skip: missing('openssl') },
    async (t) => {
      const { root, intermediate, clientIdentity } = await sharedLab(key)
      const { keyPair } = clientIdentity
      const revoked = await intermediate.issue({ ...clientRequest, keyPair })
      const revokedSerialsHex = [revoked.serialHex]
      const folder = await temporaryFolder(t)
      for (const [name, text] of Object.entries({
        'root.pem': root.rootPem,
        'intermediates.pem': intermediate.chainPem,
        'crls.pem': (await emptyCrl(root)) + (await intermediate.issueCrl({ revokedSerialsHex })),
        'good.pem': clientIdentity.certificatePem,
        'revoked.pem': revoked.certificatePem,
      })) {
        await writeSecretFile(folder, name, text)
      }
      const accepted = opensslVerify(folder, 'good.pem')
      assert.deepEqual([accepted.stdout, accepted.stderr], ['good.pem: OK\n', ''])
      const refused = opensslVerify(folder, 'revoked.pem')
      assert.equal(refused.status, 2)
      assert.match(refused.stderr, /error 23 at 0 depth lookup: certificate revoked/)
    },
  )
}

test(
  'openssl reads a list of 20,000, and verifies its signature',
  { skip: missing('openssl') },
  async (t) => {
    const { root, intermediate, clientIdentity } = await sharedLab('p384')
    const revokedSerialsHex = Array.from(
      { length: 20_000 },
      (_, index) => `10${index.toString(16).padStart(30, '0')}`,
    )
    const folder = await temporaryFolder(t)
    const crlPem = await intermediate.issueCrl({ revokedSerialsHex })
    for (const [name, text] of Object.entries({
      'root.pem': root.rootPem,
      'intermediates.pem': intermediate.chainPem,
      'crls.pem': (await emptyCrl(root)) + crlPem,
      'good.pem': clientIdentity.certificatePem,
    })) {
      await writeSecretFile(folder, name, text)
    }
    const accepted = opensslVerify(folder, 'good.pem')
    assert.deepEqual([accepted.stdout, accepted.stderr], ['good.pem: OK\n', ''])
    const read = spawnSync('openssl', ['crl', '-noout', '-text'], {
      input: crlPem,
      encoding: 'utf8',
      maxBuffer: 2 ** 26,
    })
    assert.equal(read.stdout.match(/Serial Number: 10/g)?.length, 20_000)
    assert.equal(fieldsOf(crlPem).serialsHex.length, 20_000)
  },
)

describe('form of a CRL', () => {
  test('each of an authority has the next number', async () => {
    const { root } = await createLab('p256')
    const crls = [await emptyCrl(root), await emptyCrl(root)].map((pem) => fieldsOf(pem))
    // createLab has issued the first.
    assert.deepEqual(
      crls.map(({ numberDer }) => numberDer),
      ['020102', '020103'],
    )
  })

  const numbers: readonly [number, string][] = [
    [0, '020100'],
    [127, '02017f'],
    // The first bit is the sign.
    [128, '02020080'],
    [255, '020200ff'],
    [256, '02020100'],
    [32_767, '02027fff'],
    [32_768, '0203008000'],
    [2 ** 32 - 1, '020500ffffffff'],
  ]
  for (const [crlNumber, numberDer] of numbers) {
    test(`number ${crlNumber} is ${numberDer}`, async () => {
      const { keyPair } = (await sharedLab('p256')).clientIdentity
      const pem = await createCrl({
        issuer: { subject: nameOf('any'), keyPair },
        crlNumber,
        revokedSerialsHex: [],
        thisUpdate: new Date('2026-01-01T00:00:00Z'),
        nextUpdate: new Date('2026-02-01T00:00:00Z'),
      })
      assert.equal(fieldsOf(pem).numberDer, numberDer)
    })
  }

  test('a serial number revoked twice, in either case, stands there once', async () => {
    const { intermediate } = await sharedLab('p256')
    const revokedSerialsHex = ['4a0b', '4A0B', '4a0c']
    const { serialsHex } = fieldsOf(await intermediate.issueCrl({ revokedSerialsHex }))
    assert.deepEqual(serialsHex, ['4a0b', '4a0c'])
  })

  test('what is no serial number is refused, not left out', async () => {
    const { intermediate } = await sharedLab('p256')
    await assert.rejects(intermediate.issueCrl({ revokedSerialsHex: ['4A:0B'] }), /HEX/i)
  })

  test('every entry has a reason: an empty extension list is not DER of RFC 5280', async () => {
    const { intermediate } = await sharedLab('p256')
    const { entries } = fieldsOf(await intermediate.issueCrl({ revokedSerialsHex: ['4a0b'] }))
    // SEQUENCE { OID 2.5.29.21, OCTET STRING { ENUMERATED cessationOfOperation (5) } }
    assert.deepEqual(
      entries.map((entry) => entry[2]?.content.toString('hex')),
      ['300a0603551d1504030a0105'],
    )
  })
})

function opensslVerify(folder: string, leafFile: string) {
  const command = 'verify -x509_strict -purpose sslclient -crl_check_all -CRLfile crls.pem'
  const files = ['-CAfile', 'root.pem', '-untrusted', 'intermediates.pem', leafFile]
  return spawnSync('openssl', [...command.split(' '), ...files], { cwd: folder, encoding: 'utf8' })
}

function fieldsOf(pem: string) {
  assert.match(pem, /^-----BEGIN X509 CRL-----\n[^]+\n-----END X509 CRL-----\n$/)
  const [crl] = children(Buffer.from(pem.replaceAll(/-----.+-----/g, ''), 'base64'))
  const [tbs] = children(crl?.content)
  // version, signature, issuer, thisUpdate, nextUpdate, revokedCertificates (if any), crlExtensions
  const fields = children(tbs?.content)
  const [extensions] = children(fields.at(-1)?.content)
  const [, number] = children(extensions?.content)
  const entries = fields.length === 7 ? children(fields[5]?.content) : []
  const entryFields = entries.map(({ content }) => children(content))
  return {
    numberDer: children(number?.content).at(-1)?.content.toString('hex'),
    entries: entryFields,
    serialsHex: entryFields.map(([serial]) => serial?.content.toString('hex')),
  }
}
