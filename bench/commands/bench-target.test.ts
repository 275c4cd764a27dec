import assert from 'node:assert/strict'
import type { RequestListener } from 'node:http'
import { createServer } from 'node:https'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { Ajv } from 'ajv'
import {
  CompareEnvelopeSchema,
  RunEnvelopeSchema,
  type RunEnvelope,
} from '../analysis/envelope-schema.ts'
import { cli, startCli } from '../cli-testbed.ts'
import { parseRun, type Run } from '../results.ts'
import { createTargetBed, listen, serveHttp, serveHttps } from '../targets/target-testbed.ts'

const ajv = new Ajv()
const isRunEnvelope = ajv.compile(RunEnvelopeSchema)
const isCompareEnvelope = ajv.compile(CompareEnvelopeSchema)

const bench = (urls: readonly string[], folder: string, ...more: string[]) => [
  ...['bench', ...urls.flatMap((url) => ['--target', url]), '--i-own-this-target'],
  ...['--results', folder, '--json', ...more],
]

/** A server that counts what it is asked. */
function counting(answer: RequestListener = (_request, response) => response.end('fine')) {
  let seen = 0
  const listener: RequestListener = (request, response) => {
    seen += 1
    answer(request, response)
  }
  return { listener, seen: () => seen }
}

function stored({ folder, files }: { folder: string; files: () => string[] }): Run {
  const [file = ''] = files()
  return parseRun(JSON.parse(readFileSync(join(folder, file), 'utf8')), file)
}

test('closed loops over TLS with a client certificate, of which nothing is stored', async (t) => {
  const bed = await createTargetBed(t)
  const { listener, seen } = counting()
  const url = await serveHttps(t, bed.server, listener, {
    requestCert: true,
    ca: bed.root.certificatePem,
  })
  const results = bed.results()
  const { exitCode, out, err } = await startCli(
    t,
    bench(
      [`${url}/pay?key=s3cret`],
      results.folder,
      '--smoke',
      '--ca',
      bed.caFile,
      ...bed.presenting(bed.client),
    ),
  ).ended
  assert.equal(exitCode, 0, err)
  const envelope = JSON.parse(out) as RunEnvelope
  const [trial] = envelope.cases
  const { latencyP50Us, cpuUsPerRequest, requestsPerSecond } = trial?.metrics ?? {}
  assert.ok((latencyP50Us?.estimate ?? 0) > 0 && (requestsPerSecond?.estimate ?? 0) > 0)
  assert.equal(cpuUsPerRequest, null)
  assert.deepEqual([trial?.target?.cpu, trial?.target?.cap], ['unknown', null])
  assert.match(trial?.target?.tls ?? '', /^TLSv1\.3 TLS_/)
  // Without the certificate the handshake is refused, as it should be.
  assert.deepEqual(
    [trial?.preflight?.tried, trial?.preflight?.refused, trial?.preflight?.recorded],
    [1, 1, 0],
  )
  const run = stored(results)
  const slices = run.blocks[0]?.slices ?? []
  // One request of preflight, and those of the slices; warm-up and settling besides.
  assert.ok(seen() > slices.reduce((sum, { requests }) => sum + requests, 1))
  assert.ok(slices.every((slice) => slice.cpuUs === null && slice.rssBytes === null))
  assert.deepEqual(run.command.slice(0, 3), ['bench', '--target', `${url}/pay?…`])
  assert.ok(run.command.includes('--cert') && run.command.includes('…'))
  for (const text of [JSON.stringify(run), out, err]) {
    assert.ok(!text.includes('s3cret'))
    assert.ok(!text.includes(bed.folder) || text === out)
  }
})

