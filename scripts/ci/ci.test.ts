import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { COMMENT_MARKER } from '../../bench/render/compare-markdown.ts'
import { parseEvent } from './actions.ts'
import { createFakeGithub, FAKE_REPOSITORY, FAKE_TOKEN } from './fake-github.ts'
import { MARKER } from './sticky.ts'

test('the marker that is looked for is the one that is written', () => {
  assert.equal(MARKER, COMMENT_MARKER)
})

test('report: the first comment is created, with a link to the artifact', async () => {
  await using github = await createFakeGithub([human('hello')])
  using step = createStep({ GITHUB_API_URL: github.url })
  step.write('comparison.md', comparison)
  assert.deepEqual(await step.run('report'), { exitCode: 0, stdout: 'report: comment created\n' })
  assert.deepEqual(
    github.comments.map(({ body }) => body),
    [
      'hello',
      `${comparison}\n\n[Forest plot, table and JSON](${runUrl}/artifacts/5) of [this workflow run](${runUrl})\n`,
    ],
  )
  assert.equal(step.summary(), '')
})

test('report: beyond 150 other comments it updates its own, which stays the only one', async () => {
  const others = Array.from({ length: 150 }, (_, index) => human(`comment ${index}`))
  await using github = await createFakeGithub([
    // Who copies the marker does not get his comment overwritten.
    human(`${MARKER}\n\nnot ours`),
    bot('another workflow'),
    ...others,
    bot(`${MARKER}\n\nold`),
    human('later'),
    bot(`${MARKER}\n\nof a race`),
  ])
  using step = createStep({ GITHUB_API_URL: github.url })
  step.write('comparison.md', comparison)
  for (const round of ['first', 'second']) {
    step.write('comparison.md', `${comparison} ${round}`)
    assert.deepEqual(await step.run('report'), { exitCode: 0, stdout: 'report: comment updated\n' })
  }
  const own = github.comments.filter(
    ({ body, user }) => body.startsWith(MARKER) && user.login === 'github-actions[bot]',
  )
  assert.deepEqual(
    own.map(({ id, body }) => [id, body.includes('worse second')]),
    [[153, true]],
  )
  // One of the 155 was the second of ours; nobody else's is touched.
  assert.equal(github.comments.length, 154)
  assert.equal(github.comments[0]?.body, `${MARKER}\n\nnot ours`)
  assert.deepEqual(github.requests.slice(0, 4), [
    'GET /repos/trust/bench/issues/7/comments?per_page=100&page=1',
    'GET /repos/trust/bench/issues/7/comments?per_page=100&page=2',
    'PATCH /repos/trust/bench/issues/comments/153',
    'DELETE /repos/trust/bench/issues/comments/155',
  ])
})

test('report: where no comment may be written, the job summary has it', async (t) => {
  const sad = [
    ['a fork', { event: pullRequest('stranger/bench') }, 'a fork may not write comments', 0],
    ['a fork that is gone', { event: pullRequest(null) }, 'a fork may not write comments', 0],
    ['by hand', { event: { inputs: { base: 'main' } } }, 'not a pull request', 0],
    ['no token', { token: '' }, 'no GITHUB_TOKEN', 0],
    ['a wrong token', { token: 'x' }, 'GitHub: GET comments: 401', 1],
    ['a token that may only read', { refused: { POST: 403 } }, 'GitHub: POST comments: 403', 2],
    ['a token that may nothing', { refused: { GET: 403 } }, 'GitHub: GET comments: 403', 1],
    ['too long', { body: 'x'.repeat(65_537) }, 'characters are too many for a comment', 0],
  ] as const
  for (const [name, given, reason, requests] of sad) {
    await t.test(name, async () => {
      await using github = await createFakeGithub([], 'refused' in given ? given.refused : {})
      using step = createStep({
        GITHUB_API_URL: github.url,
        ...('token' in given ? { GITHUB_TOKEN: given.token } : {}),
      })
      step.write('comparison.md', 'body' in given ? given.body : comparison)
      if ('event' in given) step.writeEvent(given.event)
      const { exitCode, stdout } = await step.run('report')
      assert.equal(exitCode, 0)
      assert.match(stdout, /^report: job summary, no comment: /)
      assert.ok(stdout.includes(reason), stdout)
      assert.ok(step.summary().includes('body' in given ? given.body : comparison))
      assert.equal(github.requests.length, requests)
      assert.deepEqual(github.comments, [])
    })
  }
})

