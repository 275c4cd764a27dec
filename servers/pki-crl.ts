import 'reflect-metadata'
import {
  AuthorityKeyIdentifierExtension,
  Extension,
  PemConverter,
  X509CrlGenerator,
  X509CrlReason,
} from '@peculiar/x509'

import type { Issuer } from './pki-certificate.ts'
import { signingAlgorithmOf } from './pki-keys.ts'

/** Signs a version 2 CRL and returns it as PEM (RFC 5280 section 5); quadratic in its entries, so for some hundred of them. */
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
  const serials = new Set(revokedSerialsHex.map((serial) => serial.toUpperCase()))
  const crl = await X509CrlGenerator.create({
    issuer: issuer.subject,
    thisUpdate,
    nextUpdate,
    signingAlgorithm: signingAlgorithmOf(privateKey),
    signingKey: privateKey,
    entries: [...serials].map((serialNumber) => ({
      serialNumber,
      revocationDate: thisUpdate,
      // Without a reason the library writes an empty extension list, which RFC 5280 forbids.
      reason: X509CrlReason.cessationOfOperation,
    })),
    extensions: [
      await AuthorityKeyIdentifierExtension.create(publicKey),
      new Extension(CRL_NUMBER_OID, false, derInteger(crlNumber)),
    ],
  })
  // The library's own PEM label is `CRL`: OpenSSL wants that of RFC 7468 section 6.
  return `${PemConverter.encode(crl.rawData, 'X509 CRL')}\n`
}

function derInteger(value: number): Uint8Array<ArrayBuffer> {
  const digits = value.toString(16)
  const content = Buffer.from(digits.padStart(digits.length + (digits.length % 2), '0'), 'hex')
  // A first bit of 1 would make it negative.
  const sign = content.readUInt8(0) > 0x7f ? [0] : []
  return Uint8Array.from([0x02, sign.length + content.length, ...sign, ...content])
}

const CRL_NUMBER_OID = '2.5.29.20'
