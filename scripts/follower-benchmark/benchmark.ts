import { writeFileSync } from 'node:fs'
import { DEFAULT_LEVEL } from '../../bench/analysis/stats.ts'
import { exitCodeOf } from '../../bench/errors.ts'
import { headOf, pairsPlan, runPairs, type Follower } from './pairs.ts'
import {
  addsNothing,
  describeEffects,
  followerEffects,
  type FollowerWords,
  type TrialRun,
} from './report.ts'

/** A benchmark of something that follows runs: does it add anything to what is measured? */
export interface FollowerBenchmark {
  readonly follower: Follower
  readonly words: FollowerWords
  /** What its parts are called in the file. */
  readonly names: { readonly followed: string; readonly follower: string; readonly seen: string }
  /** What else there is to say when all runs are over. */
  readonly epilogue?: () => string
}

/** Runs pairs by the command line, prints what they came to, and keeps it in `--out`; the exit code, 1 for an effect. */
export async function benchmarkFollower({
  follower,
  words,
  names,
  epilogue,
}: FollowerBenchmark): Promise<number> {
  const plan = pairsPlan()
  const pairs = await runPairs(plan, follower)
  const effects = followerEffects(pairs, DEFAULT_LEVEL)
  const told = [...describeEffects(pairs, effects, words), ...(epilogue ? [epilogue()] : [])]
  process.stdout.write(`${told.join('\n')}\n`)
  if (plan.out !== undefined) {
    const kept = (trial: TrialRun) => ({
      run: headOf(trial),
      [names.follower]: trial.follower,
      [names.seen]: trial.seen,
    })
    const runs = pairs.map(({ followed, without }) => ({
      [names.followed]: kept(followed),
      without: kept(without),
    }))
    const environment = pairs[0]?.followed.run.environment ?? null
    const file = { schema: 1, environment, budget: plan.budget, effects, pairs: runs }
    writeFileSync(plan.out, `${JSON.stringify(file, null, 1)}\n`)
  }
  return addsNothing(effects) ? 0 : 1
}

/** Ends the process with what the work came to, or with one line of why it came to nothing. */
export async function exitWith(work: () => Promise<number>): Promise<void> {
  process.exitCode = await work().catch((error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
    return exitCodeOf(error)
  })
}
