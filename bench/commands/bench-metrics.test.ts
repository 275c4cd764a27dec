import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { childrenOf, isAlive, startCli, temporaryFolder, type CliProcess } from '../cli-testbed.ts'
import { decodeHistogram, sampleCount } from '../load/histogram.ts'
import { parseExposition, serve, startReceiver, total, type Sample } from '../otel/testbed.ts'
import { parseRun, type Run } from '../results.ts'

const smoke = (results: string, ...words: string[]) => [
  ...['bench', ...words, '--smoke', '--seed', '1', '--results', results],
]

/** The shortest run that there is: one window on a server of this test. */
async function quickest(t: TestContext, results: string): Promise<string[]> {
  const target = await serve(t, (_request, response) => response.end('ok'))
  return [
    ...['bench', '--target', target, '--i-own-this-target', '--smoke', '--seed', '1'],
    ...['--load', 'open', '--rate', '100', '--results', results],
  ]
}

function storedRun(folder: string): Run {
  const [file = ''] = readdirSync(folder).filter((name) => name.endsWith('.json'))
  return parseRun(JSON.parse(readFileSync(join(folder, file), 'utf8')), file)
}

async function endpointOf(bench: CliProcess): Promise<string> {
  await bench.saw(/metrics: http:\S+\n/)
  return /metrics: (http:\S+)\n/.exec(bench.output().err)?.[1] ?? ''
}

const exporterOf = ({ pid }: CliProcess) =>
  childrenOf(pid).find(({ command }) => command.includes('metrics-process'))

interface Part {
  readonly requests: number
  readonly wallUs: number
  readonly cpuUs: number | null
  readonly issuerCpuUs: number | null
  readonly clientCpuUs: number
  readonly handshakesFull: number | null
  readonly handshakesResumed: number | null
}

/** Every slice and window of a run, whatever its load. */
function partsOf({ blocks }: Run): Part[] {
  return blocks.flatMap(({ slices, windows = [], churn = [] }) => [
    ...slices,
    ...windows,
    ...churn.flatMap((cell) => cell.slices),
  ])
}

function responsesOf({ blocks }: Run): string[] {
  return blocks.flatMap(({ histograms, windows = [], churn = [] }) => [
    ...histograms.map(({ histogram }) => histogram),
    ...windows.map((window) => window.histograms.response),
    ...churn.map((cell) => cell.histograms.response),
  ])
}

/** The last export holds what the run file holds: counts to the last one, times to the rounding of a sum. */
function assertSame(samples: readonly Sample[], run: Run): void {
  const parts = partsOf(run)
  const sum = (figure: (part: Part) => number | null) =>
    parts.reduce((all, part) => all + (figure(part) ?? 0), 0)
  const count = (name: string, labels: Readonly<Record<string, string>> = {}) =>
    total(samples, name, labels)
  const handshakes = (kind: string) =>
    count('trustbench.handshakes', { 'trustbench.handshake.kind': kind })
  const samplesIn = responsesOf(run).map((text) => sampleCount(decodeHistogram(text)))
  assert.deepEqual(
    {
      requests: count('trustbench.requests'),
      responses: count('http.client.request.duration'),
      full: handshakes('full'),
      resumed: handshakes('resumed'),
      blocks: count('trustbench.blocks', { 'trustbench.outcome': 'measured' }),
    },
    {
      requests: sum(({ requests }) => requests),
      responses: samplesIn.reduce((all, one) => all + one, 0),
      full: sum(({ handshakesFull }) => handshakesFull),
      resumed: sum(({ handshakesResumed }) => handshakesResumed),
      blocks: run.blocks.length,
    },
  )
  const seconds: [string, Readonly<Record<string, string>>, number][] = [
    ['trustbench.load.time', {}, sum(({ wallUs }) => wallUs)],
    ['trustbench.cpu.time', { 'trustbench.role': 'server' }, sum(({ cpuUs }) => cpuUs)],
    ['trustbench.cpu.time', { 'trustbench.role': 'issuer' }, sum(({ issuerCpuUs }) => issuerCpuUs)],
    ['trustbench.cpu.time', { 'trustbench.role': 'client' }, sum(({ clientCpuUs }) => clientCpuUs)],
  ]
  for (const [name, labels, us] of seconds)
    assert.ok(Math.abs(count(name, labels) * 1e6 - us) < 1e-3, `${name} ${JSON.stringify(labels)}`)
}

