import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { liveScript, liveShell, liveStyle, type LiveContent } from '../render/live-shell.ts'

/** A page on loopback that changes when it is told to. */
export interface PageServer {
  readonly port: number
  /** Replaces the page, and sends what is new to all that look at it: the only moment at which anything is made. */
  publish(content: LiveContent, kind: 'drawn' | 'ended'): void
  close(): void
}

/**
 * Serves one page and its events on 127.0.0.1, at any free port. Between two `publish` it hands out bytes
 * that are ready, and sends nothing unasked.
 */
export async function startPageServer(first: LiveContent): Promise<PageServer> {
  const readers = new Set<ServerResponse>()
  let current = encode(first, 0, 'drawn')
  let hosts: ReadonlySet<string> = new Set()
  const server = createServer({ maxHeaderSize: 16_384 }, (request, response) => {
    const url = request.url ?? ''
    // A page elsewhere may have made its own name mean 127.0.0.1 (DNS rebinding): then this says whose it is.
    if (!hosts.has(request.headers.host?.toLowerCase() ?? '')) {
      refuse(response, 421, `this is http://127.0.0.1:${port}/ and answers to no other name`)
    } else if (request.method !== 'GET') {
      response.setHeader('allow', 'GET')
      refuse(response, 405, 'only GET')
    } else if (url === '/') {
      response.writeHead(200, headersOf('text/html; charset=utf-8')).end(current.page)
    } else if (url === '/events' || url.startsWith('/events?')) follow(request, response)
    else refuse(response, 404, 'there is / and /events')
  })
  const follow = (request: IncomingMessage, response: ServerResponse) => {
    if (readers.size >= mostReaders) {
      refuse(response, 503, `${mostReaders} pages are open already: close one`)
      return
    }
    response.writeHead(200, headersOf('text/event-stream'))
    response.flushHeaders()
    readers.add(response)
    response.once('close', () => readers.delete(response))
    // The page was loaded before, or the connection was lost: it must not wait a block for what is there.
    if (seenBy(request) !== current.version) response.write(current.event)
  }
  server.maxConnections = 4 * mostReaders
  const port = await listen(server)
  hosts = new Set([`127.0.0.1:${port}`, `localhost:${port}`])
  return {
    port,
    publish(content, kind) {
      current = encode(content, current.version + 1, kind)
      for (const reader of readers) reader.write(current.event)
    },
    close() {
      for (const reader of readers) reader.end()
      server.close()
      server.closeIdleConnections()
    },
  }
}

/** A version of the page, as bytes. */
interface Encoded {
  readonly version: number
  readonly page: Buffer
  readonly event: Buffer
}

function encode(content: LiveContent, version: number, kind: 'drawn' | 'ended'): Encoded {
  const { title, status, main } = content
  const data = JSON.stringify({ title, status, main: main.toString() })
  return {
    version,
    page: Buffer.from(liveShell(content, { version, ended: kind === 'ended' })),
    event: Buffer.from(`id: ${version}\nevent: ${kind}\ndata: ${data}\n\n`),
  }
}

/** Version that a reader has: after a lost connection the browser says it, at first the page's own script. */
function seenBy({ headers, url = '' }: IncomingMessage): number {
  const last = headers['last-event-id']
  const text = typeof last === 'string' ? last : (/\?seen=(\d+)$/.exec(url)?.[1] ?? '')
  return text === '' ? -1 : Number(text)
}

function refuse(response: ServerResponse, status: number, why: string): void {
  response.writeHead(status, headersOf('text/plain; charset=utf-8')).end(`${why}\n`)
}

function headersOf(type: string): Record<string, string> {
  return {
    'content-type': type,
    'cache-control': 'no-store',
    'content-security-policy': policy,
    'cross-origin-resource-policy': 'same-origin',
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
  }
}

function listen(server: ReturnType<typeof createServer>): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      if (address === null || typeof address === 'string') reject(new Error('no port was given'))
      else resolve(address.port)
    })
  })
}

function hashOf(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`
}

const policy = [
  "default-src 'none'",
  "connect-src 'self'",
  `script-src ${hashOf(liveScript)}`,
  `style-src ${hashOf(liveStyle)}`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')
/** More than anybody looks at; a program that opens them without end must not take the machine. */
const mostReaders = 16
