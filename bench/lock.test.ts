import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { temporaryFolder } from './cli-testbed.ts'
import { BenchError, exitCodeOf } from './errors.ts'
import { acquireLock, findLockHolder } from './lock.ts'

/** A process that tries to take the lock, tells what became of it and lives on until it is killed. */
function startRival(
  t: TestContext,
  folder: string,
): { child: ChildProcess; said: Promise<string> } {
  const code = `
    const { acquireLock } = await import(${JSON.stringify(join(import.meta.dirname, 'lock.ts'))})
    setInterval(() => undefined, 60_000)
    process.send('ready')
    await new Promise((resolve) => process.once('message', resolve))
    await acquireLock('bench', ${JSON.stringify(folder)}).then(
      ({ warning }) => process.send(warning?.message ?? 'won'),
      (error) => process.send(error.code + ': ' + error.message),
    )`
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  t.after(() => child.kill('SIGKILL'))
  const said = (async () => {
    await once(child, 'message')
    const answer = once(child, 'message')
    child.send('go')
    return String((await answer)[0])
  })()
  return { child, said }
}

async function killed(child: ChildProcess): Promise<void> {
  const closed = once(child, 'exit')
  child.kill('SIGKILL')
  await closed
}

test('of several processes that start at once exactly one gets the machine, round after round', async (t) => {
  const folder = temporaryFolder(t)
  for (let round = 0; round < 3; round++) {
    // Each round begins with the lock of a winner that was killed.
    const rivals = Array.from({ length: 5 }, () => startRival(t, folder))
    const said = await Promise.all(rivals.map((rival) => rival.said))
    const winner = rivals[said.indexOf('won')]?.child.pid ?? 0
    assert.deepEqual(said.filter((line) => line === 'won').length, 1, said.join('\n'))
    for (const line of said.filter((text) => text !== 'won'))
      assert.match(
        line,
        new RegExp(`^unfit: .*pid ${winner} \\(bench\\) since 20.*kill ${winner}$`),
      )
    assert.equal(findLockHolder(folder)?.pid, winner)
    await Promise.all(rivals.map(({ child }) => killed(child)))
    assert.equal(findLockHolder(folder), null)
  }
  assert.equal(readdirSync(folder).length, 1)
})

test('a second run is told who holds the machine, and gets it afterwards', async (t) => {
  const folder = temporaryFolder(t)
  {
    await using first = await acquireLock('compare', folder)
    assert.equal(first.warning, null)
    await assert.rejects(acquireLock('bench', folder), (error: unknown) => {
      assert.ok(error instanceof BenchError)
      assert.equal(exitCodeOf(error), 3)
      assert.match(error.message, new RegExp(`^[^\\n]*pid ${process.pid} \\(compare\\)[^\\n]*$`))
      return true
    })
    const [name = ''] = readdirSync(folder)
    // Other users must be able to read it, none but its owner to write it.
    assert.equal(statSync(join(folder, name)).mode & 0o777, 0o644)
  }
  assert.equal(findLockHolder(folder), null)
  await using second = await acquireLock('bench', folder)
  assert.equal(second.warning, null)
  assert.equal(findLockHolder(folder)?.kind, 'bench')
})

/** The name of the lock that a run leaves in a folder. */
async function lockNameIn(folder: string): Promise<string> {
  await using _lock = await acquireLock('bench', folder)
  return readdirSync(folder)[0] ?? ''
}

const holder = { pid: process.pid, kind: 'bench', since: '2026-01-01T00:00:00.000Z' }
const stale: [string, string][] = [
  [
    'of a process with this id that started at another time',
    JSON.stringify({ ...holder, processStart: 'another boot 1' }),
  ],
  ['of a dead process', JSON.stringify({ ...holder, pid: 2 ** 30, processStart: null })],
  ['with garbage', '\0\0garbage'],
  ['that is empty', ''],
  ['whose fields are wrong', JSON.stringify({ ...holder, pid: -1, processStart: null })],
  [
    'with a terminal escape for a name',
    JSON.stringify({ ...holder, kind: '\u001b[2J', processStart: null }),
  ],
  [
    'of unreasonable size',
    `${JSON.stringify({ ...holder, processStart: null })}${' '.repeat(5_000)}`,
  ],
]
for (const [name, content] of stale) {
  test(`a lock ${name} is taken over`, async (t) => {
    const folder = temporaryFolder(t)
    writeFileSync(join(folder, await lockNameIn(folder)), content)
    await using lock = await acquireLock('bench', folder)
    assert.equal(lock.warning, null)
    assert.equal(findLockHolder(folder)?.since === holder.since, false)
  })
}

test('a symbolic link or a folder in place of the lock is passed over, and nothing behind it touched', async (t) => {
  const folder = temporaryFolder(t)
  const name = await lockNameIn(folder)
  const next = (number: number) => join(folder, name.replace(/\d+$/, String(number)))
  const victim = join(folder, 'victim')
  writeFileSync(victim, JSON.stringify({ ...holder, processStart: null }))
  symlinkSync(victim, next(7))
  {
    await using lock = await acquireLock('bench', folder)
    assert.equal(lock.warning, null)
  }
  mkdirSync(next(20))
  await using lock = await acquireLock('bench', folder)
  assert.equal(lock.warning, null)
  assert.equal(readFileSync(victim, 'utf8'), JSON.stringify({ ...holder, processStart: null }))
})

test('a lock of a live process is honoured even where its start cannot be told', async (t) => {
  const folder = temporaryFolder(t)
  writeFileSync(
    join(folder, await lockNameIn(folder)),
    JSON.stringify({ ...holder, processStart: null }),
  )
  await assert.rejects(acquireLock('bench', folder), /since 2026-01-01T00:00:00.000Z/)
})

test('a folder that cannot be written costs a warning, not the run', async (t) => {
  const folder = temporaryFolder(t)
  await using lock = await acquireLock('bench', join(folder, 'missing'))
  assert.equal(lock.warning?.code, 'not-locked')
  assert.match(lock.warning.message, /ENOENT/)
  // Root may write anywhere.
  if (process.getuid?.() === 0) return
  chmodSync(folder, 0o500)
  await using other = await acquireLock('bench', folder)
  assert.match(other.warning?.message ?? '', /EACCES/)
})
