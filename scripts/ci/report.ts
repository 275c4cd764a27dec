import { existsSync, readFileSync } from 'node:fs'
import {
  comparisonFiles,
  readEvent,
  readOutcome,
  required,
  writeSummary,
  type Env,
} from './actions.ts'
import { MARKER, stick, type Thread } from './sticky.ts'

// Step: shows the comparison in the one comment of ours on the pull request; where no comment may be
// written, in the job's summary. It succeeds either way: the verdict is `gate.ts`'s.

/** Shows what was compared, or that nothing could be; returns where, in a sentence. */
export async function report(env: Env): Promise<string> {
  const body = bodyOf(env)
  const thread = threadOf(env)
  if (typeof thread === 'string') return toSummary(env, body, thread)
  if (body.length > MOST_CHARACTERS) {
    return toSummary(env, body, `${body.length} characters are too many for a comment`)
  }
  try {
    return `comment ${await stick(thread, body)}`
  } catch (error) {
    return toSummary(env, body, error instanceof Error ? error.message : String(error))
  }
}

/** The comment, or what stands in the way of one. */
function threadOf(env: Env): Thread | string {
  const { pullRequest } = readEvent(env)
  const repository = required(env, 'GITHUB_REPOSITORY')
  const token = env['GITHUB_TOKEN'] ?? ''
  if (pullRequest === null) return 'not a pull request'
  if (pullRequest.headRepository !== repository) return 'a fork may not write comments'
  if (token === '') return 'no GITHUB_TOKEN'
  const apiUrl = (env['GITHUB_API_URL'] ?? 'https://api.github.com').replace(/\/+$/, '')
  return { apiUrl, repository, number: pullRequest.number, token }
}

function toSummary(env: Env, body: string, reason: string): string {
  writeSummary(env, body)
  return `job summary, no comment: ${reason}`
}

function bodyOf(env: Env): string {
  const { markdown } = comparisonFiles(env)
  const told = existsSync(markdown) ? readFileSync(markdown, 'utf8').trim() : failureOf(env)
  const body = told.startsWith(MARKER) ? told : `${MARKER}\n\n${told}`
  return `${body}\n\n${linkOf(env)}\n`
}

/** A comment of an earlier commit must not stay as if it were of this one. */
function failureOf(env: Env): string {
  const outcome = readOutcome(env)
  const why =
    outcome === null
      ? `the job that measures ended with \`${plainWord(env['MEASURE_RESULT'])}\``
      : `\`compare\` ended with exit code ${outcome.exitCode}`
  return `### trustbench: could not compare\n\nNo comparison of this commit: ${why}. The log says more.`
}

/** Comments cannot hold files: the forest plot is in the artifact. */
function linkOf(env: Env): string {
  const run = `${required(env, 'GITHUB_SERVER_URL')}/${required(env, 'GITHUB_REPOSITORY')}/actions/runs/${required(env, 'GITHUB_RUN_ID')}`
  const artifact = env['ARTIFACT_URL'] ?? ''
  const isOfRun = artifact.startsWith(`${run}/`) && /^[\w:/.-]+$/.test(artifact)
  return isOfRun
    ? `[Forest plot, table and JSON](${artifact}) of [this workflow run](${run})`
    : `[This workflow run](${run})`
}

function plainWord(word: string | undefined): string {
  return word !== undefined && /^[a-z_]+$/.test(word) ? word : 'no result'
}

/** GitHub's limit of a comment. */
const MOST_CHARACTERS = 65_536

if (import.meta.main) process.stdout.write(`report: ${await report(process.env)}\n`)
