import { writeFileSync } from 'node:fs'
import { get } from 'node:http'
import { DEFAULT_LEVEL } from '../bench/analysis/stats.ts'
import { exitCodeOf } from '../bench/errors.ts'
import { headOf, pairsPlan, runPairs } from './live-benchmark/pairs.ts'
import {
  addsNothing,
  describeEffects,
  followerEffects,
  type TrialRun,
} from './live-benchmark/report.ts'

// Does `bench --open` add anything to what is measured? Pairs of short runs, with the page and a reader
// of its events, and without; the order within a pair is random.
//   node scripts/live-benchmark.ts [--pairs 20] [--budget 20s] [--scenario tls] [--out file.json]

async function run(): Promise<number> {
  const plan = pairsPlan()
  const pairs = await runPairs(plan, {
    words: ['--open'],
    address: /live page: (http:\S+)\n/,
    watch: countEvents,
  })
  const effects = followerEffects(pairs, DEFAULT_LEVEL)
  const words = { process: 'the page’s process', seen: 'events read' }
  process.stdout.write(`${describeEffects(pairs, effects, words).join('\n')}\n`)
  if (plan.out !== undefined) {
    const kept = (trial: TrialRun) => ({
      run: headOf(trial),
      page: trial.follower,
      events: trial.seen,
    })
    const runs = pairs.map(({ followed, without }) => ({
      withPage: kept(followed),
      without: kept(without),
    }))
    const environment = pairs[0]?.followed.run.environment ?? null
    const told = { schema: 1, environment, budget: plan.budget, effects, pairs: runs }
    writeFileSync(plan.out, `${JSON.stringify(told, null, 1)}\n`)
  }
  return addsNothing(effects) ? 0 : 1
}

/** Reads a page's events until it closes, as a browser would; none where it is not there. */
function countEvents(url: string): Promise<number> {
  return new Promise((resolve) => {
    get(`${url}events?seen=0`, { agent: false }, (response) => {
      let count = 0
      response.setEncoding('utf8').on('data', (text: string) => {
        count += text.match(/^event: /gm)?.length ?? 0
      })
      response.once('close', () => {
        resolve(count)
      })
    }).once('error', () => {
      resolve(0)
    })
  })
}

if (import.meta.main) {
  process.exitCode = await run().catch((error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
    return exitCodeOf(error)
  })
}
