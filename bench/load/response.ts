/** What a complete, expected response was. */
export interface ResponseSeen {
  readonly status: number
  readonly bytes: number
}

/** Reads responses of one connection without pipelining: at most one is under way. */
export interface ResponseReader {
  /**
   * The response once it is whole, `incomplete` before, or one line about what was wrong with it.
   * Only the first `length` bytes of the chunk count, if told; the chunk may be reused afterwards.
   */
  push(chunk: Buffer, length?: number): ResponseSeen | 'incomplete' | `wrong ${string}`
}

/**
 * A light HTTP/1.1 response reader (RFC 9112): status line, Content-Length, body; no chunked coding,
 * which no reference server uses. Every response is compared with the expected one, byte by byte.
 * One that equals, from first to last byte, the last response that was read and found right is
 * right too: responses of a second differ from those of the one before by their Date alone.
 */
export function createResponseReader(expect: {
  readonly status: number
  readonly body: Buffer
}): ResponseReader {
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

function read(
  buffer: Buffer,
  expect: { readonly status: number; readonly body: Buffer },
): ResponseSeen | 'incomplete' | `wrong ${string}` {
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
  if (status !== expect.status)
    return `wrong status: ${head.slice(9, 12)} instead of ${expect.status}`
  const length = contentLength(head)
  if (length === null) return 'wrong response: no Content-Length'
  const bodyStart = headEnd + headTerminator.length
  if (buffer.length < bodyStart + length) return 'incomplete'
  if (buffer.length > bodyStart + length) return 'wrong response: bytes after its end'
  if (buffer.compare(expect.body, 0, expect.body.length, bodyStart) !== 0) {
    return `wrong body: ${length} bytes instead of the ${expect.body.length} expected ones`
  }
  return { status, bytes: buffer.length }
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
// As much as Node itself accepts.
const maxHeadBytes = 16_384
