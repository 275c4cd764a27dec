import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { childrenOf, cli, isAlive, startCli, temporaryFolder } from './cli-testbed.ts'
import { readRun } from './store.ts'

const root = join(import.meta.dirname, '..')

/** The one stored run of a folder. */
function storedRun(results: string) {
  const files = readdirSync(results).filter((name) => name.endsWith('.json'))
  assert.equal(files.length, 1, files.join())
  return readRun(join(results, files[0] ?? '')).run
}

/** The server processes of a bench, once all three of its arms are alive. */
async function armsOf(pid: number) {
  for (;;) {
    const children = childrenOf(pid).filter(({ command }) => command.includes('/servers/'))
    if (children.length >= 3) return children
    await new Promise((resolve) => setImmediate(resolve))
  }
}

/** A copy of the sources, as another checkout would be. */
function copyOfSources(t: TestContext): string {
  const copy = join(temporaryFolder(t), 'tree')
  mkdirSync(copy)
  for (const name of [
    'bench',
    'scenarios',
    'servers',
    'scripts',
    'package.json',
    'tsconfig.json',
  ]) {
    cpSync(join(root, name), join(copy, name), { recursive: true })
  }
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'))
  return copy
}

test('adding a scenario is adding one file; a folder without git is measured and says so', async (t) => {
  const copy = copyOfSources(t)
  const tls = await import('../scenarios/tls.ts')
  assert.equal(tls.scenario.server, 'tls')
  writeFileSync(
    join(copy, 'scenarios', 'added.ts'),
    `import { defineScenario, tlsParameters } from '../bench/scenario.ts'
export const scenario = defineScenario({
  question: 'Is one file enough?', server: 'tls', tls: true,
  credentials: () => ({ certificate: false, token: 'none', bound: false }),
  parameters: { ...tlsParameters }, baseline: 'http', parts: () => [], refuses: () => ['T*'], records: () => [],
})
`,
  )
  const bench = startCli(t, ['bench', 'added', '--smoke', '--json'], { root: copy })
  const { exitCode, out, err } = await bench.ended
  assert.equal(exitCode, 0, err)
  const envelope = JSON.parse(out) as {
    cases: { scenario: string; outcome: string; preflight: { refused: number } }[]
  }
  assert.deepEqual(envelope.cases.map(({ scenario }) => scenario).sort(), [
    'added',
    'http',
    'reference',
  ])
  assert.ok(envelope.cases.every(({ outcome }) => outcome === 'measured'))
  const run = storedRun(join(copy, 'results'))
  assert.equal(run.environment.commit, null)
  assert.match(run.runId, /-nogit-/)
})

test('Ctrl-C: exit code 130, blocks saved and marked incomplete, no orphan, no credentials left', async (t) => {
  const results = temporaryFolder(t)
  const temporary = temporaryFolder(t)
  const bench = startCli(t, ['bench', 'tls', '--quick', '--results', results], {
    env: { ...process.env, TMPDIR: temporary },
  })
  await bench.saw(/block 1 of/)
  const children = await armsOf(bench.pid)
  const asked = Date.now()
  bench.child.kill('SIGINT')
  bench.child.kill('SIGINT')
  const { exitCode, err } = await bench.ended
  assert.ok(Date.now() - asked < 10_000)
  assert.equal(exitCode, 130)
  assert.match(err, /interrupted/)
  assert.deepEqual(
    children.filter(({ pid }) => isAlive(pid)),
    [],
  )
  // The lock's file stays, released; folders with credentials do not.
  assert.deepEqual(
    readdirSync(temporary).filter((name) => !name.startsWith('trustbench-lock-')),
    [],
  )
  const run = storedRun(results)
  assert.equal(run.complete, false)
  assert.equal(run.incompleteReason, 'interrupted')
  assert.equal(run.blocks[0]?.outcome, 'measured')
})

test('--resume goes on with an interrupted run: its blocks stay, and are not measured again', async (t) => {
  const copy = copyOfSources(t)
  const results = join(copy, 'results')
  const first = startCli(t, ['bench', 'http', '--quick', '--seed', '5'], { root: copy })
  await first.saw(/block 1 of up to 8: /)
  first.child.kill('SIGINT')
  assert.equal((await first.ended).exitCode, 130)
  const before = storedRun(results)
  const kept = before.blocks.filter(({ outcome }) => outcome === 'measured')
  assert.ok(kept.length >= 1)
  const second = startCli(t, ['bench', '--resume', before.runId], { root: copy })
  await second.saw(new RegExp(`block ${kept.length + 1} of up to 8: `))
  second.child.kill('SIGINT')
  assert.equal((await second.ended).exitCode, 130)
  const after = storedRun(results)
  assert.deepEqual(
    [after.runId, after.startedAt, after.seed],
    [before.runId, before.startedAt, before.seed],
  )
  assert.deepEqual(after.blocks.slice(0, kept.length), kept)
  assert.ok(after.blocks.filter(({ outcome }) => outcome === 'measured').length > kept.length)
  assert.deepEqual(
    after.blocks.map(({ index }) => index),
    after.blocks.map((_, index) => index),
  )
  assert.ok(after.warnings.some(({ code }) => code === 'resumed'))
})

