import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { cli, startCli, temporaryFolder } from './cli-testbed.ts'
import { openCopies, openTrees } from './trees.ts'

const root = join(import.meta.dirname, '..')

function git(folder: string, ...args: string[]): string {
  const identity = [
    '-c',
    'user.name=t',
    '-c',
    'user.email=t@localhost',
    '-c',
    'commit.gpgsign=false',
  ]
  const done = spawnSync('git', ['-C', folder, ...identity, ...args], { encoding: 'utf8' })
  assert.equal(done.status, 0, done.stderr)
  return done.stdout.trim()
}

/** A checkout with one commit, and after it an uncommitted change, a new file and a deleted one. */
function checkout(t: TestContext): string {
  const folder = temporaryFolder(t)
  git(folder, 'init', '-q', '-b', 'main')
  mkdirSync(join(folder, 'servers'))
  mkdirSync(join(folder, 'node_modules'))
  const files = {
    'servers/a.ts': 'old',
    'servers/gone.ts': 'gone',
    'package-lock.json': '{}',
    '.gitignore': 'node_modules\nresults\n',
  }
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  git(folder, 'add', '-A')
  git(folder, 'commit', '-qm', 'first')
  writeFileSync(join(folder, 'servers/a.ts'), 'uncommitted')
  writeFileSync(join(folder, 'servers/new.ts'), 'new')
  rmSync(join(folder, 'servers/gone.ts'))
  mkdirSync(join(folder, 'results'))
  writeFileSync(join(folder, 'results/run.json'), '{}')
  return folder
}

const read = (tree: string, name: string) => readFileSync(join(tree, name), 'utf8')

test('a commit and the working tree with all that is uncommitted, in paths of equal length', async (t) => {
  const folder = checkout(t)
  const trees = await openTrees(folder, 'main')
  const { before, after } = trees
  assert.equal(before.root.length, after.root.length)
  assert.deepEqual(
    [read(before.root, 'servers/a.ts'), read(after.root, 'servers/a.ts')],
    ['old', 'uncommitted'],
  )
  assert.deepEqual(
    [
      existsSync(join(before.root, 'servers/gone.ts')),
      existsSync(join(after.root, 'servers/gone.ts')),
    ],
    [true, false],
  )
  assert.deepEqual(
    [
      existsSync(join(before.root, 'servers/new.ts')),
      existsSync(join(after.root, 'servers/new.ts')),
    ],
    [false, true],
  )
  assert.equal(existsSync(join(after.root, 'results')), false)
  for (const tree of [before, after])
    assert.equal(readlinkSync(join(tree.root, 'node_modules')), join(folder, 'node_modules'))
  assert.deepEqual(
    [before.dirty, after.dirty, before.commit],
    [false, true, git(folder, 'rev-parse', 'HEAD')],
  )
  await trees[Symbol.asyncDispose]()
  assert.equal(existsSync(dirname(before.root)), false)
  assert.equal(git(folder, 'worktree', 'list').split('\n').length, 1)
})

test('links stay links, and packages that are a link are shared like any', async (t) => {
  const folder = checkout(t)
  const packages = temporaryFolder(t)
  // As many ignore files do, this one names the folder alone.
  writeFileSync(join(folder, '.gitignore'), 'node_modules/\nresults\n')
  rmSync(join(folder, 'node_modules'), { recursive: true })
  symlinkSync(packages, join(folder, 'node_modules'))
  symlinkSync('servers', join(folder, 'linked'))
  await using trees = await openTrees(folder, 'main')
  const { after } = trees
  assert.equal(readlinkSync(join(after.root, 'linked')), 'servers')
  assert.equal(readlinkSync(join(after.root, 'node_modules')), join(folder, 'node_modules'))
})

test('a revision that git does not know, an option in its place, a folder without git: wrong use', async (t) => {
  const folder = checkout(t)
  await assert.rejects(openTrees(folder, 'nowhere'), /--live nowhere: git knows no such commit/)
  await assert.rejects(openTrees(folder, '--help'), /--live --help: git knows no such/)
  await assert.rejects(openTrees(temporaryFolder(t), 'main'), /this is no git checkout/)
})

test('a worktree left by a killed run is removed by the next one', async (t) => {
  const folder = checkout(t)
  const trees = await openTrees(folder, 'main')
  const gone = spawnSync(process.execPath, ['-e', '']).pid
  const stale = trees.before.root.replace(`-${process.pid}-`, `-${gone}-`)
  mkdirSync(dirname(stale))
  git(folder, 'worktree', 'add', '--detach', '--quiet', stale, 'main')
  await trees[Symbol.asyncDispose]()
  await using _next = await openTrees(folder, 'main')
  assert.equal(existsSync(stale), false)
  assert.doesNotMatch(git(folder, 'worktree', 'list'), new RegExp(`-${gone}-`))
})

test('copies of the working tree: the second is patched, the first and the tree itself are not', async (t) => {
  const folder = checkout(t)
  await using trees = await openCopies(folder, (tree) => {
    writeFileSync(join(tree, 'servers/a.ts'), 'patched')
    return Promise.resolve()
  })
  assert.deepEqual(
    [folder, trees.before.root, trees.after.root].map((tree) => read(tree, 'servers/a.ts')),
    ['uncommitted', 'uncommitted', 'patched'],
  )
})

const noHead =
  spawnSync('git', ['-C', root, 'rev-parse', 'HEAD']).status === 0
    ? false
    : 'this is no git checkout'
const live = { skip: process.env['CI'] === 'true' ? false : noHead }

test(
  'compare --live measures this tree beside a commit and leaves no worktree behind',
  live,
  async (t) => {
    const { exitCode, out, err } = await cli([
      'compare',
      '--live',
      'HEAD',
      'tls',
      '--smoke',
      '--json',
      '--results',
      temporaryFolder(t),
    ])
    assert.equal(exitCode, 0, err)
    const { command, cases, comparisons } = JSON.parse(out) as {
      command: string
      cases: { role: string; source: { label: string } }[]
      comparisons: { metric: string; verdict: string }[]
    }
    assert.equal(command, 'compare')
    assert.deepEqual(cases.map(({ role, source }) => `${role} ${source.label}`).sort(), [
      'baseline HEAD',
      'case working tree',
      'reference working tree',
    ])
    assert.deepEqual(comparisons.map(({ metric, verdict }) => `${metric} ${verdict}`).sort(), [
      'cpuUsPerRequest undecided',
      'latencyP50Us undecided',
    ])
    assert.doesNotMatch(git(root, 'worktree', 'list'), new RegExp(`-${process.pid}-`))
  },
)

test('Ctrl-C removes the worktree of a live comparison', live, async (t) => {
  const process = startCli(t, ['compare', '--live', 'HEAD', 'tls', '--results', temporaryFolder(t)])
  await process.saw(/preflight tls/)
  assert.match(git(root, 'worktree', 'list'), new RegExp(`-${process.pid}-`))
  process.child.kill('SIGINT')
  assert.equal((await process.ended).exitCode, 130)
  assert.doesNotMatch(git(root, 'worktree', 'list'), new RegExp(`-${process.pid}-`))
})
