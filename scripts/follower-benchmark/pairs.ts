import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { CompanionCpu } from '../../bench/companion/messages.ts'
import { BenchError } from '../../bench/errors.ts'
import { createRandom } from '../../bench/random.ts'
import { readRun } from '../../bench/store.ts'
import type { TrialPair, TrialRun } from './report.ts'

/** What follows a run, and how it is looked at. */
export interface Follower {
  /** Arguments of `bench` that start it. */
  readonly words: readonly string[]
  /** Finds its address in what the bench says on stderr. */
  readonly address: RegExp
  /** Looks at it, as somebody would, until it closes; resolves to how often there was something to see. */
  readonly watch: (url: string) => Promise<number>
}

/** How many pairs of what runs. */
export interface PairsPlan {
  readonly count: number
  readonly budget: string
  readonly scenario: string
  readonly smoke: boolean
  readonly out: string | undefined
}

/** The options that such a benchmark takes; throws a usage error. */
export function pairsPlan(): PairsPlan {
  const { values } = parseArgs({
    options: {
      pairs: { type: 'string', default: '20' },
      budget: { type: 'string', default: '20s' },
      scenario: { type: 'string', default: 'tls' },
      smoke: { type: 'boolean', default: false },
      out: { type: 'string' },
    },
  })
  const { pairs, budget, scenario, smoke, out } = values
  const count = Number(pairs)
  if (!/^\d{1,3}$/.test(pairs) || count < 1)
    throw new BenchError('usage', `--pairs ${pairs}: expected 1 to 999`)
  return { count, budget, scenario, smoke, out }
}

/** Pairs of short runs, each in processes of its own, followed and not; the order within a pair is random. */
export async function runPairs(
  { count, budget, scenario, smoke }: PairsPlan,
  follower: Follower,
): Promise<TrialPair[]> {
  const interrupt = new AbortController()
  process.once('SIGINT', () => {
    interrupt.abort(new BenchError('interrupted', 'interrupted'))
  })
  const random = createRandom(1)
  const pairs: TrialPair[] = []
  for (let pair = 1; pair <= count; pair++) {
    const length = smoke ? ['--smoke'] : ['--budget', budget]
    const words = ['bench', scenario, ...length, '--seed', String(pair)]
    const followedFirst = random() < 0.5
    const first = await trial(words, followedFirst ? follower : null, interrupt.signal)
    const second = await trial(words, followedFirst ? null : follower, interrupt.signal)
    pairs.push(
      followedFirst ? { followed: first, without: second } : { followed: second, without: first },
    )
    process.stderr.write(`pair ${pair} of ${count}\n`)
  }
  return pairs
}

/** What of a run is kept: its figures are in the effects, and its slices would be megabytes. */
export function headOf({ run: { runId, startedAt, blocks, warnings } }: TrialRun) {
  return { runId, startedAt, blocks: blocks.length, warnings }
}

/** One run in processes of its own; a follower is looked at from first to last. */
async function trial(
  words: readonly string[],
  follower: Follower | null,
  signal: AbortSignal,
): Promise<TrialRun> {
  signal.throwIfAborted()
  const results = mkdtempSync(join(tmpdir(), 'trustbench-pairs-'))
  try {
    const launcher = join(import.meta.dirname, '..', 'launch.mjs')
    const more = ['--results', results, ...(follower?.words ?? [])]
    const child = spawn(process.execPath, [launcher, ...words, ...more], {
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    const onAbort = () => child.kill('SIGINT')
    signal.addEventListener('abort', onAbort, { once: true })
    let err = ''
    const watchers: Promise<number>[] = []
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      err += text
      const url = follower?.address.exec(err)?.[1]
      if (follower !== null && url !== undefined && watchers.length === 0)
        watchers.push(follower.watch(url))
    })
    const code = await new Promise((resolve) => child.once('close', resolve))
    signal.removeEventListener('abort', onAbort)
    signal.throwIfAborted()
    if (code !== 0) throw new BenchError('measurement-failed', err.trim().split('\n').at(-1) ?? '')
    const [seen = 0] = await Promise.all(watchers)
    if (follower !== null && seen === 0)
      throw new BenchError('measurement-failed', 'nobody could look at it: nothing came')
    const [file = ''] = readdirSync(results).filter((name) => name.endsWith('.json'))
    return {
      run: readRun(join(results, file)).run,
      follower: follower === null ? null : followerCpu(err),
      seen,
    }
  } finally {
    rmSync(results, { recursive: true, force: true })
  }
}

/** From the line in which the bench tells it. */
function followerCpu(err: string): CompanionCpu {
  const [, inBlocks, between] =
    /used ([\d.]+) ms of CPU while blocks ran, ([\d.]+) ms between/.exec(err) ?? []
  if (inBlocks === undefined || between === undefined)
    throw new BenchError('measurement-failed', 'the follower did not last: its CPU is not told')
  return { inBlocksUs: Number(inBlocks) * 1_000, betweenBlocksUs: Number(between) * 1_000 }
}
