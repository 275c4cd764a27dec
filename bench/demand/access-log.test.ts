import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { temporaryFolder } from '../cli-testbed.ts'
import { demandOfLog, readAccessLogs } from './access-log.ts'
import { anyParser, lineParser } from './log-lines.ts'
import { createRateMeter } from './log-rates.ts'

const two = (value: number) => String(value).padStart(2, '0')
const clock = (second: number) =>
  `${two(12 + Math.floor(second / 3_600))}:${two(Math.floor(second / 60) % 60)}:${two(second % 60)}`

/** A line of nginx's `combined`, so many seconds after noon. */
function combinedLine(second: number, tail = ''): string {
  return `192.0.2.7 - alice [27/Nov/2026:${clock(second)} +0000] "GET /pay?x=[1] HTTP/1.1" 200 612 "-" "curl/8.5 \\"x\\""${tail}`
}

function haproxyLine(second: number, port: number): string {
  return `Nov 27 ${clock(second)} lb haproxy[14389]: 192.0.2.7:${port} [27/Nov/2026:${clock(second)}.655] http-in api/srv1 10/0/30/69/109 200 2750 - - ---- 1/1/1/1/0 0/0 "GET /pay HTTP/1.1"`
}

function log(t: TestContext, content: string | Buffer, name = 'access.log'): string {
  const file = join(temporaryFolder(t), name)
  writeFileSync(file, content)
  return file
}

const context = { signal: new AbortController().signal }

/** 100 seconds of 10 requests each, but for the 40th with 50: 1,040 in all. */
const seconds = Array.from({ length: 100 }, (_, second) => ({
  second,
  requests: second === 40 ? 50 : 10,
}))

test('an nginx log: highest second, highest ten, mean, burstiness, and what is garbage by its line', async (t) => {
  const lines = seconds.flatMap(({ second, requests }) =>
    Array.from({ length: requests }, () => combinedLine(second)),
  )
  lines.splice(3, 0, 'not a line', '')
  const figures = await readAccessLogs([log(t, lines.join('\n'))], context)
  assert.equal(figures.lines, 1_042)
  assert.equal(figures.requests, 1_040)
  assert.equal(figures.garbage, 2)
  assert.deepEqual(figures.firstGarbage, [4, 5])
  assert.equal(figures.seconds, 100)
  assert.equal(figures.peak1PerSecond, 50)
  // Nine seconds of 10 and one of 50.
  assert.equal(figures.peak10PerSecond, 14)
  assert.equal(figures.meanPerSecond, 10.4)
  // Variance of 99 tens and one 50: 100 × 0.01 × 0.99 × 40² ÷ 99 = 16; over 10.4.
  assert.ok(Math.abs(figures.dispersion - 16 / 10.4) < 1e-9)
  assert.equal(figures.requestsPerConnection, null)
  assert.deepEqual(demandOfLog(figures), { rate: 14, meanRate: 10.4, burst: 50 / 14 })
})

test('a compressed log says the same, and so do lines with CR LF', async (t) => {
  const lines = seconds.map(({ second }) => combinedLine(second))
  const plain = await readAccessLogs([log(t, lines.join('\n'))], context)
  for (const content of [gzipSync(lines.join('\n')), Buffer.from(lines.join('\r\n'))])
    assert.deepEqual(await readAccessLogs([log(t, content)], context), plain)
})

test('requests per connection by the number that each request has on its own', async (t) => {
  // Two connections of three requests, one of two.
  const numbers = [1, 1, 2, 2, 3, 3, 1, 2]
  const lines = numbers.map((number, index) => combinedLine(index, ` ${100 + index} ${number}`))
  const { requestsPerConnection } = await readAccessLogs([log(t, lines.join('\n'))], context)
  assert.equal(requestsPerConnection, 8 / 3)
})

test('a log_format of one’s own: times, statuses, connections and resumed sessions', async (t) => {
  const format =
    '$remote_addr $msec "$request" $status $connection $connection_requests $ssl_session_reused'
  const lines = [
    '192.0.2.7 1795780800.123 "GET / HTTP/1.1" 200 7 1 r',
    '192.0.2.7 1795780801.000 "GET / HTTP/1.1" 502 7 2 r',
    '192.0.2.7 1795780801.500 "GET / HTTP/1.1" 200 8 1 .',
  ]
  const figures = await readAccessLogs([log(t, lines.join('\n'))], { ...context, format })
  assert.equal(figures.requests, 3)
  assert.equal(figures.requestsPerConnection, 1.5)
  assert.equal(figures.resumedShare, 0.5)
  assert.equal(figures.serverErrorShare, 1 / 3)
})

