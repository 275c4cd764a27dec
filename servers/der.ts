/** Tags that are met here (X.680 section 8.6). */
export const derTags = {
  integer: 0x02,
  bitString: 0x03,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
} as const

/** One DER element with its tag and length (X.690 section 8.1, lengths by 10.1). */
export function der(tag: number, ...contents: readonly Uint8Array[]): Buffer<ArrayBuffer> {
  const length = contents.reduce((sum, { byteLength }) => sum + byteLength, 0)
  return Buffer.concat([Uint8Array.of(tag, ...lengthOctets(length)), ...contents])
}

/** A DER INTEGER that is not negative, out of whole bytes in hexadecimal. */
export function integerDer(hexadecimal: string): Buffer<ArrayBuffer> {
  const bytes = Buffer.from(hexadecimal, 'hex')
  // A first bit of 1 would make it negative.
  const sign = bytes.readUInt8(0) > 0x7f ? [Uint8Array.of(0)] : []
  return der(derTags.integer, ...sign, bytes)
}

/** Elements that follow each other, each with tag and length; throws a RangeError where one goes beyond the bytes. */
export function elementsOf(bytes: Buffer): Buffer[] {
  const elements: Buffer[] = []
  for (let at = 0; at < bytes.length;) {
    const { end } = extentOf(bytes, at)
    elements.push(bytes.subarray(at, end))
    at = end
  }
  return elements
}

/** What is in an element; throws a RangeError where it is cut off. */
export function contentOf(element: Buffer): Buffer {
  const { start, end } = extentOf(element, 0)
  return element.subarray(start, end)
}

function extentOf(bytes: Buffer, at: number): { start: number; end: number } {
  const first = bytes.readUInt8(at + 1)
  const octets = first < 0x80 ? 0 : first & 0x7f
  // 0x80 is the indefinite length of BER, which DER forbids.
  if (first === 0x80 || octets > longestLength) throw new RangeError('DER: no such length')
  const start = at + 2 + octets
  const end = start + (octets === 0 ? first : bytes.readUIntBE(at + 2, octets))
  if (end > bytes.length) throw new RangeError('DER: an element goes beyond its end')
  return { start, end }
}

function lengthOctets(length: number): number[] {
  if (length < 0x80) return [length]
  const octets: number[] = []
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) octets.unshift(rest % 256)
  return [0x80 | octets.length, ...octets]
}

/** Four octets tell of 4 GiB. */
const longestLength = 4
