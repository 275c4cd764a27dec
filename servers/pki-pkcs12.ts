import forge from 'node-forge'

import type { Identity } from './pki.ts'

/**
 * Packs an RSA identity, its intermediates and the root as PKCS#12 (RFC 7292) for browsers, Java and curl.
 * Throws for other key types: node-forge reads RSA alone.
 */
export function toPkcs12(request: {
  readonly identity: Identity
  readonly rootPem: string
  readonly passphrase: string
}): Uint8Array {
  const { identity, rootPem, passphrase } = request
  const { name } = identity.keyPair.privateKey.algorithm
  if (!name.startsWith('RSA')) {
    throw new Error(`PKCS#12 export of an ${name} key: only RSA can be exported, use key=rsa2048`)
  }
  const key = forge.pki.privateKeyFromPem(identity.privateKeyPem)
  const certificates = splitPem(identity.chainPem + rootPem).map((pem) =>
    forge.pki.certificateFromPem(pem),
  )
  const pfx = forge.pkcs12.toPkcs12Asn1(key, certificates, passphrase, packing)
  return Buffer.from(forge.asn1.toDer(pfx).getBytes(), 'binary')
}

function splitPem(pem: string): string[] {
  return pem.match(/-----BEGIN [^]+?-----END [^\n]+\n/g) ?? []
}

/** PBES2 with AES-256 and HMAC-SHA-256: OpenSSL 3 has no RC2 and 3DES, the usual choice for PKCS#12. */
const packing = {
  algorithm: 'aes256',
  // Understood by node-forge, unknown to its types; the default is HMAC-SHA-1.
  prfAlgorithm: 'sha256',
  friendlyName: 'trustbench client',
} as const
