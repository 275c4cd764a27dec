import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { DEFAULT_LEVEL } from '../bench/analysis/stats.ts'
import { exitCodeOf } from '../bench/errors.ts'
import { headOf, pairsPlan, runPairs } from './live-benchmark/pairs.ts'
import {
  addsNothing,
  describeEffects,
  followerEffects,
  type TrialRun,
} from './live-benchmark/report.ts'

// Do `bench --metrics-otlp` and `--metrics-prometheus` add anything to what is measured? Pairs of short runs,
// with a receiver and a Prometheus that reads every 5 s, and without; the order within a pair is random.
//   node scripts/metrics-benchmark.ts [--pairs 20] [--budget 20s] [--scenario tls] [--smoke] [--out file.json]

async function run(): Promise<number> {
  const plan = pairsPlan()
  await using receiver = await startReceiver()
  const pairs = await runPairs(plan, {
    words: ['--metrics-otlp', receiver.url, '--metrics-prometheus', '0'],
    address: /^metrics: (http:\S+)\n/m,
    watch: countScrapes,
  })
  const effects = followerEffects(pairs, DEFAULT_LEVEL)
  const words = { process: 'the exporter’s process', seen: 'times that the endpoint was read' }
  const told = describeEffects(pairs, effects, words)
  process.stdout.write(`${told.join('\n')}\nexports received: ${receiver.exports()}\n`)
  if (plan.out !== undefined) {
    const kept = (trial: TrialRun) => ({
      run: headOf(trial),
      exporter: trial.follower,
      scrapes: trial.seen,
    })
    const runs = pairs.map(({ followed, without }) => ({
      withMetrics: kept(followed),
      without: kept(without),
    }))
    const environment = pairs[0]?.followed.run.environment ?? null
    const file = { schema: 1, environment, budget: plan.budget, effects, pairs: runs }
    writeFileSync(plan.out, `${JSON.stringify(file, null, 1)}\n`)
  }
  return addsNothing(effects) ? 0 : 1
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

if (import.meta.main) {
  process.exitCode = await run().catch((error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
    return exitCodeOf(error)
  })
}
