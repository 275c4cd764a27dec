import 'reflect-metadata'
import {
  AuthorityKeyIdentifierExtension,
  Extension,
  PemConverter,
  X509CrlGenerator,
} from '@peculiar/x509'
import { KeyObject, sign } from 'node:crypto'

import { contentOf, der, derTags, elementsOf, integerDer } from './der.ts'
import type { Issuer } from './pki-certificate.ts'
import { signingAlgorithmOf } from './pki-keys.ts'

/**
 * Signs a version 2 CRL and returns it as PEM (RFC 5280 section 5). The package writes all but the entries,
 * for which it is quadratic: 5 s for 10,000 of them.
 */
export async function createCrl(request: {
  issuer: Issuer
  /** From 0 to 2^32 - 1, higher in each CRL of an issuer. */
  crlNumber: number
  revokedSerialsHex: readonly string[]
  thisUpdate: Date
  nextUpdate: Date
}): Promise<string> {
  const { issuer, crlNumber, revokedSerialsHex, thisUpdate, nextUpdate } = request
  const { privateKey, publicKey } = issuer.keyPair
  const signingAlgorithm = signingAlgorithmOf(privateKey)
  const crl = await X509CrlGenerator.create({
    issuer: issuer.subject,
    thisUpdate,
    nextUpdate,
    signingAlgorithm,
    signingKey: privateKey,
    entries: [],
    extensions: [
      await AuthorityKeyIdentifierExtension.create(publicKey),
      new Extension(CRL_NUMBER_OID, false, integerDer(wholeBytes(crlNumber))),
    ],
  })
  const serials = [...new Set(revokedSerialsHex.map((serial) => serial.toUpperCase()))]
  const der = withEntries(
    Buffer.from(crl.rawData),
    serials.map((serial) => entryDer(serial, thisUpdate)),
    (tbs) => sign(digestOf(signingAlgorithm), tbs, KeyObject.from(privateKey)),
  )
  // The library's own PEM label is `CRL`: OpenSSL wants that of RFC 7468 section 6.
  return `${PemConverter.encode(der, 'X509 CRL')}\n`
}

/** The same CRL with entries, signed anew; a list of none is left out (RFC 5280 section 5.1.2.6). */
function withEntries(
  crl: Buffer,
  entries: readonly Uint8Array[],
  signatureOf: (tbs: Buffer) => Buffer,
): Buffer<ArrayBuffer> {
  if (entries.length === 0) return Buffer.from(crl)
  const [tbs = crl, algorithm = crl] = elementsOf(contentOf(crl))
  const fields = elementsOf(contentOf(tbs))
  // Extensions, tagged [0], come last, and the list right before them.
  // Joined first: a hundred thousand arguments are more than a call takes.
  const list = der(derTags.sequence, Buffer.concat(entries))
  const filled = der(derTags.sequence, ...fields.slice(0, -1), list, ...fields.slice(-1))
  const signature = der(derTags.bitString, Uint8Array.of(0), signatureOf(filled))
  return der(derTags.sequence, filled, algorithm, signature)
}

/** Every entry says why (RFC 5280 section 5.3.1). */
function entryDer(serialHex: string, revokedAt: Date): Uint8Array {
  if (!/^([0-9A-F]{2})+$/.test(serialHex))
    throw new TypeError(`serial number ${serialHex}: not whole bytes in hex`)
  // YYMMDDHHMMSSZ
  const time = revokedAt
    .toISOString()
    .replace(/[-:T]|\.\d+/g, '')
    .slice(2)
  return der(
    derTags.sequence,
    integerDer(serialHex),
    der(derTags.utcTime, Buffer.from(time, 'latin1')),
    cessationOfOperation,
  )
}

function digestOf({ name, hash }: { readonly name: string; readonly hash: string }): string | null {
  // Ed25519 has its own hash.
  return name === 'Ed25519' ? null : hash.replace('-', '').toLowerCase()
}

function wholeBytes(value: number): string {
  const digits = value.toString(16)
  return digits.padStart(digits.length + (digits.length % 2), '0')
}

const CRL_NUMBER_OID = '2.5.29.20'
/** Extensions of an entry: reasonCode (2.5.29.21), an ENUMERATED of 5 (RFC 5280 section 5.3.1). */
const cessationOfOperation = Buffer.from('300c300a0603551d1504030a0105', 'hex')