test('report: an API that is not there ends in the summary as well', async () => {
  const github = await createFakeGithub([])
  await github[Symbol.asyncDispose]()
  using step = createStep({ GITHUB_API_URL: github.url })
  step.write('comparison.md', comparison)
  assert.equal((await step.run('report')).exitCode, 0)
  assert.ok(step.summary().includes(comparison))
})

test('report: what could not be compared replaces the comment of an earlier commit', async () => {
  for (const [outcome, reason] of [
    [{ exitCode: 64, base: null, reason: null }, '`compare` ended with exit code 64'],
    [null, 'the job that measures ended with `failure`'],
  ] as const) {
    await using github = await createFakeGithub([bot(`${MARKER}\n\nall the same`)])
    using step = createStep({ GITHUB_API_URL: github.url, MEASURE_RESULT: 'failure' })
    if (outcome !== null) step.write('outcome.json', JSON.stringify(outcome))
    await step.run('report')
    assert.equal(github.comments.length, 1)
    const body = github.comments[0]?.body ?? ''
    assert.ok(body.startsWith(MARKER))
    assert.ok(body.includes(`No comparison of this commit: ${reason}.`))
  }
})

test('report: a link that is not of this run is left out', async () => {
  await using github = await createFakeGithub([])
  using step = createStep({
    GITHUB_API_URL: github.url,
    ARTIFACT_URL: `https://elsewhere.example/${runUrl}/artifacts/5`,
  })
  step.write('comparison.md', comparison)
  await step.run('report')
  assert.equal(github.comments[0]?.body, `${comparison}\n\n[This workflow run](${runUrl})\n`)
})

test('compare: measures against where the branch left its base, and leaves the verdict to the gate', async () => {
  for (const exitCode of [0, 1, 3]) {
    using step = createStep({})
    const { fork, tip } = step.createRepository()
    step.fakeNpm(exitCode)
    step.writeEvent(pullRequest(FAKE_REPOSITORY, tip))
    assert.equal((await step.run('compare')).exitCode, 0)
    const folder = join(step.folder, 'comparison')
    assert.deepEqual(JSON.parse(step.read('outcome.json')), { exitCode, base: fork, reason: null })
    assert.deepEqual(
      step.read('comparison.json').trimEnd(),
      `run -s compare -- --live ${fork} --markdown ${folder}/comparison.md --fail-on worse --json`,
    )
    assert.equal((await step.run('gate')).exitCode, exitCode)
  }
})

test('compare: by hand against a branch, also one that only origin has', async () => {
  for (const base of ['main', 'elsewhere']) {
    using step = createStep({})
    const { fork } = step.createRepository()
    step.fakeNpm(0)
    step.writeEvent({ inputs: { base } })
    await step.run('compare')
    assert.deepEqual(JSON.parse(step.read('outcome.json')), {
      exitCode: 0,
      base: fork,
      reason: null,
    })
  }
})

test('compare: a base that git does not know, or that is an option, is told and fails the gate', async () => {
  for (const base of ['no-such-branch', '--output=/tmp/x', '$(id)']) {
    using step = createStep({})
    step.createRepository()
    step.fakeNpm(0)
    step.writeEvent({ inputs: { base } })
    assert.equal((await step.run('compare')).exitCode, 0)
    assert.deepEqual(JSON.parse(step.read('outcome.json')), {
      exitCode: 3,
      base: null,
      reason: `git knows no commit "${base}"`,
    })
    assert.equal((await step.run('gate')).exitCode, 3)
  }
})

test('gate: fails where nothing was compared', async () => {
  using step = createStep({})
  const { exitCode, stdout } = await step.run('gate')
  assert.deepEqual([exitCode, stdout], [3, 'gate: nothing was compared\n'])
})

test('an event without number or base is no pull request to comment on', () => {
  for (const broken of [
    { number: '7; rm' },
    { number: 7 },
    { number: 7, base: { sha: 5 } },
    null,
  ]) {
    assert.throws(() => parseEvent({ pull_request: broken }), TypeError)
  }
})

