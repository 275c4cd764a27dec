import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { createAuthority, selfSigned } from './pki.ts'
import type { Identity, IssueRequest } from './pki.ts'
import { leafExtensions, nameOf, pemOf, signCertificate } from './pki-certificate.ts'
import {
  clientRequest,
  createLab,
  emptyCrl,
  handshake,
  serverRequest,
  sharedLab,
} from './pki-testbed.ts'
import type { Lab } from './pki-testbed.ts'

const versions = ['TLSv1.2', 'TLSv1.3'] as const

const keyTypes = ['p256', 'p384', 'rsa2048', 'rsa4096', 'ed25519'] as const
for (const key of keyTypes) {
  test(`${key}: both ends accept each other`, async () => {
    const lab = await sharedLab(key)
    for (const version of versions) {
      const outcome = await handshake({ ...lab, version })
      assert.deepEqual(outcome, {
        client: 'accepted',
        server: 'accepted',
        serialHex: lab.clientIdentity.serialHex,
      })
    }
  })
}

test('key types mix: an RSA client below P-384 authorities, an Ed25519 server', async () => {
  const root = await createAuthority({ key: 'p384', name: 'root' })
  const intermediate = await root.createIntermediate({ key: 'p256', name: 'intermediate' })
  const clientIdentity = await intermediate.issue({ ...clientRequest, key: 'rsa2048' })
  const serverIdentity = await intermediate.issue({ ...serverRequest, key: 'ed25519' })
  const crlPem = (await emptyCrl(root)) + (await emptyCrl(intermediate))
  const lab = { rootPem: root.rootPem, crlPem }
  for (const version of versions) {
    const { client, server } = await handshake({ ...lab, clientIdentity, serverIdentity, version })
    assert.deepEqual([client, server], ['accepted', 'accepted'])
  }
})

/** What makes a certificate bad, and the code the other end refuses it with. */
const bad: readonly [string, Partial<IssueRequest>, string][] = [
  ['expired (T3, M4)', { notAfter: new Date(Date.now() - 3_600_000) }, 'CERT_HAS_EXPIRED'],
  ['not yet valid (T4, M5)', { notBefore: new Date(Date.now() + 3_600_000) }, 'CERT_NOT_YET_VALID'],
]

describe('a client refuses a server certificate', () => {
  const cases: typeof bad = [
    ...bad,
    ['for clients only (T5)', { extendedKeyUsages: ['clientAuth'] }, 'INVALID_PURPOSE'],
    ['for another name (T2)', { dnsNames: ['other.test'] }, 'ERR_TLS_CERT_ALTNAME_INVALID'],
  ]
  for (const [name, change, code] of cases) {
    test(`${name}: ${code}`, async () => {
      const lab = await sharedLab('p256')
      const serverIdentity = await lab.intermediate.issue({ ...serverRequest, ...change })
      for (const version of versions) {
        assert.equal((await handshake({ ...lab, serverIdentity, version })).client, code)
      }
    })
  }

  test('by its address: 127.0.0.1 and ::1 are in the certificate, 127.0.0.2 is not', async () => {
    const lab = await sharedLab('p256')
    for (const [servername, expected] of [
      ['127.0.0.1', 'accepted'],
      ['::1', 'accepted'],
      ['127.0.0.2', 'ERR_TLS_CERT_ALTNAME_INVALID'],
    ] as const) {
      const outcome = await handshake({ ...lab, servername, version: 'TLSv1.3' })
      assert.equal(outcome.client, expected)
    }
  })
})

describe('a server refuses a client certificate', () => {
  const cases: typeof bad = [
    ...bad,
    ['for servers only (M6)', { extendedKeyUsages: ['serverAuth'] }, 'INVALID_PURPOSE'],
  ]
  for (const [name, change, code] of cases) {
    test(`${name}: ${code}`, async () => {
      const lab = await sharedLab('p256')
      const clientIdentity = await lab.intermediate.issue({ ...clientRequest, ...change })
      for (const version of versions) {
        assert.equal((await handshake({ ...lab, clientIdentity, version })).server, code)
      }
    })
  }

  // Node lets OpenSSL go on after a fault and reports the last one: with CRLs loaded, that is often theirs.
  const strangers: readonly [string, (lab: Lab) => Promise<Identity>, string, string][] = [
    [
      'self-signed (M3)',
      () => selfSigned(clientRequest),
      'DEPTH_ZERO_SELF_SIGNED_CERT',
      'UNABLE_TO_GET_CRL',
    ],
    [
      'of a rogue authority with the names of the real one (M2)',
      async () => (await createLab('p256')).clientIdentity,
      'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
      'UNABLE_TO_GET_CRL',
    ],
    [
      'of a rogue authority that sends its root along (M2)',
      async () => {
        const { clientIdentity, rootPem } = await createLab('p256')
        return { ...clientIdentity, chainPem: clientIdentity.chainPem + rootPem }
      },
      'SELF_SIGNED_CERT_IN_CHAIN',
      'UNABLE_TO_GET_CRL',
    ],
    [
      'signed by the key of a good client, which is no authority',
      async ({ clientIdentity }) => {
        const forged = await forge(clientIdentity)
        return { ...forged, chainPem: forged.certificatePem + clientIdentity.chainPem }
      },
      // Its key usage does not sign certificates: a code (32) that Node has no name for.
      'UNSPECIFIED',
      'UNSPECIFIED',
    ],
    [
      'without its intermediate (M14)',
      ({ clientIdentity }) =>
        Promise.resolve({ ...clientIdentity, chainPem: clientIdentity.certificatePem }),
      'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
      'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    ],
  ]
  for (const [name, identityOf, withoutCrl, withCrl] of strangers) {
    test(`${name}: ${withoutCrl}, with CRLs ${withCrl}`, async () => {
      const lab = await sharedLab('p256')
      const clientIdentity = await identityOf(lab)
      for (const version of versions) {
        const setup = { ...lab, clientIdentity, version }
        assert.equal((await handshake({ ...setup, crlPem: null })).server, withoutCrl)
        assert.equal((await handshake(setup)).server, withCrl)
      }
    })
  }
})

/** A self-signed certificate, signed again by a client under that client's name. */
async function forge({ keyPair }: Identity): Promise<Identity> {
  const own = await selfSigned({ ...clientRequest, commonName: 'forged' })
  const certificate = await signCertificate({
    subject: nameOf('forged'),
    publicKey: own.keyPair.publicKey,
    issuer: { subject: nameOf(clientRequest.commonName), keyPair },
    validity: { notBefore: new Date(Date.now() - 60_000), notAfter: new Date(Date.now() + 60_000) },
    extensions: leafExtensions({
      purposes: ['clientAuth'],
      dnsNames: [],
      ipAddresses: [],
      uris: [],
    }),
  })
  return { ...own, certificatePem: pemOf(certificate) }
}