test('OTLP, every load: what the receiver has at the end is what the run file has', async (t) => {
  const loads = [
    ['tls'],
    ['http', '--load', 'churn'],
    ['introspection', '--curve', '--rates', '50,100'],
  ]
  for (const words of loads) {
    const folder = temporaryFolder(t)
    const { url, received } = await startReceiver(t)
    const bench = startCli(t, [...smoke(folder, ...words), '--metrics-otlp', url])
    const { exitCode, err } = await bench.ended
    assert.equal(exitCode, 0, err)
    const run = storedRun(folder)
    const last = received.at(-1)
    assert.ok(last !== undefined && received.every(({ path }) => path === '/v1/metrics'))
    assertSame(last.samples, run)
    assert.deepEqual(
      [last.resource['service.name'], last.resource['service.instance.id']],
      ['trustbench', run.runId],
    )
    // One before the block, one before each window, one at the end: none while anything is measured.
    const windows = run.blocks.flatMap((block) => block.windows ?? [])
    assert.equal(received.length, 2 + windows.length)
    assert.deepEqual(
      run.warnings.filter(({ code }) => code.startsWith('metrics')),
      [],
    )
    assert.match(
      err,
      /metrics: used [\d.]+ ms of CPU while blocks ran, [\d.]+ ms between them; read 0 times, sent/,
    )
  }
})

test('a target: errors by kind, nothing secret, and nothing of it all in the run file', async (t) => {
  const folder = temporaryFolder(t)
  const { url, received } = await startReceiver(t)
  let seen = 0
  const target = await serve(t, (_request, response) => {
    response.writeHead(seen++ === 50 ? 503 : 200).end('ok')
  })
  const bench = startCli(
    t,
    [
      ...['bench', '--target', `${target}/pay?key=s3cret`, '--i-own-this-target'],
      ...['--load', 'open', '--rate', '100', '--arrivals', 'constant', '--duration', '1s'],
      ...['--results', folder, '--metrics-otlp', `${url}/in?key=0tlpkey`],
    ],
    {
      env: {
        ...process.env,
        TMPDIR: temporaryFolder(t),
        OTEL_EXPORTER_OTLP_HEADERS: 'authorization=h3ader',
      },
    },
  )
  const { exitCode, out, err } = await bench.ended
  assert.equal(exitCode, 0, err)
  const run = storedRun(folder)
  const last = received.at(-1)
  assert.ok(last !== undefined)
  assertSame(last.samples, run)
  const [window] = run.blocks[0]?.windows ?? []
  const wrong = Object.values(window?.errors ?? {}).reduce((sum, count) => sum + count, 0)
  assert.equal(wrong, 1)
  assert.equal(total(last.samples, 'trustbench.errors', { 'error.type': '503' }), wrong)
  assert.equal(total(last.samples, 'trustbench.offered.rate'), 100)
  assert.deepEqual([last.path, last.headers.authorization], ['/in?key=0tlpkey', 'h3ader'])
  assert.ok(!JSON.stringify(received.map(({ samples }) => samples)).includes('s3cret'))
  for (const text of [JSON.stringify(run), out, err])
    for (const secret of ['s3cret', '0tlpkey', 'h3ader', '--metrics'])
      assert.ok(!text.includes(secret), secret)
})

