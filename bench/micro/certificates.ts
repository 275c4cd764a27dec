import {
  createHash,
  diffieHellman,
  generateKeyPairSync,
  hash,
  sign,
  verify,
  X509Certificate,
} from 'node:crypto'
import { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import type { KeyType } from '../../servers/config.ts'
import { revokedSerials } from '../../servers/crl-serials.ts'
import { certificateBinding } from '../../servers/guards/certificate-binding.ts'
import type { Exchange } from '../../servers/guards/guard.ts'
import { scope } from '../../servers/guards/scope.ts'
import { tenant } from '../../servers/guards/tenant.ts'
import { createAuthority } from '../../servers/pki.ts'
import { repeated, type Primitive } from './primitive.ts'

/** What is done about certificates and callers: once a connection, or once a request. */
export async function certificatePrimitives(): Promise<Primitive[]> {
  const root = await createAuthority({ key: 'p256', name: 'trustbench root' })
  const issuing = await root.createIntermediate({ key: 'p256', name: 'trustbench intermediate' })
  const leaf = await issuing.issue({
    kind: 'client',
    key: 'p256',
    commonName: 'acme-billing',
    uris: ['spiffe://trustbench.test/acme/billing'],
  })
  const [certificate, intermediate, anchor] = [
    leaf.certificatePem,
    issuing.certificatePem,
    root.certificatePem,
  ].map((pem) => new X509Certificate(pem)) as [X509Certificate, X509Certificate, X509Certificate]
  const serials = Array.from({ length: crlEntries }, (_, index) =>
    createHash('sha256').update(String(index)).digest('hex').slice(0, 32).replace(/^./, '7'),
  )
  const crlPem = await issuing.issueCrl({ revokedSerialsHex: serials })
  const crl = Buffer.from(crlPem.replaceAll(/-----[^-]+-----|\s/g, ''), 'base64')
  const revoked = new Set(revokedSerials(crl))
  const exchange = exchangeOf(leaf.thumbprintS256)
  return [
    repeated('certificate: parse', 20, () => new X509Certificate(certificate.raw)),
    repeated('certificate: thumbprint', quick, () => hash('sha256', certificate.raw, 'base64url')),
    repeated('certificate: URI names', 20, () => certificate.subjectAltName),
    repeated('certificate: check of a chain of 2', 1, () => [
      certificate.checkIssued(intermediate) && certificate.verify(intermediate.publicKey),
      intermediate.checkIssued(anchor) && intermediate.verify(anchor.publicKey),
    ]),
    repeated('CRL of 20,000: look up a serial number', quick, () => revoked.has(leaf.serialHex)),
    repeated('CRL of 20,000: read all serial numbers', 1, () => revokedSerials(crl)),
    repeated('guard: certificate binding', quick, () => certificateBinding(exchange)),
    repeated('guard: scope', quick, () => scope(exchange)),
    repeated('guard: tenant', quick, () => tenant(exchange)),
    ...handshakePrimitives(),
  ]
}

/** The arithmetic of a TLS 1.3 handshake (RFC 8446 section 7.4): agreement on a key, and proof of another. */
function handshakePrimitives(): Primitive[] {
  const agree = (name: 'x25519' | 'P-256') => {
    const create = () =>
      name === 'x25519'
        ? generateKeyPairSync('x25519')
        : generateKeyPairSync('ec', { namedCurve: name })
    const { publicKey } = create()
    return repeated(`handshake: key agreement ${name}`, 1, () =>
      diffieHellman({ privateKey: create().privateKey, publicKey }),
    )
  }
  const content = Buffer.alloc(signedBytes, 7)
  const proofs = keyTypes.flatMap((key) => {
    const { privateKey, publicKey } = keyPairOf(key)
    const digest = key === 'ed25519' ? null : key === 'p384' ? 'sha384' : 'sha256'
    const signature = sign(digest, content, privateKey)
    return [
      repeated(`handshake: sign ${key}`, 1, () => sign(digest, content, privateKey)),
      repeated(`handshake: verify ${key}`, 1, () => verify(digest, content, publicKey, signature)),
    ]
  })
  return [agree('x25519'), agree('P-256'), ...proofs]
}

function keyPairOf(key: KeyType) {
  switch (key) {
    case 'p256':
      return generateKeyPairSync('ec', { namedCurve: 'P-256' })
    case 'p384':
      return generateKeyPairSync('ec', { namedCurve: 'P-384' })
    case 'rsa2048':
      return generateKeyPairSync('rsa', { modulusLength: 2_048 })
    case 'rsa4096':
      return generateKeyPairSync('rsa', { modulusLength: 4_096 })
    case 'ed25519':
      return generateKeyPairSync('ed25519')
  }
}

/** A caller whom all guards let pass; they look at nothing else of the request. */
function exchangeOf(thumbprint: string): Exchange {
  return {
    request: new IncomingMessage(new Socket()),
    requires: { scope: 'payments:read', orgId: 'acme' },
    caller: {
      certificate: { uri: 'spiffe://trustbench.test/acme/billing', orgId: 'acme', thumbprint },
      token: {
        clientId: 'acme-billing-bound',
        scopes: ['payments:read', 'payments:write'],
        orgId: 'acme',
        confirmation: { 'x5t#S256': thumbprint },
      },
    },
  }
}

const keyTypes = [
  'p256',
  'p384',
  'rsa2048',
  'rsa4096',
  'ed25519',
] as const satisfies readonly KeyType[]
const crlEntries = 20_000
/** CertificateVerify signs 64 spaces, a context, and a transcript hash of 32 bytes. */
const signedBytes = 130
const quick = 100
