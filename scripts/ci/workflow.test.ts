import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { parse } from 'yaml'
import { at } from './actions.ts'

const root = join(import.meta.dirname, '..', '..')
const folder = join(root, '.github', 'workflows')
const source = readFileSync(join(folder, 'compare.yml'), 'utf8')
const workflow: unknown = parse(source)

test('it is started by pull requests and by hand, never with the rights of the base', () => {
  assert.deepEqual(keysOf(at(workflow, 'on')), ['pull_request', 'workflow_dispatch'])
  for (const file of readdirSync(folder)) {
    assert.ok(!readFileSync(join(folder, file), 'utf8').includes('pull_request_target'), file)
  }
})

test('only the job that installs nothing may write, and only comments', () => {
  assert.deepEqual(at(workflow, 'permissions'), {})
  assert.deepEqual(
    jobs().map(([name, job]) => [name, at(job, 'permissions')]),
    [
      ['measure', { contents: 'read' }],
      ['report', { contents: 'read', 'pull-requests': 'write' }],
    ],
  )
  const installs = runsOf('report').filter((run) => /npm|node_modules|install/.test(run))
  assert.deepEqual(installs, [])
})

test('every command is one of our scripts, without anything interpolated', () => {
  const runs = jobs().flatMap(([name]) => runsOf(name))
  assert.deepEqual(runs, [
    'bash scripts/ci/install.sh',
    'node_modules/.bin/node scripts/ci/compare.ts',
    'node scripts/ci/report.ts',
    'node scripts/ci/gate.ts',
  ])
  for (const run of runs) {
    assert.ok(existsSync(join(root, run.split(' ').at(-1) ?? '')), run)
  }
})

test('the gate is the last step, behind the comment', () => {
  assert.equal(at(stepsOf('report').at(-1), 'run'), 'node scripts/ci/gate.ts')
  assert.equal(at(stepsOf('report').at(-2), 'run'), 'node scripts/ci/report.ts')
})

test('the token is given to the step that comments, and to no other', () => {
  const steps = jobs().flatMap(([name]) => stepsOf(name))
  const given = steps.filter((step) => /github\.token|secrets\./.test(JSON.stringify(step)))
  assert.deepEqual(
    given.map((step) => at(step, 'run')),
    ['node scripts/ci/report.ts'],
  )
  for (const step of steps) {
    if (!/^actions\/checkout@/.test(usesOf(step))) continue
    assert.equal(at(step, 'with', 'persist-credentials'), false)
  }
})

test('actions are GitHub’s own, pinned to a commit, with the version beside it', () => {
  const uses = [...source.matchAll(/uses: (\S+)(.*)/g)]
  assert.equal(uses.length, 5)
  for (const [line, action = '', comment = ''] of uses) {
    assert.match(action, /^actions\/[a-z-]+@[\da-f]{40}$/, line)
    assert.match(comment, /^ # v\d+\.\d+\.\d+$/, line)
  }
})

test('what others write reaches no shell: expressions are known ones', () => {
  const expressions = [...source.matchAll(/\$\{\{ (.*?) \}\}/g)].map(([, inner]) => inner)
  assert.deepEqual(
    [...new Set(expressions)].sort(),
    [
      '!cancelled()',
      'github.event.pull_request.head.sha || github.sha',
      'github.event.pull_request.number || github.ref',
      'github.token',
      'needs.measure.outputs.artifact-url',
      'needs.measure.result',
      'runner.temp',
      'steps.upload.outputs.artifact-url',
    ].sort(),
  )
})

test('one run a pull request, and every job ends', () => {
  assert.equal(at(workflow, 'concurrency', 'cancel-in-progress'), true)
  assert.match(String(at(workflow, 'concurrency', 'group')), /pull_request\.number/)
  for (const [name, job] of jobs()) {
    assert.equal(typeof at(job, 'timeout-minutes'), 'number', name)
  }
})

function jobs(): [string, unknown][] {
  return Object.entries(recordOf(at(workflow, 'jobs')))
}

function stepsOf(job: string): unknown[] {
  const steps = at(workflow, 'jobs', job, 'steps')
  assert.ok(Array.isArray(steps))
  return steps
}

function runsOf(job: string): string[] {
  return stepsOf(job).flatMap((step) => {
    const run = at(step, 'run')
    return typeof run === 'string' ? [run] : []
  })
}

function usesOf(step: unknown): string {
  const uses = at(step, 'uses')
  return typeof uses === 'string' ? uses : ''
}

function keysOf(value: unknown): string[] {
  return Object.keys(recordOf(value))
}

function recordOf(value: unknown): Record<string, unknown> {
  assert.ok(typeof value === 'object' && value !== null)
  return { ...value }
}