interface Step extends Disposable {
  readonly folder: string
  run(name: 'compare' | 'report' | 'gate'): Promise<{ exitCode: number | null; stdout: string }>
  write(name: string, content: string): void
  read(name: string): string
  writeEvent(event: unknown): void
  summary(): string
  createRepository(): { readonly fork: string; readonly tip: string }
  fakeNpm(exitCode: number): void
}

/** A folder with what GitHub gives a step: event, summary, temporary files, a checkout. */
function createStep(env: Readonly<Record<string, string>>): Step {
  const folder = mkdtempSync(join(tmpdir(), 'trustbench-ci-'))
  const checkout = join(folder, 'checkout')
  const summary = join(folder, 'summary.md')
  for (const name of ['checkout', 'comparison', 'bin']) mkdirSync(join(folder, name))
  writeFileSync(summary, '')
  const git = (...words: readonly string[]): string => {
    const identity = ['-c', 'user.name=a', '-c', 'user.email=a@b.invalid']
    const done = spawnSync('git', ['-C', checkout, ...identity, ...words], { encoding: 'utf8' })
    assert.equal(done.status, 0, done.stderr)
    return done.stdout.trim()
  }
  const step: Step = {
    folder,
    async run(name) {
      const child = spawn(process.execPath, [join(import.meta.dirname, `${name}.ts`)], {
        cwd: checkout,
        env: {
          PATH: `${join(folder, 'bin')}:${process.env['PATH'] ?? ''}`,
          RUNNER_TEMP: folder,
          GITHUB_EVENT_PATH: join(folder, 'event.json'),
          GITHUB_STEP_SUMMARY: summary,
          GITHUB_REPOSITORY: FAKE_REPOSITORY,
          GITHUB_SERVER_URL: 'https://github.example',
          GITHUB_RUN_ID: '99',
          GITHUB_TOKEN: FAKE_TOKEN,
          ARTIFACT_URL: `${runUrl}/artifacts/5`,
          ...env,
        },
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
      const stdout = await text(child.stdout)
      return { exitCode: await ended, stdout }
    },
    write(name, content) {
      writeFileSync(join(folder, 'comparison', name), content)
    },
    read: (name) => readFileSync(join(folder, 'comparison', name), 'utf8'),
    writeEvent(event) {
      writeFileSync(join(folder, 'event.json'), JSON.stringify(event))
    },
    summary: () => readFileSync(summary, 'utf8'),
    // main went on after the branch left it: fork - tip, and fork - HEAD.
    createRepository() {
      git('init', '-q', '-b', 'main')
      git('commit', '-q', '--allow-empty', '-m', 'fork')
      const fork = git('rev-parse', 'HEAD')
      git('commit', '-q', '--allow-empty', '-m', 'tip')
      const tip = git('rev-parse', 'HEAD')
      git('update-ref', 'refs/remotes/origin/elsewhere', tip)
      git('checkout', '-q', '-b', 'branch', fork)
      git('commit', '-q', '--allow-empty', '-m', 'work')
      return { fork, tip }
    },
    fakeNpm(exitCode) {
      const file = join(folder, 'bin', 'npm')
      writeFileSync(file, `#!/bin/sh\necho "$@"\nexit ${exitCode}\n`, { mode: 0o755 })
    },
    [Symbol.dispose]() {
      rmSync(folder, { recursive: true, force: true })
    },
  }
  step.writeEvent(pullRequest(FAKE_REPOSITORY))
  return step
}

function pullRequest(headRepository: string | null, baseSha = 'b'.repeat(40)) {
  const repo = headRepository === null ? null : { full_name: headRepository }
  return { pull_request: { number: 7, base: { sha: baseSha }, head: { repo } } }
}

function human(body: string) {
  return { body, user: { login: 'mallory' } }
}

function bot(body: string) {
  return { body, user: { login: 'github-actions[bot]' } }
}

const comparison = `${MARKER}\n\n### ▲ worse`
const runUrl = `https://github.example/${FAKE_REPOSITORY}/actions/runs/99`
