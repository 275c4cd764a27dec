import { spawnSync } from 'node:child_process'
import { closeSync, mkdirSync, openSync, writeFileSync } from 'node:fs'
import { comparisonFiles, readEvent, type Env, type Outcome } from './actions.ts'

// Step: compares the checkout with where its branch left the base. Whatever `compare` says, the step
// succeeds, and leaves it to `gate.ts`: the comment comes first.

/** Commit to compare against: where the checkout's history left the base. Throws where git finds none. */
export function mergeBase(base: string): string {
  const commit = [base, `origin/${base}`].map(commitOf).find((found) => found !== null)
  if (commit == null) throw new Error(`git knows no commit ${JSON.stringify(base)}`)
  const found = git('merge-base', commit, 'HEAD')
  if (found === null) throw new Error(`${commit} and HEAD have no commit in common`)
  return found
}

function compare(env: Env): Outcome {
  const files = comparisonFiles(env)
  const { pullRequest, inputBase } = readEvent(env)
  const base = mergeBase(pullRequest?.baseSha ?? inputBase ?? 'main')
  const stdout = openSync(files.json, 'w')
  const words = ['--live', base, '--markdown', files.markdown, '--fail-on', 'worse', '--json']
  const done = spawnSync('npm', ['run', '-s', 'compare', '--', ...words], {
    stdio: ['ignore', stdout, 'inherit'],
  })
  closeSync(stdout)
  if (done.error !== undefined) throw done.error
  // Killed by a signal: no exit code of its own, and nothing measured.
  return { exitCode: done.status ?? COULD_NOT_MEASURE, base, reason: null }
}

function commitOf(name: string): string | null {
  return git('rev-parse', '--verify', '--quiet', '--end-of-options', `${name}^{commit}`)
}

/** Output of a git command; null where it fails. */
function git(...words: readonly string[]): string | null {
  const done = spawnSync('git', words, { encoding: 'utf8' })
  return done.status === 0 ? done.stdout.trim() : null
}

const COULD_NOT_MEASURE = 3

if (import.meta.main) {
  const { folder, outcome } = comparisonFiles(process.env)
  mkdirSync(folder, { recursive: true })
  let told: Outcome
  try {
    told = compare(process.env)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    told = { exitCode: COULD_NOT_MEASURE, base: null, reason }
  }
  writeFileSync(outcome, `${JSON.stringify(told)}\n`)
  process.stdout.write(`compare: ${JSON.stringify(told)}\n`)
}
