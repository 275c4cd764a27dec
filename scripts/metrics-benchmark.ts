import { once } from 'node:events'
import { createServer } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { benchmarkFollower, exitWith } from './follower-benchmark/benchmark.ts'

// Do `bench --metrics-otlp` and `--metrics-prometheus` add anything to what is measured? Pairs of short runs,
// with a receiver and a Prometheus that reads every 5 s, and without; the order within a pair is random.
//   node scripts/metrics-benchmark.ts [--pairs 20] [--budget 20s] [--scenario tls] [--smoke] [--out file.json]

async function run(): Promise<number> {
  await using receiver = await startReceiver()
  // Awaited: the receiver ends with it.
  return await benchmarkFollower({
    follower: {
      words: ['--metrics-otlp', receiver.url, '--metrics-prometheus', '0'],
      address: /^metrics: (http:\S+)\n/m,
      watch: countScrapes,
    },
    words: { process: 'the exporter’s process', seen: 'times that the endpoint was read' },
    names: { followed: 'withMetrics', follower: 'exporter', seen: 'scrapes' },
    epilogue: () => `exports received: ${receiver.exports()}`,
  })
}

/** A receiver of OTLP that takes everything and keeps nothing. */
async function startReceiver() {
  let exports = 0
  const server = createServer((request, response) => {
    request.resume().once('end', () => {
      exports += 1
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = address !== null && typeof address === 'object' ? address.port : 0
  return {
    url: `http://127.0.0.1:${port}`,
    exports: () => exports,
    [Symbol.asyncDispose]: () =>
      new Promise<void>((resolve) => {
        server.close(() => {
          resolve()
        })
        server.closeAllConnections()
      }),
  }
}

/** Reads the endpoint until it is gone, as often as an eager Prometheus does. */
async function countScrapes(url: string): Promise<number> {
  for (let scrapes = 0; ; scrapes++) {
    const text = await fetch(url)
      .then((response) => response.text())
      .catch(() => null)
    if (text === null) return scrapes
    await sleep(scrapeMs)
  }
}

/** Three times as often as Prometheus in most installations. */
const scrapeMs = 5_000

if (import.meta.main) await exitWith(run)
