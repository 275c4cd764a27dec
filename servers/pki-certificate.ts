import 'reflect-metadata'
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  Name,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509CertificateGenerator,
} from '@peculiar/x509'
import type { Extension, JsonGeneralNames, X509Certificate } from '@peculiar/x509'
import { randomBytes } from 'node:crypto'
import type { webcrypto } from 'node:crypto'

import { signingAlgorithmOf } from './pki-keys.ts'

/** Purposes a leaf certificate may state (RFC 5280 section 4.2.1.12). */
export type Purpose = 'serverAuth' | 'clientAuth' | 'ocspSigning'

/** Who signs: the name in `issuer`, and the key. */
export interface Issuer {
  readonly subject: Name
  readonly keyPair: webcrypto.CryptoKeyPair
}

/** What a leaf certificate states about its holder. */
export interface LeafProfile {
  readonly purposes: readonly Purpose[]
  readonly dnsNames: readonly string[]
  readonly ipAddresses: readonly string[]
  readonly uris: readonly string[]
}

/** Signs a version 3 certificate with a random serial number and both key identifiers (RFC 5280 section 4). */
export async function signCertificate(request: {
  subject: Name
  publicKey: webcrypto.CryptoKey
  issuer: Issuer
  validity: { notBefore: Date; notAfter: Date }
  extensions: readonly Extension[]
}): Promise<X509Certificate> {
  const { subject, publicKey, issuer, validity, extensions } = request
  const { privateKey, publicKey: issuerPublicKey } = issuer.keyPair
  return X509CertificateGenerator.create({
    serialNumber: randomSerialHex(),
    subject,
    issuer: issuer.subject,
    ...validity,
    publicKey,
    signingKey: privateKey,
    signingAlgorithm: signingAlgorithmOf(privateKey),
    extensions: [
      ...extensions,
      await SubjectKeyIdentifierExtension.create(publicKey),
      await AuthorityKeyIdentifierExtension.create(issuerPublicKey),
    ],
  })
}

/** Extensions of a certificate authority with at most `pathLength` authorities below it. */
export function authorityExtensions(pathLength: number): Extension[] {
  return [
    new BasicConstraintsExtension(true, pathLength, true),
    new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
  ]
}

/** Extensions of a server's or client's certificate. */
export function leafExtensions(profile: LeafProfile): Extension[] {
  const names: JsonGeneralNames = [
    ...profile.dnsNames.map((value) => ({ type: 'dns' as const, value })),
    ...profile.ipAddresses.map((value) => ({ type: 'ip' as const, value })),
    ...profile.uris.map((value) => ({ type: 'url' as const, value })),
  ]
  return [
    new BasicConstraintsExtension(false, undefined, true),
    // Enough for RSA too: TLS 1.3 and the ephemeral suites of TLS 1.2 only sign.
    new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
    new ExtendedKeyUsageExtension(profile.purposes.map((purpose) => ExtendedKeyUsage[purpose])),
    // An empty list is not allowed (RFC 5280 section 4.2.1.6).
    ...(names.length > 0 ? [new SubjectAlternativeNameExtension(names)] : []),
  ]
}

/** A distinguished name of a common name alone. */
export function nameOf(commonName: string): Name {
  // As a plain string the library would read it as RFC 4514 text: `#`, quotes and `\\` have a meaning there.
  return new Name([{ CN: [{ utf8String: commonName }] }])
}

/** PEM of a certificate, with the line end that lets PEMs be joined. */
export function pemOf(certificate: X509Certificate): string {
  return `${certificate.toString('pem')}\n`
}

/** 16 random bytes with the first from 0x40 to 0x7f: a positive INTEGER, always 32 digits long. */
function randomSerialHex(): string {
  const bytes = randomBytes(16)
  bytes.writeUInt8((bytes.readUInt8(0) & 0x3f) | 0x40, 0)
  return bytes.toString('hex')
}
