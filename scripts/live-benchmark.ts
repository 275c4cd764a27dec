import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { get } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { DEFAULT_LEVEL } from '../bench/analysis/stats.ts'
import { BenchError, exitCodeOf } from '../bench/errors.ts'
import { createRandom } from '../bench/random.ts'
import { readRun } from '../bench/store.ts'
import {
  addsNothing,
  describeEffects,
  pageEffects,
  type TrialPair,
  type TrialRun,
} from './live-benchmark/report.ts'

// Does `bench --open` add anything to what is measured? Pairs of short runs, with the page and a reader
// of its events, and without; the order within a pair is random.
//   node scripts/live-benchmark.ts [--pairs 20] [--budget 20s] [--scenario tls] [--out file.json]

async function run(): Promise<number> {
  const { values } = parseArgs({
    options: {
      pairs: { type: 'string', default: '20' },
      budget: { type: 'string', default: '20s' },
      scenario: { type: 'string', default: 'tls' },
      smoke: { type: 'boolean', default: false },
      out: { type: 'string' },
    },
  })
  const count = Number(values.pairs)
  if (!/^\d{1,3}$/.test(values.pairs) || count < 1)
    throw new BenchError('usage', `--pairs ${values.pairs}: expected 1 to 999`)
  const interrupt = new AbortController()
  process.once('SIGINT', () => {
    interrupt.abort(new BenchError('interrupted', 'interrupted'))
  })
  const length = values.smoke ? ['--smoke'] : ['--budget', values.budget]
  const random = createRandom(1)
  const pairs: TrialPair[] = []
  for (let pair = 1; pair <= count; pair++) {
    const words = ['bench', values.scenario, ...length, '--seed', String(pair)]
    const pageFirst = random() < 0.5
    const first = await trial(words, pageFirst, interrupt.signal)
    const second = await trial(words, !pageFirst, interrupt.signal)
    pairs.push(
      pageFirst ? { withPage: first, without: second } : { withPage: second, without: first },
    )
    process.stderr.write(`pair ${pair} of ${count}\n`)
  }
  const effects = pageEffects(pairs, DEFAULT_LEVEL)
  process.stdout.write(`${describeEffects(pairs, effects).join('\n')}\n`)
  if (values.out !== undefined) {
    const runs = pairs.map(({ withPage, without }) => ({
      withPage: { ...withPage, run: headOf(withPage) },
      without: { ...without, run: headOf(without) },
    }))
    const environment = pairs[0]?.withPage.run.environment ?? null
    const told = { schema: 1, environment, budget: values.budget, effects, pairs: runs }
    writeFileSync(values.out, `${JSON.stringify(told, null, 1)}\n`)
  }
  return addsNothing(effects) ? 0 : 1
}

/** What of a run is kept: its figures are in the effects, and its slices would be megabytes. */
function headOf({ run: { runId, startedAt, blocks, warnings } }: TrialRun) {
  return { runId, startedAt, blocks: blocks.length, warnings }
}

/** One run in processes of its own; with the page, somebody looks at it from first to last. */
async function trial(
  words: readonly string[],
  withPage: boolean,
  signal: AbortSignal,
): Promise<TrialRun> {
  signal.throwIfAborted()
  const results = mkdtempSync(join(tmpdir(), 'trustbench-live-benchmark-'))
  try {
    const launcher = join(import.meta.dirname, 'launch.mjs')
    const more = ['--results', results, ...(withPage ? ['--open'] : [])]
    const child = spawn(process.execPath, [launcher, ...words, ...more], {
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    const onAbort = () => child.kill('SIGINT')
    signal.addEventListener('abort', onAbort, { once: true })
    let err = ''
    const readers: Promise<number>[] = []
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      err += text
      const url = /live page: (http:\S+)\n/.exec(err)?.[1]
      if (url !== undefined && readers.length === 0) readers.push(countEvents(url))
    })
    const code = await new Promise((resolve) => child.once('close', resolve))
    signal.removeEventListener('abort', onAbort)
    signal.throwIfAborted()
    if (code !== 0) throw new BenchError('measurement-failed', err.trim().split('\n').at(-1) ?? '')
    const [events = 0] = await Promise.all(readers)
    if (withPage && events === 0)
      throw new BenchError('measurement-failed', 'nobody could read the page: no event came')
    const [file = ''] = readdirSync(results).filter((name) => name.endsWith('.json'))
    return {
      run: readRun(join(results, file)).run,
      page: withPage ? pageCpu(err) : null,
      events,
    }
  } finally {
    rmSync(results, { recursive: true, force: true })
  }
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

/** From the line in which the bench tells it. */
function pageCpu(err: string): TrialRun['page'] {
  const [, inBlocks, between] =
    /used ([\d.]+) ms of CPU while blocks ran, ([\d.]+) ms between/.exec(err) ?? []
  if (inBlocks === undefined || between === undefined)
    throw new BenchError('measurement-failed', 'the page did not last: its CPU is not told')
  return { inBlocksUs: Number(inBlocks) * 1_000, betweenBlocksUs: Number(between) * 1_000 }
}

if (import.meta.main) {
  process.exitCode = await run().catch((error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
    return exitCodeOf(error)
  })
}
