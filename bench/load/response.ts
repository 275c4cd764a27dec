import { createHash } from 'node:crypto'

/** What a complete, expected response was. */
export interface ResponseSeen {
  readonly status: number
  readonly bytes: number
  /** The server says that it ends the connection now (RFC 9112 section 9.6). */
  readonly closes?: true
}

/** Reads responses of one connection without pipelining: at most one is under way. */
export interface ResponseReader {
  /**
   * The response once it is whole, `incomplete` before, or one line about what was wrong with it.
   * Only the first `length` bytes of the chunk count, if told; the chunk may be reused afterwards.
   */
  push(chunk: Buffer, length?: number): ResponseSeen | 'incomplete' | `wrong ${string}`
}

/** The answer that is right: its status and, unless any will do, its body. */
export interface Expected {
  readonly status: number
  readonly body: Buffer | null
  /** Other statuses that are as good; default: none. */
  readonly otherStatuses?: readonly number[]
  /** SHA-256 of the body in hexadecimal; default: any will do. */
  readonly bodySha256?: string
  /** Of a HEAD, whose answer ends with its head whatever its fields say (RFC 9110 section 9.3.2). */
  readonly headOnly?: true
}

/**
 * A light HTTP/1.1 response reader (RFC 9112): status line, Content-Length or chunked coding, body.
 * Every response is compared with the expected one, byte by byte. One that equals, from first to last byte, the last response that was read and found right is
 * right too: responses of a second differ from those of the one before by their Date alone.
 */
export function createResponseReader(expect: Expected): ResponseReader {
  let pending: Buffer | null = null
  let right = Buffer.alloc(0)
  let seen: ResponseSeen = { status: expect.status, bytes: 0 }
  return {
    push(chunk, length = chunk.length) {
      if (
        pending === null &&
        length === seen.bytes &&
        length > 0 &&
        chunk.compare(right, 0, length, 0, length) === 0
      ) {
        return seen
      }
      const fresh = chunk.subarray(0, length)
      const buffer = Buffer.concat(pending === null ? [fresh] : [pending, fresh])
      const outcome = read(buffer, expect)
      pending = outcome === 'incomplete' ? buffer : null
      if (typeof outcome === 'object') {
        right = buffer
        seen = outcome
      }
      return outcome
    },
  }
}

function read(buffer: Buffer, expect: Expected): ResponseSeen | 'incomplete' | `wrong ${string}` {
  const headEnd = buffer.indexOf(headTerminator)
  if (headEnd < 0) {
    return buffer.length > maxHeadBytes
      ? `wrong response: no end of head in ${buffer.length} bytes`
      : 'incomplete'
  }
  const head = buffer.toString('latin1', 0, headEnd)
  if (!head.startsWith('HTTP/1.1 '))
    return `wrong response: starts with ${JSON.stringify(head.slice(0, 20))}`
  const status = Number(head.slice(9, 12))
  if (status !== expect.status && expect.otherStatuses?.includes(status) !== true)
    return `wrong status: ${head.slice(9, 12)} instead of ${expect.status}`
  const bodyStart = headEnd + headTerminator.length
  // RFC 9110 section 6.4.1: these have none, and so neither length nor coding.
  const framed =
    status === 204 || status === 304 || expect.headOnly === true
      ? { body: buffer.subarray(bodyStart, bodyStart), end: bodyStart }
      : readBody(buffer, head, bodyStart)
  if (typeof framed === 'string') return framed
  if (buffer.length > framed.end) return 'wrong response: bytes after its end'
  if (expect.body !== null && !framed.body.equals(expect.body)) {
    return `wrong body: ${framed.body.length} bytes instead of the ${expect.body.length} expected ones`
  }
  if (expect.bodySha256 !== undefined && sha256(framed.body) !== expect.bodySha256)
    return 'wrong body: its SHA-256 is not the expected one'
  const seen = { status, bytes: buffer.length }
  return /\r\nconnection: *close *(\r\n|$)/i.test(head) ? { ...seen, closes: true } : seen
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** Body by its framing (RFC 9112 section 6.3); a body that lasts until the connection closes is refused. */
function readBody(
  buffer: Buffer,
  head: string,
  start: number,
): { readonly body: Buffer; readonly end: number } | 'incomplete' | `wrong ${string}` {
  const length = contentLength(head)
  if (length !== null) {
    const end = start + length
    return buffer.length < end ? 'incomplete' : { body: buffer.subarray(start, end), end }
  }
  return /\r\ntransfer-encoding: *chunked(\r\n|$)/i.test(head)
    ? readChunks(buffer, start)
    : 'wrong response: neither Content-Length nor chunked coding'
}

/** RFC 9112 section 7.1; a trailer section, which nobody asked for, is refused. */
function readChunks(
  buffer: Buffer,
  start: number,
): { readonly body: Buffer; readonly end: number } | 'incomplete' | `wrong ${string}` {
  const chunks: Buffer[] = []
  for (let at = start; ;) {
    const lineEnd = buffer.indexOf('\r\n', at)
    if (lineEnd < 0) {
      return buffer.length - at > maxChunkLine ? 'wrong response: no size of a chunk' : 'incomplete'
    }
    const line = buffer.toString('latin1', at, lineEnd)
    const digits = /^([0-9a-f]{1,8})(;|$)/i.exec(line)?.[1]
    if (digits === undefined)
      return `wrong response: a chunk of size ${JSON.stringify(line.slice(0, 20))}`
    const size = Number.parseInt(digits, 16)
    const dataStart = lineEnd + 2
    const dataEnd = dataStart + size
    if (buffer.length < dataEnd + 2) return 'incomplete'
    if (buffer.toString('latin1', dataEnd, dataEnd + 2) !== '\r\n')
      return 'wrong response: a chunk is not of its size'
    if (size === 0) return { body: Buffer.concat(chunks), end: dataEnd + 2 }
    chunks.push(buffer.subarray(dataStart, dataEnd))
    at = dataEnd + 2
  }
}

function contentLength(head: string): number | null {
  // Both spellings that Node and Fastify write, found without lower-casing the whole head each time.
  let at = head.indexOf('\r\ncontent-length: ')
  if (at < 0) at = head.indexOf('\r\nContent-Length: ')
  if (at < 0) at = head.toLowerCase().indexOf('\r\ncontent-length: ')
  if (at < 0) return null
  const start = at + lengthHeader.length
  const end = head.indexOf('\r\n', start)
  const value = head.slice(start, end < 0 ? undefined : end)
  return /^\d{1,9}$/.test(value) ? Number(value) : null
}

const headTerminator = Buffer.from('\r\n\r\n')
const lengthHeader = '\r\ncontent-length: '
const maxChunkLine = 256
// As much as Node itself accepts.
const maxHeadBytes = 16_384