test('two targets are arms of the same blocks, the first is what the other is told against', async (t) => {
  const bed = await createTargetBed(t)
  const [a, b] = [counting(), counting()]
  const urls = [await serveHttp(t, a.listener), await serveHttp(t, b.listener)]
  const results = bed.results()
  const names = urls.flatMap((url, index) => ['--name', `${index === 0 ? 'old' : 'new'}=${url}`])
  const { exitCode, out, err } = await startCli(t, bench(urls, results.folder, '--smoke', ...names))
    .ended
  assert.equal(exitCode, 0, err)
  const { cases, comparisons, warnings } = JSON.parse(out) as RunEnvelope
  assert.ok(isRunEnvelope(JSON.parse(out)), JSON.stringify(isRunEnvelope.errors))
  assert.deepEqual(
    cases.map(({ id, baseline, parameters }) => [id, baseline, parameters['target']]),
    [
      ['old', null, 'old'],
      ['new', 'old', 'new'],
    ],
  )
  // Of unknown CPU there is nothing to compare.
  assert.deepEqual(
    comparisons.map(({ case: id, against, metric }) => [id, against, metric]),
    [['new', 'old', 'latencyP50Us']],
  )
  assert.ok(warnings.some(({ message }) => /old, new: .* CPU is unknown/.test(message)))
  const order = (stored(results).blocks[0]?.slices ?? []).map(({ arm }) => arm)
  // Four of each in the order of an A/A: never three of one in a row, as many of both.
  assert.ok(!/(old,){3}|(new,){3}/.test(`${order.slice(0, 8).join(',')},`), order.join())
  assert.equal(a.seen(), b.seen())
})

test('a server that ends connections after ten requests is measured all the same', async (t) => {
  const bed = await createTargetBed(t)
  const { listener } = counting()
  const { chainPem: cert, privateKeyPem: key } = bed.server
  const server = createServer({ cert, key }, listener)
  server.maxRequestsPerSocket = 10
  const url = `https://127.0.0.1:${await listen(t, server)}`
  for (const load of [['--smoke'], ['--load', 'open', '--rate', '100', '--duration', '1s']]) {
    const results = bed.results()
    const { exitCode, out, err } = await startCli(
      t,
      bench([url], results.folder, '--ca', bed.caFile, ...load),
    ).ended
    assert.equal(exitCode, 0, err)
    const [trial] = (JSON.parse(out) as RunEnvelope).cases
    if (trial?.openLoop != null)
      assert.deepEqual([trial.openLoop.errors, trial.openLoop.timeouts], [{}, 0])
    else assert.ok((trial?.metrics.handshakesFull?.estimate ?? 0) > 0)
  }
})

test('method, body, headers and statuses are sent and expected as told', async (t) => {
  const bed = await createTargetBed(t)
  const bytes = Buffer.from([0x7b, 0xc3, 0xa9, 0x00, 0x7d])
  const asked = new Set<string>()
  let turn = 0
  const url = await serveHttp(t, (request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const { method = '', headers } = request
      const body = Buffer.concat(chunks).toString('hex')
      asked.add([method, headers['x-key'], headers['content-type'], body].join(' '))
      response.writeHead((turn += 1) % 2 === 0 ? 202 : 200).end('done')
    })
  })
  const results = bed.results()
  const { exitCode, out, err } = await startCli(
    t,
    bench(
      [url],
      results.folder,
      ...['--smoke', '--method', 'put', '--body-file', bed.write('body', bytes)],
      ...['--header', 'Content-Type: application/json'],
      ...['--header', `x-key: @${bed.write('key', 's3cret\n')}`],
      ...['--expect-status', '200,202'],
      ...['--expect-body-digest', createHash('sha256').update('done').digest('hex')],
    ),
  ).ended
  assert.equal(exitCode, 0, err)
  assert.deepEqual([...asked], [`PUT s3cret application/json ${bytes.toString('hex')}`])
  const run = stored(results)
  const statuses = run.blocks[0]?.slices.map((slice) => Object.keys(slice.statuses).sort().join())
  assert.ok(statuses?.includes('200,202'))
  assert.deepEqual(run.arms[0]?.target?.expectedStatuses, [200, 202])
  assert.ok(run.command.includes('x-key: …'))
  for (const text of [JSON.stringify(run), out, err]) assert.ok(!text.includes('s3cret'))
})