test('an HAProxy log: connections by address and port, which is told', async (t) => {
  const lines = [1, 1, 1, 2, 2, 1].map((port, index) => haproxyLine(index, 40_000 + port))
  const figures = await readAccessLogs([log(t, lines.join('\n'))], context)
  assert.equal(figures.garbage, 0)
  assert.equal(figures.requestsPerConnection, 3)
  assert.equal(figures.isApproximate, true)
})

test('several logs are read as one, in their order', async (t) => {
  const half = (from: number) =>
    log(t, Array.from({ length: 50 }, (_, index) => combinedLine(from + index)).join('\n'))
  const figures = await readAccessLogs([half(0), half(50)], context)
  assert.equal(figures.seconds, 100)
  assert.equal(figures.meanPerSecond, 1)
})

test('a short log that is busy at both ends has no mean above its peak', async (t) => {
  const lines = [0, 0, 0, 0, 10, 10, 10, 10].map((second) => combinedLine(second))
  const figures = await readAccessLogs([log(t, lines.join('\n'))], context)
  // Eight requests in eleven seconds, four in any ten.
  assert.equal(figures.peak10PerSecond, 0.4)
  assert.equal(demandOfLog(figures).meanRate, 0.4)
})

test('a line without an end does not fill the memory, and is one line of garbage', async (t) => {
  const content = `${combinedLine(0)}\n${'x'.repeat(3_000_000)}\n${combinedLine(1)}\n`
  const figures = await readAccessLogs([log(t, content)], context)
  assert.equal(figures.requests, 2)
  assert.equal(figures.garbage, 1)
})

test('refused: no file, nothing but garbage, a gzip that was cut, a format that has no time', async (t) => {
  const cut = gzipSync(
    Array.from({ length: 9_000 }, (_, index) => combinedLine(index % 60)).join('\n'),
  )
  for (const [file, format, message] of [
    ['/no/such/file', 'auto', /--log \/no\/such\/file: cannot be read: ENOENT/],
    [log(t, 'a\nb\nc\n'), 'auto', /none of 3 lines is of the format auto/],
    [log(t, ''), 'auto', /none of 0 lines/],
    [log(t, cut.subarray(0, cut.length / 2)), 'auto', /cannot be read: unexpected end of file/],
    [log(t, combinedLine(0)), '$remote_addr', /it has no time/],
    [log(t, combinedLine(0)), 'common', /--log-format common: expected auto, combined, haproxy/],
    [log(t, combinedLine(0)), 'haproxy', /none of 1 lines is of the format haproxy/],
  ] as const) {
    await assert.rejects(() => readAccessLogs([file], { ...context, format }), message)
  }
})

test('no text makes a parser throw, or take long', () => {
  const parsers = [
    anyParser(),
    lineParser('combined'),
    lineParser('haproxy'),
    lineParser('$remote_addr [$time_local] "$request" $status'),
  ]
  fc.assert(
    fc.property(fc.string({ maxLength: 400 }), (line) => {
      for (const parse of parsers) parse(line)
    }),
  )
  // Where a pattern could try again from each place, this would take minutes.
  for (const character of ['"', '[', ' ', '\\"', ':1 [', '/', 'a '])
    for (const parse of parsers) assert.equal(parse(character.repeat(30_000)), null)
})

test('the meter: gaps, lines behind each other, and what comes too late', () => {
  const meter = createRateMeter(60)
  for (const second of [1_000, 1_002, 1_001, 999]) meter.add(second)
  // An hour of nothing, then ten in one second.
  for (let request = 0; request < 10; request++) meter.add(4_600)
  meter.add(1_003)
  const rates = meter.finish()
  assert.equal(rates.late, 1)
  assert.equal(rates.seconds, 4_600 - 999 + 1)
  assert.equal(rates.peak1PerSecond, 10)
  assert.equal(rates.peak10PerSecond, 1)
  assert.ok(Math.abs(rates.meanPerSecond - 14 / 3_602) < 1e-12)
})

test('the meter says of any order of lines what counting them all says', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 300 }), { minLength: 1, maxLength: 200 }),
      (offsets) => {
        const meter = createRateMeter(400)
        for (const offset of offsets) meter.add(50_000 + offset)
        const [first, last] = [Math.min(...offsets), Math.max(...offsets)]
        const counts = Array.from(
          { length: last - first + 1 },
          (_, second) => offsets.filter((offset) => offset === first + second).length,
        )
        const { peak1PerSecond, seconds, meanPerSecond, late } = meter.finish()
        assert.equal(late, 0)
        assert.equal(seconds, counts.length)
        assert.equal(peak1PerSecond, Math.max(...counts))
        assert.ok(Math.abs(meanPerSecond - offsets.length / counts.length) < 1e-9)
      },
    ),
  )
})
