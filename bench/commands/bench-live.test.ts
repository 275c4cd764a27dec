import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { once } from 'node:events'
import { createServer, get } from 'node:http'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { childrenOf, isAlive, startCli, temporaryFolder, type CliProcess } from '../cli-testbed.ts'
import { parseRun } from '../results.ts'

const smoke = (results: string, ...words: string[]) => [
  ...['bench', ...words, '--smoke', '--seed', '1', '--open', '--results', results],
]

/** Where the bench says that the page is. */
async function pageOf(bench: CliProcess): Promise<string> {
  await bench.saw(/live page: http:\S+\n/)
  return /live page: (http:\S+)\n/.exec(bench.output().err)?.[1] ?? ''
}

/** All that a stream of events brings until it closes. */
function follow(url: string): Promise<{ kind: string; status: string; main: string }[]> {
  return new Promise((resolve, reject) => {
    get(`${url}events?seen=0`, { agent: false }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (more: string) => (text += more))
      response.once('close', () => {
        const events = text.split('\n\n').filter((event) => event !== '')
        resolve(
          events.map((event) => {
            const [, kind = '', data = ''] = event.split('\n')
            const content = JSON.parse(data.slice('data: '.length)) as {
              status: string
              main: string
            }
            return { kind: kind.slice('event: '.length), ...content }
          }),
        )
      })
    }).once('error', reject)
  })
}

function storedRun(folder: string) {
  const [file = ''] = readdirSync(folder).filter((name) => name.endsWith('.json'))
  const text = readFileSync(join(folder, file), 'utf8')
  return { file: join(folder, file), text, run: parseRun(JSON.parse(text), file) }
}

const processOfPage = (pid: number) =>
  childrenOf(pid).find(({ command }) => command.includes('page-process'))

test('--open: the page is there while it measures, tells of every block, and closes with the run', async (t) => {
  const folder = temporaryFolder(t)
  const bench = startCli(t, smoke(folder, 'tls'))
  const url = await pageOf(bench)
  assert.match(url, /^http:\/\/127\.0\.0\.1:\d+\/$/)
  const events = follow(url)
  const page = await fetch(url)
  assert.equal(page.status, 200)
  assert.match(await page.text(), /Checking credentials/)
  const own = processOfPage(bench.pid)
  assert.ok(own)
  const { exitCode, out, err } = await bench.ended
  assert.equal(exitCode, 0, err)
  assert.ok(!isAlive(own.pid))
  assert.match(
    err,
    /live page: used \d+\.\d ms of CPU while blocks ran, \d+\.\d ms between them; the page closed with the run, npm run report draws it\n/,
  )
  assert.ok(!out.includes(url))
  // Preflights, then one before the only block and one after it, which is the last.
  const seen = await events
  assert.deepEqual(
    seen.filter(({ main }) => !main.includes('Checking credentials')).map((one) => one.kind),
    ['drawn', 'ended'],
  )
  const [first, last] = seen.slice(-2)
  assert.equal(first?.status, 'The first block of 1 is being measured.')
  assert.equal(last?.status, 'Ended: 1 block measured.')
  const { file, text, run } = storedRun(folder)
  assert.ok(last.main.includes(file))
  assert.equal(run.complete, true)
  assert.deepEqual(run.command, ['bench', 'tls', '--smoke', '--seed', '1'])
  assert.ok(!text.includes('127.0.0.1') && !text.includes('--open'))
})

test('every load is shown: windows of an open loop, new connections, a curve', async (t) => {
  const loads: [string[], RegExp][] = [
    [['http', '--load', 'open', '--rate', '100'], /id="windows"[\s\S]*http, 100\/s/],
    [['http', '--load', 'churn'], /connections stay/],
    [['http', '--curve', '--rates', '100,200'], /http, 200\/s/],
  ]
  for (const [words, row] of loads) {
    const bench = startCli(t, smoke(temporaryFolder(t), ...words))
    const events = follow(await pageOf(bench))
    const { exitCode, err } = await bench.ended
    assert.equal(exitCode, 0, err)
    const last = (await events).at(-1)
    assert.equal(last?.kind, 'ended', words.join(' '))
    assert.match(last.main, row)
    assert.match(last.main, /client’s event loop/)
  }
})

test('a server of the user’s own: what was answered and how fast, where no CPU is known', async (t) => {
  const server = createServer((_request, response) => response.end('ok')).listen(0, '127.0.0.1')
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  await once(server, 'listening')
  const address = server.address()
  assert.ok(address !== null && typeof address === 'object')
  const bench = startCli(t, [
    ...['bench', '--target', `http://127.0.0.1:${address.port}/pay?key=s3cret`],
    ...['--i-own-this-target', '--load', 'open', '--rate', '50', '--arrivals', 'constant'],
    ...['--duration', '1s', '--open', '--results', temporaryFolder(t)],
  ])
  const events = follow(await pageOf(bench))
  const { exitCode, err } = await bench.ended
  assert.equal(exitCode, 0, err)
  const seen = await events
  assert.match(seen.at(-1)?.main ?? '', /id="windows"[\s\S]*50 of 50/)
  assert.ok(!JSON.stringify(seen).includes('s3cret'))
})

test('a bench that is killed leaves no page behind', async (t) => {
  const bench = startCli(t, smoke(temporaryFolder(t), 'tls'))
  await pageOf(bench)
  const own = processOfPage(bench.pid)
  assert.ok(own)
  bench.child.kill('SIGKILL')
  await bench.ended
  await untilGone(t, own.pid)
})

test('Ctrl-C: the page says that the run ended early, and is gone', async (t) => {
  const folder = temporaryFolder(t)
  const bench = startCli(t, [
    ...['bench', 'http', '--quick', '--open', '--seed', '1', '--results', folder],
  ])
  const events = follow(await pageOf(bench))
  const own = processOfPage(bench.pid)
  assert.ok(own)
  await bench.saw(/block 1 of/)
  bench.child.kill('SIGINT')
  const { exitCode } = await bench.ended
  assert.equal(exitCode, 130)
  assert.ok(!isAlive(own.pid))
  const last = (await events).at(-1)
  assert.deepEqual([last?.kind, last?.status], ['ended', 'Ended early: interrupted.'])
  assert.equal(storedRun(folder).run.incompleteReason, 'interrupted')
})

test('a page that dies is one line; the run goes on and is whole', async (t) => {
  const folder = temporaryFolder(t)
  const bench = startCli(t, smoke(folder, 'http'))
  await pageOf(bench)
  const own = processOfPage(bench.pid)
  assert.ok(own)
  process.kill(own.pid, 'SIGKILL')
  const { exitCode, err } = await bench.ended
  assert.equal(exitCode, 0, err)
  assert.equal(err.match(/the live page is gone, the run goes on without: .*SIGKILL\n/g)?.length, 1)
  assert.equal(storedRun(folder).run.complete, true)
})

/** The kernel closes the channel at once; the process then needs a turn of its loop. */
async function untilGone(t: TestContext, pid: number): Promise<void> {
  while (isAlive(pid)) {
    t.signal.throwIfAborted()
    await new Promise((resolve) => setImmediate(resolve))
  }
}
