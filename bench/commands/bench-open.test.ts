import assert from 'node:assert/strict'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { startCli, temporaryFolder } from '../cli-testbed.ts'
import type { RunEnvelope } from '../analysis/envelope-schema.ts'
import { parseRun } from '../results.ts'

async function serve(t: TestContext, listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const open = (url: string, ...more: string[]) => [
  ...['bench', '--target', `${url}/pay?key=s3cret`, '--i-own-this-target', '--load', 'open'],
  ...['--rate', '50', '--arrivals', 'constant', '--duration', '1s', ...more],
]

test('a target of the user: every request counted, percentiles told, server CPU unknown', async (t) => {
  let seen = 0
  const url = await serve(t, (_request, response) => {
    seen += 1
    response.end(`answer ${seen}`)
  })
  const folder = temporaryFolder(t)
  const { exitCode, out, err } = await startCli(t, open(url, '--json', '--results', folder)).ended
  assert.equal(exitCode, 0, err)
  const envelope = JSON.parse(out) as RunEnvelope
  const [trial] = envelope.cases
  // One more, before the window: does it answer as expected?
  assert.equal(seen, 51)
  assert.deepEqual([trial?.openLoop?.requests, trial?.openLoop?.answered], [50, 50])
  assert.deepEqual(trial?.preflight, {
    controlsPassed: 1,
    tried: 0,
    refused: 0,
    recorded: 0,
    handlerCalls: 0,
  })
  assert.equal(trial.metrics.cpuUsPerRequest, null)
  const p50 = trial.metrics.latencyP50Us
  assert.ok(p50 !== null && p50.estimate > 0)
  // One window has no interval, and says so.
  assert.deepEqual([p50.low, p50.high, p50.level, p50.blocks], [null, null, null, 1])
  assert.equal(trial.metrics.latencyP99Us, null)
  const [file = ''] = readdirSync(folder).filter((name) => name.endsWith('.json'))
  const stored = readFileSync(join(folder, file), 'utf8')
  assert.equal(parseRun(JSON.parse(stored), file).blocks.length, 1)
  // What is behind the question mark may be a secret: it was sent, and is kept nowhere.
  for (const text of [stored, out, err]) assert.ok(!text.includes('s3cret'))
})

test('a target that answers with another status is not measured', async (t) => {
  let seen = 0
  const url = await serve(t, (_request, response) => {
    seen += 1
    response.writeHead(503).end()
  })
  const { exitCode, err } = await startCli(t, open(url, '--results', temporaryFolder(t))).ended
  assert.equal(exitCode, 3)
  assert.match(err, /answers 503 where 200 is expected; --expect-status says what is right\n$/)
  assert.ok(!err.includes('s3cret'))
  assert.equal(seen, 1)
})

test('a target that is not there is one line and exit code 3', async (t) => {
  const url = 'http://127.0.0.1:9'
  const { exitCode, err } = await startCli(t, open(url, '--results', temporaryFolder(t))).ended
  assert.equal(exitCode, 3)
  assert.match(
    err,
    /^trustbench: 127\.0\.0\.1:9\/pay: nothing listens there: the connection was refused\n$/,
  )
})

test('Ctrl-C in a window: ended at once, saved as incomplete', async (t) => {
  let seen = 0
  // Beyond those of preflight and of warming: the window has begun.
  const begun = Promise.withResolvers<undefined>()
  const url = await serve(t, (_request, response) => {
    seen += 1
    if (seen === 20) begun.resolve(undefined)
    response.end('ok')
  })
  const folder = temporaryFolder(t)
  const long = open(url, '--results', folder).map((word) => (word === '1s' ? '60s' : word))
  const cli = startCli(t, long)
  await begun.promise
  cli.child.kill('SIGINT')
  const { exitCode } = await cli.ended
  assert.equal(exitCode, 130)
  const [file = ''] = readdirSync(folder).filter((name) => name.endsWith('.json'))
  const run = parseRun(JSON.parse(readFileSync(join(folder, file), 'utf8')), file)
  assert.deepEqual([run.complete, run.incompleteReason], [false, 'interrupted'])
})

test('what does not belong together is refused before anything is sent', async (t) => {
  let seen = 0
  const url = await serve(t, (_request, response) => {
    seen += 1
    response.end()
  })
  const wrong: [string[], RegExp][] = [
    [['bench', '--target', url, '--load', 'open', '--rate', '5'], /add --i-own-this-target/],
    [['bench', '--target', url, '--i-own-this-target', '--rate', '5'], /--rate needs --load open/],
    [['bench', 'tls', ...open(url).slice(1)], /a --target is measured instead of scenarios/],
    [['bench', 'tls', '--load', 'open'], /give --rate/],
    [['bench', 'tls', '--rate', '5'], /--rate needs --load open/],
    [
      ['bench', 'tls', '--against', 'mtls', '--load', 'open', '--rate', '5'],
      /--against is for closed loops/,
    ],
  ]
  for (const [words, message] of wrong) {
    const { exitCode, err, out } = await startCli(t, words).ended
    assert.deepEqual([exitCode, out], [64, ''], words.join(' '))
    assert.match(err, message)
  }
  assert.equal(seen, 0)
})

test('two generator processes offer one schedule between them, and their CPU is the client’s', async (t) => {
  let seen = 0
  const url = await serve(t, (_request, response) => {
    seen += 1
    response.end('answer')
  })
  const folder = temporaryFolder(t)
  const words = open(url, '--json', '--generators', '2', '--results', folder)
  const { exitCode, out, err } = await startCli(t, words).ended
  assert.equal(exitCode, 0, err)
  // One more, before the window.
  assert.equal(seen, 51)
  const [trial] = (JSON.parse(out) as RunEnvelope).cases
  assert.deepEqual(
    [trial?.openLoop?.generators, trial?.openLoop?.requests, trial?.openLoop?.answered],
    [2, 50, 50],
  )
  const [file = ''] = readdirSync(folder).filter((name) => name.endsWith('.json'))
  const run = parseRun(JSON.parse(readFileSync(join(folder, file), 'utf8')), file)
  const [window] = run.blocks[0]?.windows ?? []
  assert.deepEqual(
    window?.generators?.map(({ requests }) => requests),
    [25, 25],
  )
  const used = window.generators.reduce((sum, { cpuUs }) => sum + cpuUs, 0)
  assert.equal(Math.round(window.clientCpuUs), Math.round(used))
})
