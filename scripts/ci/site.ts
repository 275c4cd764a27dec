import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { required, writeSummary, type Env } from './actions.ts'

// Step: builds the site over the stored runs, and tells the newest report in the job's summary.

/** Builds the site where the next step takes it from; throws where that fails. */
export function buildSite(env: Env): string {
  const folder = join(required(env, 'RUNNER_TEMP'), 'site')
  const done = spawnSync('npm', ['run', '-s', 'report', '--', '--site', folder], {
    stdio: 'inherit',
  })
  if (done.error !== undefined) throw done.error
  if (done.status !== 0) throw new Error(`report --site ended with ${done.status ?? 'a signal'}`)
  return folder
}

if (import.meta.main) {
  const report = join(buildSite(process.env), 'report.md')
  if (existsSync(report)) writeSummary(process.env, readFileSync(report, 'utf8'))
}