test('a HEAD is answered without a body, whatever its length says', async (t) => {
  const bed = await createTargetBed(t)
  const url = await serveHttp(t, (_request, response) => {
    response.writeHead(200, { 'content-length': '1000' }).end()
  })
  const { exitCode, err } = await startCli(
    t,
    bench([url], bed.results().folder, '--smoke', '--method', 'HEAD'),
  ).ended
  assert.equal(exitCode, 0, err)
})

test('new connections: full and resumed handshakes by the client’s own count, storms besides', async (t) => {
  const bed = await createTargetBed(t)
  const { listener } = counting()
  const url = await serveHttps(t, bed.server, listener)
  const results = bed.results()
  const { exitCode, out, err } = await startCli(
    t,
    bench(
      [url],
      results.folder,
      ...['--smoke', '--load', 'churn', '--policy', 'full,resumed', '--ca', bed.caFile],
      ...['--requests-per-connection', '2,inf', '--storm', '4'],
    ),
  ).ended
  assert.equal(exitCode, 0, err)
  const { cases } = JSON.parse(out) as RunEnvelope
  const counts = cases.map(({ churn, metrics }) => [
    churn?.policy,
    churn?.requestsPerConnection,
    churn?.clients ?? null,
    metrics.handshakesFull?.estimate,
    metrics.handshakesResumed?.estimate,
    churn?.handshakesFailed,
  ])
  // Two slices of 4 connections each.
  assert.deepEqual(counts, [
    ['full', 2, null, 8, 0, null],
    ['resumed', 2, null, 0, 8, null],
    ['keep-alive', null, null, 0, 0, null],
    ['full', 1, 4, 8, 0, null],
    ['resumed', 1, 4, 0, 8, null],
  ])
})

test('a curve of latency against rate', async (t) => {
  const bed = await createTargetBed(t)
  const { listener } = counting()
  const url = await serveHttp(t, listener)
  const results = bed.results()
  const { exitCode, out, err } = await startCli(
    t,
    bench([url], results.folder, '--smoke', '--curve', '--rates', '50,100'),
  ).ended
  assert.equal(exitCode, 0, err)
  const [trial] = (JSON.parse(out) as RunEnvelope).cases
  assert.deepEqual(
    trial?.curve?.points.map(({ openLoop }) => [openLoop.ratePerSecond, openLoop.answeredShare]),
    [
      [50, 1],
      [100, 1],
    ],
  )
})

test('CPU of processes of this machine is counted slice by slice', async (t) => {
  const bed = await createTargetBed(t)
  const { listener } = counting()
  const url = await serveHttp(t, listener)
  if (process.platform !== 'linux') {
    assert.notEqual(process.env['CI'], 'true', 'CPU by process is of Linux')
    t.skip('CPU by process is of Linux')
    return
  }
  const results = bed.results()
  const { exitCode, out, err } = await startCli(
    t,
    bench([url], results.folder, '--smoke', '--cpu-pid', String(process.pid)),
  ).ended
  assert.equal(exitCode, 0, err)
  const [trial] = (JSON.parse(out) as RunEnvelope).cases
  assert.equal(trial?.target?.cpu, 'processes')
  assert.ok((trial.metrics.cpuUsPerRequest?.estimate ?? 0) > 0)
})

