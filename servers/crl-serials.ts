import { contentOf, derTags, elementsOf } from './der.ts'

/**
 * Serial numbers on a CRL in DER, in upper-case hexadecimal (RFC 5280 section 5.1). `@peculiar/x509` gives
 * up on lists of 20,000. Throws a RangeError on what is no CRL: a list that cannot be read revokes nobody,
 * so its reader must not go on. Signature and dates are OpenSSL's business, in every handshake.
 */
export function revokedSerials(crl: Buffer): string[] {
  const [tbs] = elementsOf(contentOf(crl))
  if (tbs?.[0] !== derTags.sequence) throw new RangeError('CRL: no list of revocations in it')
  const fields = elementsOf(contentOf(tbs))
  const thisUpdate = fields.findIndex(isTime)
  if (thisUpdate < 0) throw new RangeError('CRL: no time of issue in it')
  const rest = fields.slice(thisUpdate).filter((field) => !isTime(field))
  const list = rest.find(([tag]) => tag === derTags.sequence)
  return list === undefined ? [] : elementsOf(contentOf(list)).map(serialOf)
}

function serialOf(entry: Buffer): string {
  const [serial] = elementsOf(contentOf(entry))
  if (serial?.[0] !== derTags.integer) throw new RangeError('CRL: an entry without serial number')
  return contentOf(serial).toString('hex').toUpperCase()
}

function isTime([tag]: Buffer): boolean {
  return tag === derTags.utcTime || tag === derTags.generalizedTime
}
