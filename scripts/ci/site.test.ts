import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { spawnSync } from 'node:child_process'
import test from 'node:test'
import { parse } from 'yaml'
import { temporaryFolder } from '../../bench/cli-testbed.ts'
import { at } from './actions.ts'

const root = join(import.meta.dirname, '..', '..')
const source = readFileSync(join(root, '.github', 'workflows', 'site.yml'), 'utf8')
const workflow: unknown = parse(source)

test('what builds may only read, what publishes runs nothing of ours', () => {
  assert.deepEqual(at(workflow, 'permissions'), {})
  assert.deepEqual(at(workflow, 'jobs', 'build', 'permissions'), { contents: 'read' })
  assert.deepEqual(at(workflow, 'jobs', 'deploy', 'permissions'), {
    pages: 'write',
    'id-token': 'write',
  })
  const [step, ...others] = stepsOf('deploy')
  assert.deepEqual(others, [])
  assert.equal(at(step, 'run'), undefined)
  assert.equal(at(stepsOf('build')[0], 'with', 'persist-credentials'), false)
})

test('it is started by main and by hand, every job ends', () => {
  assert.deepEqual(at(workflow, 'on'), { push: { branches: ['main'] }, workflow_dispatch: null })
  for (const job of ['build', 'deploy']) {
    assert.equal(typeof at(workflow, 'jobs', job, 'timeout-minutes'), 'number', job)
  }
})

test('every command is one of our scripts, every action is GitHub’s own, pinned to a commit', () => {
  const runs = stepsOf('build').flatMap((step) => at(step, 'run') ?? [])
  assert.deepEqual(runs, [
    'bash scripts/ci/install.sh',
    'node_modules/.bin/node scripts/ci/site.ts',
  ])
  for (const run of runs) assert.ok(existsSync(join(root, run.split(' ').at(-1) ?? '')))
  const uses = [...source.matchAll(/uses: (\S+)(.*)/g)]
  assert.equal(uses.length, 3)
  for (const [line, action = '', comment = ''] of uses) {
    assert.match(action, /^actions\/[a-z-]+@[\da-f]{40}$/, line)
    assert.match(comment, /^ # v\d+\.\d+\.\d+$/, line)
  }
  const expressions = [...source.matchAll(/\$\{\{ (.*?) \}\}/g)].map(([, inner]) => inner)
  assert.deepEqual(expressions, ['runner.temp', 'steps.deployment.outputs.page_url'])
})

test('the step builds a site where the upload takes it from, and writes the summary', (t) => {
  const folder = temporaryFolder(t)
  const summary = join(folder, 'summary.md')
  const bin = join(process.execPath, '..')
  const done = spawnSync(process.execPath, [join(root, 'scripts', 'ci', 'site.ts')], {
    cwd: root,
    encoding: 'utf8',
    env: {
      ...process.env,
      PATH: `${bin}:${process.env['PATH'] ?? ''}`,
      RUNNER_TEMP: folder,
      GITHUB_STEP_SUMMARY: summary,
    },
  })
  assert.equal(done.status, 0, done.stderr)
  assert.ok(existsSync(join(folder, 'site', 'index.html')))
  assert.match(readFileSync(summary, 'utf8'), /^### What trust between machines costs/)
})

function stepsOf(job: string): unknown[] {
  const steps = at(workflow, 'jobs', job, 'steps')
  assert.ok(Array.isArray(steps))
  return steps
}