test('CPU by Prometheus is read around each block; one that is shorter than its scrapes has none', async (t) => {
  const bed = await createTargetBed(t)
  const { listener } = counting()
  const url = await serveHttp(t, listener)
  let seconds = 100
  /** Scrapes in five minutes. */
  let scrapes = 30_000
  const prometheus = await serveHttp(t, (request, response) => {
    const query = new URL(request.url ?? '', 'http://localhost').searchParams.get('query') ?? ''
    const value = query.startsWith('count_over_time(') ? scrapes : (seconds += 0.25)
    const result = [{ metric: {}, value: [0, String(value)] }]
    response.end(JSON.stringify({ status: 'success', data: { resultType: 'vector', result } }))
  })
  for (const [count, known] of [
    [30_000, true],
    [20, false],
  ] as const) {
    scrapes = count
    const results = bed.results()
    const { exitCode, out, err } = await startCli(
      t,
      bench(
        [url],
        results.folder,
        ...['--smoke', '--prometheus', prometheus, '--prometheus-query', 'cpu_seconds'],
      ),
    ).ended
    assert.equal(exitCode, 0, err)
    const [trial] = (JSON.parse(out) as RunEnvelope).cases
    const [counted] = stored(results).blocks[0]?.counted ?? []
    assert.equal(counted?.resolutionMs, 300_000 / count)
    // A quarter of a second between two readings, over all requests between them.
    assert.equal(counted.cpuUs, known ? 250_000 : null)
    assert.equal(
      trial?.metrics.cpuUsPerRequest?.estimate ?? null,
      known ? 250_000 / counted.requests : null,
    )
  }
})

test('two stored runs are compared by the names of their targets, wherever they were', async (t) => {
  const bed = await createTargetBed(t)
  const results = bed.results()
  const { folder } = results
  for (let round = 0; round < 2; round++) {
    const { listener } = counting()
    const url = await serveHttp(t, listener)
    const words = ['--name', `gateway=${url}`, '--quick', '--budget', '3s']
    const { exitCode, err } = await startCli(t, bench([url], folder, ...words)).ended
    assert.equal(exitCode, 0, err)
  }
  const [before = '', after = ''] = results.files().map((name) => join(folder, name))
  const { exitCode, out, err } = await startCli(t, ['compare', before, after, '--results', folder])
    .ended
  assert.equal(exitCode, 0, err)
  assert.match(out, /gateway +p50 latency, µs/)
  assert.match(out, /different sessions: each is taken to wander by 15\.0 % sd/)
  assert.doesNotMatch(out, /÷ ref|CPU per request/)
  const json = await startCli(t, ['compare', before, after, '--results', folder, '--json']).ended
  assert.ok(isCompareEnvelope(JSON.parse(json.out)), JSON.stringify(isCompareEnvelope.errors))
})

test('a cap holds the load back, whatever the target could do, and no highest rate is told', async (t) => {
  const bed = await createTargetBed(t)
  let first = 0
  let last = 0
  const { listener, seen } = counting((_request, response) => {
    last = performance.now()
    if (first === 0) first = last
    response.end('fine')
  })
  const url = await serveHttp(t, listener)
  const { exitCode, out, err } = await startCli(
    t,
    bench([url], bed.results().folder, '--quick', '--max-rate', '200', '--max-duration', '3s'),
  ).ended
  assert.equal(exitCode, 0, err)
  // Those of preflight, and of how long an answer takes, are not held back: 1 and 5.
  assert.ok(seen() - 6 <= 200 * ((last - first) / 1_000 + 0.005) + 1, `${seen()} requests`)
  const [trial] = (JSON.parse(out) as RunEnvelope).cases
  assert.deepEqual(trial?.target?.cap, { ratePerSecond: 200, durationMs: 3_000, connections: 64 })
  assert.equal(trial.metrics.requestsPerSecond, null)
  assert.ok((trial.metrics.latencyP50Us?.estimate ?? 0) > 0)
})

test('a target too slow for the time it is given is cut off, without a figure', async (t) => {
  const bed = await createTargetBed(t)
  const url = await serveHttp(t, (_request, response) => {
    setTimeout(() => response.end('fine'), 200)
  })
  const results = bed.results()
  const { exitCode, out, err } = await startCli(
    t,
    bench([url], results.folder, '--quick', '--max-duration', '1s'),
  ).ended
  assert.equal(exitCode, 3)
  assert.match(err, /1 s of load are over, which is all that is sent to a target; --max-duration/)
  const [trial] = (JSON.parse(out) as RunEnvelope).cases
  assert.equal(trial?.metrics.latencyP50Us, null)
  assert.equal(stored(results).complete, false)
})

