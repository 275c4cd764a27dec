import fc from 'fast-check'
import assert from 'node:assert/strict'
import { createHash, X509Certificate } from 'node:crypto'
import { describe, test } from 'node:test'

import { selfSigned } from './pki.ts'
import type { IssueRequest } from './pki.ts'
import { children, clientRequest, sharedLab, serverRequest } from './pki-testbed.ts'
import type { Element } from './pki-testbed.ts'

describe('profile', () => {
  test('a root and an intermediate may sign certificates and CRLs, to a limited depth', async () => {
    const { root, intermediate } = await sharedLab('p256')
    for (const [pem, pathLength] of [
      [root.rootPem, '01'],
      [intermediate.certificatePem, '00'],
    ] as const) {
      assert.deepEqual(extensionsOf(pem), [
        // SEQUENCE { BOOLEAN true, INTEGER pathLength }
        `basicConstraints critical 30060101ff0201${pathLength}`,
        // BIT STRING, one unused bit, bits 5 (keyCertSign) and 6 (cRLSign)
        'keyUsage critical 03020106',
        `subjectKeyIdentifier 0414${keyIdentifierOf(pem)}`,
        `authorityKeyIdentifier 30168014${keyIdentifierOf(root.rootPem)}`,
      ])
    }
  })

  const serverAuth = '06082b06010505070301'
  const clientAuth = '06082b06010505070302'
  const leaves: readonly [string, IssueRequest, string, string][] = [
    [
      'server',
      serverRequest,
      `300a${serverAuth}`,
      'DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1',
    ],
    ['client', clientRequest, `300a${clientAuth}`, 'URI:spiffe://trustbench.test/acme/billing'],
    [
      'client with the purpose of a server (M6)',
      { ...clientRequest, extendedKeyUsages: ['serverAuth'] },
      `300a${serverAuth}`,
      'URI:spiffe://trustbench.test/acme/billing',
    ],
    [
      'server with both purposes',
      {
        ...serverRequest,
        dnsNames: ['a.test', 'b.test'],
        ipAddresses: [],
        extendedKeyUsages: ['serverAuth', 'clientAuth'],
      },
      `3014${serverAuth}${clientAuth}`,
      'DNS:a.test, DNS:b.test',
    ],
  ]
  for (const [name, request, purposes, subjectAltName] of leaves) {
    test(`${name}: states purpose and names, and is no authority`, async () => {
      const { intermediate } = await sharedLab('p256')
      const { certificatePem } = await intermediate.issue(request)
      assert.equal(new X509Certificate(certificatePem).subjectAltName, subjectAltName)
      const extensions = extensionsOf(certificatePem)
      assert.deepEqual(
        extensions.filter((extension) => !extension.startsWith('subjectAltName ')),
        [
          'basicConstraints critical 3000',
          // BIT STRING, seven unused bits, bit 0 (digitalSignature)
          'keyUsage critical 03020780',
          `extendedKeyUsage ${purposes}`,
          `subjectKeyIdentifier 0414${keyIdentifierOf(certificatePem)}`,
          `authorityKeyIdentifier 30168014${keyIdentifierOf(intermediate.certificatePem)}`,
        ],
      )
      assert.equal(extensions.length, 6)
    })
  }

  test('a leaf without names has no subjectAltName', async () => {
    const leaf = await selfSigned({ kind: 'client', key: 'p256', commonName: 'nameless' })
    assert.equal(new X509Certificate(leaf.certificatePem).subjectAltName, undefined)
    assert.equal(new X509Certificate(leaf.certificatePem).subject, 'CN=nameless')
  })

  test('self-signed is its own issuer and vouches for nobody else', async () => {
    const leaf = await selfSigned(clientRequest)
    const certificate = new X509Certificate(leaf.certificatePem)
    assert.equal(certificate.verify(certificate.publicKey), true)
    assert.equal(certificate.subject, certificate.issuer)
    assert.equal(certificate.ca, false)
    assert.equal(leaf.chainPem, leaf.certificatePem)
  })
})

