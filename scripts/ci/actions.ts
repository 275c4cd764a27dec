import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

// Steps of the workflow run where nothing is installed: they import Node's own modules and each other.

/** Environment variables of a step. */
export type Env = Readonly<Record<string, string | undefined>>

/** What started the workflow, as far as the steps need it. */
export interface WorkflowEvent {
  /** Null where it was started by hand. */
  readonly pullRequest: PullRequest | null
  /** Base that was named by hand. */
  readonly inputBase: string | null
}

/** The pull request of an event. */
export interface PullRequest {
  readonly number: number
  readonly baseSha: string
  /** `owner/name` that the branch is in; null where that repository is gone. */
  readonly headRepository: string | null
}

/** What `compare` came to, as one job tells the other. */
export interface Outcome {
  readonly exitCode: number
  /** Commit that was compared against; null where none was found. */
  readonly base: string | null
  /** What went wrong before `compare` could start. */
  readonly reason: string | null
}

/** Files of a comparison, in the folder that the artifact is made of. */
export function comparisonFiles(env: Env) {
  const folder = join(required(env, 'RUNNER_TEMP'), 'comparison')
  return {
    folder,
    markdown: join(folder, 'comparison.md'),
    json: join(folder, 'comparison.json'),
    outcome: join(folder, 'outcome.json'),
  }
}

/** The event that GitHub wrote for the step; throws where there is none. */
export function readEvent(env: Env): WorkflowEvent {
  return parseEvent(JSON.parse(readFileSync(required(env, 'GITHUB_EVENT_PATH'), 'utf8')))
}

/** The event out of unknown JSON; throws a TypeError where a pull request has no number or base. */
export function parseEvent(value: unknown): WorkflowEvent {
  const inputBase = textAt(value, 'inputs', 'base')
  if (at(value, 'pull_request') === undefined) return { pullRequest: null, inputBase }
  const number = at(value, 'pull_request', 'number')
  const baseSha = textAt(value, 'pull_request', 'base', 'sha')
  if (typeof number !== 'number' || !Number.isSafeInteger(number) || baseSha === null) {
    throw new TypeError('event: pull_request has no number or no base.sha')
  }
  const headRepository = textAt(value, 'pull_request', 'head', 'repo', 'full_name')
  return { pullRequest: { number, baseSha, headRepository }, inputBase }
}

/** The outcome of the comparison; null where that job did not come so far. */
export function readOutcome(env: Env): Outcome | null {
  const { outcome } = comparisonFiles(env)
  if (!existsSync(outcome)) return null
  const value: unknown = JSON.parse(readFileSync(outcome, 'utf8'))
  const exitCode = at(value, 'exitCode')
  if (typeof exitCode !== 'number') throw new TypeError(`${outcome}: has no exitCode`)
  return { exitCode, base: textAt(value, 'base'), reason: textAt(value, 'reason') }
}

/** Appends to the job's summary; to stdout where there is none. */
export function writeSummary(env: Env, markdown: string): void {
  const file = env['GITHUB_STEP_SUMMARY']
  if (file === undefined || file === '') process.stdout.write(`${markdown}\n`)
  else appendFileSync(file, `${markdown}\n`)
}

/** A variable that GitHub always sets; throws where it is missing. */
export function required(env: Env, name: string): string {
  const value = env[name]
  if (value === undefined || value === '') throw new TypeError(`${name} is not set`)
  return value
}

/** What stands at a path of keys in unknown JSON; undefined where the path breaks off. */
export function at(value: unknown, ...path: readonly string[]): unknown {
  return path.reduce<unknown>((inner, key) => {
    if (typeof inner !== 'object' || inner === null) return undefined
    const known: Readonly<Record<string, unknown>> = { ...inner }
    return Object.hasOwn(known, key) ? known[key] : undefined
  }, value)
}

/** Text at a path of keys; null where there is none. */
export function textAt(value: unknown, ...path: readonly string[]): string | null {
  const found = at(value, ...path)
  return typeof found === 'string' && found !== '' ? found : null
}
