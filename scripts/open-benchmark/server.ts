import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { performance } from 'node:perf_hooks'

// A server of known latency: `server.ts DELAY_MS STALL_AT_MS STALL_MS`. It answers after DELAY_MS, and
// once, STALL_AT_MS after its first request, does nothing at all for STALL_MS.

/** What the server itself saw. */
export interface ServerReport {
  /** Arrivals of requests in ms from the first. */
  readonly arrivalsMs: number[]
  /** Request to answer by the server's own clock, sorted. */
  readonly latenciesMs: number[]
}

const [delayMs = 0, stallAtMs = 0, stallMs = 0] = process.argv.slice(2).map(Number)
const arrivals: number[] = []
const latencies: number[] = []
const body = '{"ok":true}'

const server = createServer((_request, response) => {
  const atMs = performance.now()
  if (arrivals.length === 0 && stallMs > 0) setTimeout(stall, stallAtMs)
  arrivals.push(atMs)
  const answer = () => {
    response.writeHead(200, { 'content-length': body.length }).end(body)
    latencies.push(performance.now() - atMs)
  }
  if (delayMs > 0) setTimeout(answer, delayMs)
  else answer()
})

/** Sleeps the whole thread, as a long collection of garbage or a page fault storm would. */
function stall(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, stallMs)
}

server.listen(0, '127.0.0.1', () => {
  process.send?.({ port: (server.address() as AddressInfo).port })
})
process.once('disconnect', () => process.exit(0))
process.on('message', () => {
  const [first = 0] = arrivals
  const report: ServerReport = {
    arrivalsMs: arrivals.splice(0).map((atMs) => atMs - first),
    latenciesMs: latencies.splice(0).sort((a, b) => a - b),
  }
  process.send?.(report)
})