describe('any request', () => {
  test('names come back as they went in; serials are positive, of 16 octets and never the same', async () => {
    const { intermediate } = await sharedLab('p256')
    const { keyPair } = await intermediate.issue(clientRequest)
    const serials = new Set<string>()
    await fc.assert(
      fc.asyncProperty(
        fc.string({ unit: 'binary', minLength: 1, maxLength: 16 }),
        fc.array(fc.domain(), { maxLength: 3 }),
        fc.array(fc.webUrl(), { maxLength: 3 }),
        async (commonName, dnsNames, uris) => {
          const { certificatePem, serialHex } = await intermediate.issue({
            ...clientRequest,
            keyPair,
            commonName,
            dnsNames,
            uris,
          })
          const { serial, subjectCommonName, altNames } = fieldsOf(certificatePem)
          assert.equal(subjectCommonName, commonName)
          assert.deepEqual(altNames, [...dnsNames, ...uris])
          assert.equal(serial.length, 16)
          assert.ok(serial.readInt8(0) > 0)
          assert.equal(serial.toString('hex').toUpperCase(), serialHex)
          serials.add(serialHex)
        },
      ),
      {
        numRuns: 100,
        examples: [
          ['#abcd', [], []],
          ['x, CN=y+O="z" \\ü', [], []],
        ],
      },
    )
    assert.equal(serials.size, 100)
  })
})

/** Extensions in order: name, whether critical, DER value in hexadecimal. */
function extensionsOf(pem: string): string[] {
  const [extensions] = children(tbsFieldsOf(pem).at(-1)?.content)
  return children(extensions?.content).map(({ content }) => {
    const fields = children(content)
    const id = fields[0]?.content.toString('hex') ?? ''
    const critical = fields.length === 3 ? ' critical' : ''
    return `${extensionNames[id] ?? id}${critical} ${fields.at(-1)?.content.toString('hex') ?? ''}`
  })
}

/** SHA-1 of the public key's bits (RFC 5280 section 4.2.1.2, method 1). */
function keyIdentifierOf(pem: string): string {
  const [, bits] = children(tbsFieldsOf(pem).at(6)?.content)
  // The first octet counts unused bits.
  return createHash('sha1')
    .update(bits?.content.subarray(1) ?? '')
    .digest('hex')
}

function fieldsOf(pem: string) {
  const fields = tbsFieldsOf(pem)
  // Name > RelativeDistinguishedName > AttributeTypeAndValue > [type, value]
  const [name] = children(fields[5]?.content)
  const [attribute] = children(name?.content)
  const [, commonName] = children(attribute?.content)
  const altNames = extensionsOf(pem).find((extension) => extension.startsWith('subjectAltName '))
  const [sequence] = children(Buffer.from(altNames?.split(' ')[1] ?? '', 'hex'))
  return {
    serial: fields[1]?.content ?? Buffer.alloc(0),
    subjectCommonName: commonName?.content.toString('utf8'),
    altNames: children(sequence?.content).map(({ content }) => content.toString('latin1')),
  }
}

/** version, serialNumber, signature, issuer, validity, subject, subjectPublicKeyInfo, extensions. */
function tbsFieldsOf(pem: string): Element[] {
  const [certificate] = children(new X509Certificate(pem).raw)
  const [tbs] = children(certificate?.content)
  return children(tbs?.content)
}

const extensionNames: Readonly<Record<string, string>> = {
  // 2.5.29.14, .15, .17, .19, .35, .37
  '551d0e': 'subjectKeyIdentifier',
  '551d0f': 'keyUsage',
  '551d11': 'subjectAltName',
  '551d13': 'basicConstraints',
  '551d23': 'authorityKeyIdentifier',
  '551d25': 'extendedKeyUsage',
}
