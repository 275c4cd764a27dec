import { createServer } from 'node:http'
import type { ScrapeAddress } from './messages.ts'

/** An endpoint that Prometheus reads. */
export interface ScrapeServer {
  readonly port: number
  /** Replaces what is read: between two calls bytes are handed out that are ready, and nothing is made. */
  readonly publish: (text: string) => void
  /** Times that it was read. */
  readonly scrapes: () => number
  /** Resolves when it has been read once more. */
  readonly nextScrape: () => Promise<void>
}

/** Serves `/metrics`; rejects with the system's error where the address cannot be had. */
export async function startScrapeServer({ host, port }: ScrapeAddress): Promise<ScrapeServer> {
  let bytes = Buffer.from('')
  let scrapes = 0
  let next = Promise.withResolvers<undefined>()
  const server = createServer({ maxHeaderSize: 16_384 }, (request, response) => {
    const path = (request.url ?? '').split('?')[0]
    if (path !== '/metrics') response.writeHead(404, plain).end('there is /metrics\n')
    else if (request.method !== 'GET' && request.method !== 'HEAD')
      response.writeHead(405, { ...plain, allow: 'GET, HEAD' }).end('only GET\n')
    else {
      scrapes += 1
      const { resolve } = next
      response.once('close', () => {
        resolve(undefined)
      })
      next = Promise.withResolvers()
      response.writeHead(200, { ...plain, 'content-length': bytes.length }).end(bytes)
    }
  })
  server.maxConnections = mostConnections
  return {
    port: await listen(server, { host, port }),
    publish(text) {
      bytes = Buffer.from(text)
    },
    scrapes: () => scrapes,
    nextScrape: () => next.promise,
  }
}

function listen(
  server: ReturnType<typeof createServer>,
  { host, port }: ScrapeAddress,
): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      const address = server.address()
      if (address === null || typeof address === 'string') reject(new Error('no port was given'))
      else resolve(address.port)
    })
  })
}

/** Of Prometheus 3, which takes no text without it. */
const plain = { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' } as const
/** More than look at it; a program that opens them without end must not take the machine. */
const mostConnections = 64