test('Prometheus: series move between windows, and the endpoint closes with the run', async (t) => {
  const folder = temporaryFolder(t)
  const bench = startCli(t, [
    ...smoke(folder, 'http', 'tls', '--load', 'open', '--rate', '100'),
    ...['--metrics-prometheus', '0'],
  ])
  const url = await endpointOf(bench)
  assert.match(url, /^http:\/\/127\.0\.0\.1:\d+\/metrics$/)
  const begun = (await textOf(url)) ?? ''
  const { headers } = await fetch(url)
  assert.equal(headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8')
  assert.match(begun, /^# TYPE target_info gauge\ntarget_info\{service_name="trustbench"\} 1$/m)
  assert.equal((await fetch(new URL('/', url))).status, 404)
  assert.equal((await fetch(url, { method: 'POST' })).status, 405)
  const seen = await scrapeToTheEnd(t, url)
  const { exitCode, err } = await bench.ended
  assert.equal(exitCode, 0, err)
  const answered = (storedRun(folder).blocks[0]?.windows ?? []).map((window) => window.answered)
  const [first = 0, second = 0] = answered
  // None, then those of the first window before the second has ended, and whoever reads has the last ones, too.
  assert.deepEqual([...new Set(seen)], [0, first, first + second])
  assert.match(err, /metrics: up to 15 s until the last figures are read; Ctrl-C ends\n/)
})

/** Null where nobody answers, or not to the end. */
async function textOf(url: string): Promise<string | null> {
  try {
    return await (await fetch(url)).text()
  } catch {
    return null
  }
}

/** Requests answered, by each reading of the endpoint until it is gone. */
async function scrapeToTheEnd(t: TestContext, url: string): Promise<number[]> {
  const answered: number[] = []
  for (;;) {
    t.signal.throwIfAborted()
    const text = await textOf(url)
    if (text === null) return answered
    const samples = parseExposition(text)
    answered.push(total(samples, 'trustbench_requests_total', { trustbench_outcome: 'answered' }))
    const infinite = total(samples, 'http_client_request_duration_seconds_bucket', { le: '+Inf' })
    assert.equal(infinite, total(samples, 'http_client_request_duration_seconds_count'))
    await sleep(pollMs)
  }
}

test('a port that is taken, and a URL that is none: one line, exit code 64, nothing measured', async (t) => {
  const holder = createServer().listen(0, '127.0.0.1')
  t.after(() => holder.close())
  await once(holder, 'listening')
  const address = holder.address()
  const port = address !== null && typeof address === 'object' ? address.port : 0
  const rows: [string[], RegExp][] = [
    [
      ['--metrics-prometheus', String(port)],
      /^trustbench: --metrics-prometheus 127\.0\.0\.1:\d+: cannot listen there \(.*EADDRINUSE.*\); give another address, or port 0 for any free one\n$/,
    ],
    [
      ['--metrics-otlp', 'collector:4318'],
      /^trustbench: --metrics-otlp collector:4318: expected .*\n$/,
    ],
  ]
  for (const [words, line] of rows) {
    const folder = temporaryFolder(t)
    const { exitCode, out, err } = await startCli(t, [...smoke(folder, 'http'), ...words]).ended
    assert.deepEqual([exitCode, out], [64, ''])
    assert.match(err, line)
    assert.deepEqual(readdirSync(folder), [])
  }
})

test('a receiver that is not there, or never answers, is one warning; the run is whole', async (t) => {
  const silent = await serve(t, () => undefined)
  const rows: [string, RegExp][] = [
    ['http://127.0.0.1:9', /ECONNREFUSED/],
    [silent, /no answer after 1800 ms|timed out/i],
  ]
  for (const [url, why] of rows) {
    const folder = temporaryFolder(t)
    const bench = startCli(t, [...(await quickest(t, folder)), '--metrics-otlp', url])
    const { exitCode, err } = await bench.ended
    assert.equal(exitCode, 0, err)
    const run = storedRun(folder)
    assert.equal(run.complete, true)
    const warnings = run.warnings.filter(({ code }) => code === 'metrics-not-exported')
    assert.equal(warnings.length, 1)
    assert.match(
      warnings[0]?.message ?? '',
      /^--metrics-otlp http:\S+: 2 of 2 exports failed, the last one with: /,
    )
    assert.match(warnings[0]?.message ?? '', why)
    assert.equal(err.match(/^trustbench: --metrics-otlp .*; the run goes on$/gm)?.length, 1)
  }
})

test('Ctrl-C while a receiver does not answer: gone within 2 s, the endpoint too', async (t) => {
  const silent = await serve(t, () => undefined)
  const folder = temporaryFolder(t)
  const bench = startCli(t, [
    ...['bench', 'http', '--quick', '--results', folder],
    ...['--metrics-otlp', silent, '--metrics-prometheus', '0'],
  ])
  const url = await endpointOf(bench)
  const own = exporterOf(bench)
  assert.ok(own)
  await bench.saw(/block 1 of|first figure/)
  bench.child.kill('SIGINT')
  const { exitCode } = await bench.ended
  assert.equal(exitCode, 130)
  assert.ok(!isAlive(own.pid))
  await assert.rejects(fetch(url))
  assert.equal(storedRun(folder).incompleteReason, 'interrupted')
})

test('an exporter that dies is one line and a warning; the run is whole', async (t) => {
  const folder = temporaryFolder(t)
  const bench = startCli(t, [...(await quickest(t, folder)), '--metrics-prometheus', '0'])
  await endpointOf(bench)
  const own = exporterOf(bench)
  assert.ok(own)
  process.kill(own.pid, 'SIGKILL')
  const { exitCode, err } = await bench.ended
  assert.equal(exitCode, 0, err)
  assert.equal(err.match(/metrics are no longer exported: .*SIGKILL, the run goes on/g)?.length, 1)
  const { complete, warnings } = storedRun(folder)
  assert.deepEqual(
    [complete, warnings.filter(({ code }) => code === 'metrics-not-exported').length],
    [true, 1],
  )
})

test('nothing of OpenTelemetry is loaded where it is not asked for, and none of it by the bench where it is', async (t) => {
  // Tells every module of it that a process of the bench resolves, with the program that does.
  const watch = `import { registerHooks } from 'node:module'
    registerHooks({ resolve(name, context, next) {
      if (name.startsWith('@opentelemetry/')) process.stderr.write('LOADED ' + name + '\\n')
      return next(name, context)
    } })`
  const env = {
    ...process.env,
    TMPDIR: temporaryFolder(t),
    NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(watch)}`,
  }
  const { url } = await startReceiver(t)
  for (const words of [[], ['--metrics-otlp', url]]) {
    const folder = temporaryFolder(t)
    const { exitCode, err } = await startCli(t, [...(await quickest(t, folder)), ...words], { env })
      .ended
    assert.equal(exitCode, 0, err)
    assert.ok(!err.includes('LOADED'), err)
  }
  // The watch sees what it should: the same modules, by the file that the exporter runs.
  const exporter = pathToFileURL(join(import.meta.dirname, '..', 'otel', 'otlp.ts')).href
  const control = spawnSync(
    process.execPath,
    ['--input-type=module', '-e', `import '${exporter}'`],
    {
      env,
      encoding: 'utf8',
    },
  )
  assert.match(control.stderr, /LOADED @opentelemetry\//)
})

/** Leaves the cores to the run. */
const pollMs = 50
