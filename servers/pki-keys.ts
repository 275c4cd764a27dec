import { KeyObject, webcrypto } from 'node:crypto'

import type { KeyType } from './config.ts'

/** Generates an extractable signing key pair. */
export function generateKeyPair(key: KeyType): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(keyAlgorithms[key], true, ['sign', 'verify'])
}

/** Algorithm a key signs certificates and CRLs with: SHA-384 for P-384, otherwise SHA-256; Ed25519 has its own hash. */
export function signingAlgorithmOf({ algorithm }: webcrypto.CryptoKey) {
  const isP384 = 'namedCurve' in algorithm && algorithm.namedCurve === 'P-384'
  return { name: algorithm.name, hash: isP384 ? 'SHA-384' : 'SHA-256' }
}

/** PEM of a private key: PKCS#8 (RFC 5208), not encrypted. */
export function privateKeyPemOf(privateKey: webcrypto.CryptoKey): string {
  return KeyObject.from(privateKey).export({ type: 'pkcs8', format: 'pem' })
}

const rsa = {
  name: 'RSASSA-PKCS1-v1_5',
  hash: 'SHA-256',
  publicExponent: new Uint8Array([1, 0, 1]),
}

const keyAlgorithms: Readonly<
  Record<KeyType, webcrypto.EcKeyGenParams | webcrypto.RsaHashedKeyGenParams>
> = {
  p256: { name: 'ECDSA', namedCurve: 'P-256' },
  p384: { name: 'ECDSA', namedCurve: 'P-384' },
  rsa2048: { ...rsa, modulusLength: 2048 },
  rsa4096: { ...rsa, modulusLength: 4096 },
  // The curve is for the type alone: WebCrypto takes it from the name.
  ed25519: { name: 'Ed25519', namedCurve: 'Ed25519' },
}
