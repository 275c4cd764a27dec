import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { get } from 'node:http'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { combinedArms, syntheticRun } from '../analysis/testdata.ts'
import { isAlive, temporaryFolder } from '../cli-testbed.ts'
import { parseCpuList } from '../pinning.ts'
import { startPage, type Page } from './page.ts'

const patience = 60_000
const progress = { most: 12, of: '12', leftMs: 1_000 }
const check = { caseId: 'tls', tried: 6, refused: 6, handlerCalls: 0 }

/** A page, what was told of its loss, and a saved run for it. */
async function started(t: TestContext) {
  const lost: string[] = []
  const page = await startPage((why) => lost.push(why))
  t.after(() => page[Symbol.asyncDispose]())
  const file = join(temporaryFolder(t), 'run.json')
  writeFileSync(file, JSON.stringify(syntheticRun({ arms: combinedArms(), blocks: 3 })))
  return { page, lost, file }
}

/** Status lines of the events that a reader gets until the page closes. */
async function follow({ url }: Page) {
  const statuses: string[] = []
  const closed = Promise.withResolvers<undefined>()
  await new Promise<void>((resolve, reject) => {
    get(`${url}events?seen=0`, { agent: false }, (response) => {
      resolve()
      response.setEncoding('utf8').on('data', (text: string) => {
        for (const [, status = ''] of text.matchAll(/"status":"([^"]*)"/g)) statuses.push(status)
      })
      response.once('close', () => {
        closed.resolve(undefined)
      })
    }).once('error', reject)
  })
  return { statuses, closed: closed.promise }
}

test('one event at each end of a block, none while one runs, and the page closes when it is let go', async (t) => {
  const { page, lost, file } = await started(t)
  const reader = await follow(page)
  await page.draw({ kind: 'between-blocks', file, progress }, patience)
  page.order({ kind: 'block-started' })
  // Belongs before the blocks; came it now, it would have to wait.
  page.order({ kind: 'checked', check })
  const asked = await (await fetch(page.url)).text()
  assert.match(asked, /data-version="1"/)
  const cpu = await page.draw({ kind: 'between-blocks', file, progress }, patience)
  assert.ok(cpu !== null && cpu.inBlocksUs >= 0 && cpu.betweenBlocksUs > 0)
  await page.draw({ kind: 'ended', file, progress }, patience)
  await page[Symbol.asyncDispose]()
  await reader.closed
  const going = '3 of 12 blocks done, about 0:01 left.'
  assert.deepEqual(reader.statuses, [going, going, 'Ended: 3 blocks measured.'])
  assert.ok(!isAlive(page.pid))
  assert.deepEqual(lost, [])
})

test('a run that cannot be read: the page is gone, told once, and nobody waits for it', async (t) => {
  const { page, lost, file } = await started(t)
  writeFileSync(file, '{')
  assert.equal(await page.draw({ kind: 'between-blocks', file, progress }, patience), null)
  page.order({ kind: 'block-started' })
  assert.equal(await page.draw({ kind: 'ended', file, progress }, patience), null)
  assert.equal(lost.length, 1)
  assert.match(lost[0] ?? '', /run\.json: is not whole JSON/)
})

const isLinux = process.platform === 'linux'

test(
  'all its threads have the lowest priority, and none may run on a core of the servers',
  { skip: !isLinux },
  async (t) => {
    const { page } = await started(t)
    const allowed = parseCpuList(
      /^Cpus_allowed_list:\s*(.+)$/m.exec(readFileSync('/proc/self/status', 'latin1'))?.[1] ?? '',
    )
    for (const thread of readdirSync(`/proc/${page.pid}/task`)) {
      const stat = readFileSync(`/proc/${page.pid}/task/${thread}/stat`, 'latin1')
      // Field 19 of proc_pid_stat(5), counted from the third, behind the name in parentheses.
      assert.equal(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[16], '19')
      const status = readFileSync(`/proc/${page.pid}/task/${thread}/status`, 'latin1')
      const own = parseCpuList(/^Cpus_allowed_list:\s*(.+)$/m.exec(status)?.[1] ?? '')
      assert.deepEqual(own, allowed.slice(0, 1))
    }
  },
)

test('a parent that is killed leaves no page behind', async (t) => {
  const program = `
    import { startPage } from ${JSON.stringify(join(import.meta.dirname, 'page.ts'))}
    const page = await startPage(() => {})
    process.stdout.write(String(page.pid))
    setInterval(() => {}, 1_000)`
  const parent = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.after(() => parent.kill('SIGKILL'))
  const [pid] = (await once(parent.stdout.setEncoding('utf8'), 'data')) as [string]
  assert.ok(isAlive(Number(pid)))
  parent.kill('SIGKILL')
  while (isAlive(Number(pid))) {
    t.signal.throwIfAborted()
    await new Promise((resolve) => setImmediate(resolve))
  }
})
