/** One element of a DER sequence (X.690): where its content begins and ends. */
interface Element {
  readonly tag: number
  readonly start: number
  readonly end: number
}

/**
 * A session that still has its ticket, but no longer the secret it was issued with: one bit of the
 * master key of OpenSSL's SSL_SESSION (TLS 1.3: of the resumption PSK) is changed.
 */
export function alterSessionSecret(session: Buffer): Buffer {
  const outer = elementAt(session, sessionStart(session))
  const octetStrings = childrenOf(session, outer).filter(({ tag }) => tag === octetString)
  // SSL_SESSION: version, ssl_version, cipher, session_id, master_key, …
  const masterKey = octetStrings[2]
  if (masterKey === undefined || masterKey.end - masterKey.start < minSecretBytes) {
    throw new Error('this session is no SSL_SESSION as OpenSSL writes it')
  }
  const altered = Buffer.from(session)
  altered.writeUInt8(altered.readUInt8(masterKey.start) ^ 1, masterKey.start)
  return altered
}

/** Node 26 puts the server's name before the session: a mark, two bytes of length, the name. */
function sessionStart(session: Buffer): number {
  if (!session.subarray(0, nodeMark.length).equals(nodeMark)) return 0
  return nodeMark.length + 2 + session.readUInt16BE(nodeMark.length)
}

/** Elements of a constructed one, in their order. */
export function childrenOf(der: Buffer, parent: { start: number; end: number }): Element[] {
  const children: Element[] = []
  for (let offset = parent.start; offset < parent.end;) {
    const child = elementAt(der, offset)
    children.push(child)
    offset = child.end
  }
  return children
}

/** The element that begins at an offset; throws a RangeError when the bytes end too early. */
export function elementAt(der: Buffer, offset: number): Element {
  const tag = der.readUInt8(offset)
  const first = der.readUInt8(offset + 1)
  const lengthBytes = first & longForm ? first & ~longForm : 0
  const length = lengthBytes === 0 ? first : der.readUIntBE(offset + 2, lengthBytes)
  const start = offset + 2 + lengthBytes
  if (start + length > der.length) throw new RangeError(`DER element at ${offset} is cut off`)
  return { tag, start, end: start + length }
}

const nodeMark = Buffer.from('\0nodejs:tls:session:1\0')
const octetString = 0x04
const longForm = 0x80
/** TLS 1.3 has 32 bytes with SHA-256, TLS 1.2 has 48. */
const minSecretBytes = 32