test('what is not sent to another host, and what a command line may not say: exit code 64', async (t) => {
  const bed = await createTargetBed(t)
  const far = 'https://gw.example/pay'
  const own = ['--target', far, '--i-own-this-target']
  const secret = ['--token-url', 'https://login.example/token', '--client-id', 'me']
  const wrong: [string[], RegExp][] = [
    [['--target', far], /--target https:\/\/gw\.example\/pay: add --i-own-this-target/],
    [
      [...own, '--load', 'open', '--rate', '5000'],
      /5,000 requests\/s to gw\.example: at most 1,000 .*--max-rate 5000/,
    ],
    [
      [...own, '--load', 'open', '--rate', '5', '--duration', '2m'],
      /120 s of load .*--max-duration 120s/,
    ],
    [
      [...own, '--load', 'open', '--rate', '5', '--duration', '10s', '--blocks', '7'],
      /70 s of load/,
    ],
    [[...own, '--curve'], /s of load to gw\.example: at most 60 s/],
    [[...own, '--load', 'churn', '--storm', '65'], /65 connections to gw\.example: at most 64/],
    [[...own, '--max-rate', 'fast'], /--max-rate fast: expected/],
    [['tls', ...own], /tls: a --target is measured instead of scenarios/],
    [[...own, '--set', 'tls=1.2'], /--set tls=1\.2: is of scenarios/],
    [[...own, '--against', 'tls'], /--against tls: is of scenarios/],
    [[...own, '--target', far], /gw\.example\/pay: named twice; give each a name/],
    [[...own, '--name', 'a=https://other.example/'], /--name a: no --target is/],
    [['tls', '--cert', 'c.pem'], /--cert needs --target/],
    [['--i-own-this-target'], /--i-own-this-target needs --target/],
    [[...own, '--cert', 'c.pem'], /--cert needs --key/],
    [[...own, '--cert', 'no.pem', '--key', 'no.pem'], /--cert no\.pem: cannot be read \(ENOENT\)/],
    [
      [...own, '--cert', bed.caFile, '--key', bed.caFile],
      /--cert, --key: not usable \(.*\), expected PEM files that belong together/,
    ],
    [[...own, '--header', 's3cret'], /--header: expected NAME: VALUE/],
    [[...own, '--header', 'Cookie: s3cret'], /--header Cookie: a secret .* give 'Cookie: @FILE'/],
    [[...own, '--header', 'Content-Length: 3'], /--header content-length: is set by what is sent/],
    [
      [...own, '--expect-status', '20'],
      /--expect-status 20: expected whole numbers from 100 to 599/,
    ],
    [[...own, '--expect-body-digest', 'abc'], /--expect-body-digest abc: expected the SHA-256/],
    [[...own, '--method', 'G T'], /--method G T: expected an HTTP method/],
    [
      [...own, '--cpu-pid', '1'],
      /--cpu-pid 1: counts processes of this machine, and the target is/,
    ],
    [[...own, '--prometheus', 'http://127.0.0.1:9'], /each needs the other/],
    [[...own, '--client-id', 'me'], /--client-id needs --issuer or --token-url/],
    [[...own, ...secret], /--client-id me: how does it prove that\?/],
    [
      [...own, ...secret, '--issuer', 'https://login.example'],
      /--issuer and --token-url: give one/,
    ],
    [[...own, '--token-url', 'https://login.example/token'], /--token-url needs --client-id/],
    [[...own, ...secret.with(1, 'http://login.example/token')], /secrets go over https:\/\/ only/],
    [[...own, ...secret, '--client-key-file', bed.caFile], /--client-key-file: not a private key/],
    [[...own, ...secret, '--client-auth', 'private_key_jwt'], /needs --client-key-file/],
    [['--target', 'https://me:s3cret@gw.example/'], /a URL with a user or password/],
  ]
  for (const [words, message] of wrong) {
    const { exitCode, out, err } = await cli(['bench', ...words])
    assert.deepEqual([exitCode, out], [64, ''], `${words.join(' ')}: ${err}`)
    assert.match(err, message, words.join(' '))
    assert.ok(!err.includes('s3cret'))
  }
})