test('kill -9 of the bench leaves no server behind', async (t) => {
  const bench = startCli(t, ['bench', 'tls', '--quick', '--results', temporaryFolder(t)])
  await bench.saw(/block 1 of/)
  const children = await armsOf(bench.pid)
  bench.child.kill('SIGKILL')
  await bench.ended
  // They end at the closed IPC channel: an event of their own, so it is waited for, not slept for.
  const deadline = Date.now() + 10_000
  while (children.some(({ pid }) => isAlive(pid)) && Date.now() < deadline)
    await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual(
    children.filter(({ pid }) => isAlive(pid)),
    [],
  )
})

test('a server that dies mid-run: exit code 3, its name, the finished blocks kept', async (t) => {
  const results = temporaryFolder(t)
  const bench = startCli(t, ['bench', 'tls', '--quick', '--results', results])
  await bench.saw(/block 1 of/)
  // Block 2 has processes of its own; whichever TLS server is found dies.
  let victim: number | undefined
  while (victim === undefined) {
    await new Promise((resolve) => setImmediate(resolve))
    victim = childrenOf(bench.pid).find(({ command }) =>
      command.includes(join('servers', 'tls.ts')),
    )?.pid
  }
  process.kill(victim, 'SIGKILL')
  const { exitCode, err } = await bench.ended
  assert.equal(exitCode, 3)
  assert.match(err, /server tls ended with SIGKILL/)
  const run = storedRun(results)
  assert.equal(run.complete, false)
  assert.match(run.incompleteReason ?? '', /server tls ended with SIGKILL/)
  assert.equal(run.blocks[0]?.outcome, 'measured')
  assert.equal(run.blocks.at(-1)?.outcome, 'failed')
})

test('a port that is taken: one line with the port, exit code 3', async (t) => {
  const holder = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => holder.once('listening', resolve))
  t.after(() => holder.close())
  const { port } = holder.address() as AddressInfo
  const { exitCode, err } = await cli(['server', 'tls', '--port', String(port)])
  assert.equal(exitCode, 3)
  assert.match(err, new RegExp(`port 127\\.0\\.0\\.1:${port} is taken`))
  assert.equal(err.trimEnd().split('\n').length, 1)
})

test('a results folder that is a file: told before anything is measured', async (t) => {
  const file = join(temporaryFolder(t), 'results')
  writeFileSync(file, 'mine')
  const { exitCode, out, err } = await cli(['bench', 'tls', '--smoke', '--results', file])
  assert.equal(exitCode, 3)
  assert.equal(out, '')
  assert.match(err, /^trustbench: cannot write .*--results DIR\n$/)
})

const noMounts =
  process.platform === 'linux' && process.getuid?.() === 0
    ? false
    : 'mounting a file system needs root on Linux'
const options = { skip: process.env['CI'] === 'true' ? false : noMounts }

/** Mounts until the end of the block: the folder is removed only after that. */
function mount(args: readonly string[], folder: string): Disposable {
  const done = spawnSync('mount', [...args, folder], { encoding: 'utf8' })
  assert.equal(done.status, 0, done.stderr)
  return {
    [Symbol.dispose]: () => {
      assert.equal(spawnSync('umount', [folder]).status, 0)
    },
  }
}

test(
  'a full disk: told before measuring, or with the figures if it fills up later; former runs stay whole',
  options,
  async (t) => {
    const results = temporaryFolder(t)
    using _disk = mount(['-t', 'tmpfs', '-o', 'size=16k', 'tmpfs'], results)
    const kept = join(results, 'kept.txt')
    writeFileSync(kept, 'kept')
    // Too small for a run, large enough for the probe before it.
    const late = await cli(['bench', 'tls', '--smoke', '--results', results])
    assert.equal(late.exitCode, 3)
    assert.match(late.err, /cannot write .*ENOSPC.*--results DIR/)
    assert.deepEqual(
      readdirSync(results).filter((name) => name.endsWith('.tmp')),
      [],
    )
    writeFileSync(join(results, 'filler'), Buffer.alloc(1))
    const filled = spawnSync('dd', ['if=/dev/zero', `of=${join(results, 'filler')}`, 'bs=1k'], {
      encoding: 'utf8',
    })
    assert.notEqual(filled.status, 0)
    const early = await cli(['bench', 'tls', '--smoke', '--results', results])
    assert.equal(early.exitCode, 3)
    assert.match(early.err, /^trustbench: cannot write .*ENOSPC.*\n$/)
    assert.ok(existsSync(kept))
  },
)

test(
  'a read-only checkout: one line, exit code 3; with --results elsewhere it measures',
  options,
  async (t) => {
    const copy = copyOfSources(t)
    using _readOnly = mount(['--bind', copy], copy)
    assert.equal(spawnSync('mount', ['-o', 'remount,bind,ro', copy]).status, 0)
    const refused = await startCli(t, ['bench', 'http', '--smoke'], { root: copy }).ended
    assert.equal(refused.exitCode, 3)
    assert.match(refused.err, /^trustbench: cannot write .*(EROFS|read-only).*--results DIR\n$/)
    const elsewhere = await startCli(
      t,
      ['bench', 'http', '--smoke', '--results', temporaryFolder(t)],
      { root: copy },
    ).ended
    assert.equal(elsewhere.exitCode, 0, elsewhere.err)
  },
)
