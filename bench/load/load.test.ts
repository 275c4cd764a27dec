import assert from 'node:assert/strict'
import { createServer, type RequestListener, type Server } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo, Socket } from 'node:net'
import test, { type TestContext } from 'node:test'
import { inspect } from 'node:util'
import fc from 'fast-check'
import { saturate } from './closed.ts'
import { openConnections } from './connection.ts'
import {
  createHistogram,
  decodeHistogram,
  encodeHistogram,
  medianUs,
  mergeHistograms,
  percentileUs,
  recordAll,
  sampleCount,
} from './histogram.ts'
import { createResponseReader } from './response.ts'
import type { LoadTarget } from './target.ts'

const body = Buffer.from('{"ok":true}')

async function serve(
  t: TestContext,
  listener: RequestListener,
): Promise<{ server: Server; target: LoadTarget }> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  const { port } = server.address() as AddressInfo
  return {
    server,
    target: {
      host: '127.0.0.1',
      port,
      tls: null,
      path: '/',
      headers: {},
      expect: { status: 200, body },
    },
  }
}

const answer: RequestListener = (_request, response) => {
  response.writeHead(200, { 'content-length': body.length }).end(body)
}

test('persistent connections: exactly as many requests as asked, over as many connections, slice after slice', async (t) => {
  let seen = 0
  let sockets = 0
  const { server, target } = await serve(t, (request, response) => {
    seen += 1
    answer(request, response)
  })
  server.on('connection', () => {
    sockets += 1
  })
  await using connections = await openConnections(target, 4)
  for (const requests of [1, 3, 4, 50]) {
    const reading = await connections.run(requests)
    assert.equal(reading.requests, requests)
    assert.equal(reading.latenciesUs.length, requests)
    assert.deepEqual(reading.statuses, { 200: requests })
    assert.ok(reading.latenciesUs.every((latencyUs) => latencyUs > 0))
  }
  assert.equal(seen, 58)
  assert.equal(sockets, 4)
})

const wrong: [string, RequestListener, RegExp][] = [
  [
    'another status',
    (_q, r) => r.writeHead(401, { 'content-length': 0 }).end(),
    /request 1 of 5: wrong status: 401 instead of 200/,
  ],
  [
    'another body',
    (_q, r) => r.writeHead(200, { 'content-length': 11 }).end('{"ok":fals}'),
    /wrong body/,
  ],
  [
    'a longer body',
    (_q, r) => r.writeHead(200, { 'content-length': 12 }).end('{"ok":true} '),
    /wrong body: 12 bytes instead of the 11/,
  ],
  [
    'another body in chunks',
    (_q, r) => {
      r.write('{"ok"')
      r.end(':fals}')
    },
    /wrong body/,
  ],
  [
    'a body that ends with the connection',
    (q) => q.socket.end('HTTP/1.1 200 OK\r\n\r\n{"ok":true}'),
    /neither Content-Length nor chunked coding/,
  ],
  ['a closed connection', (q) => q.socket.destroy(), /closed the connection|ECONNRESET/],
]
for (const [name, listener, message] of wrong) {
  test(`persistent connections fail a slice with ${name}`, async (t) => {
    const { target } = await serve(t, listener)
    await using connections = await openConnections(target, 1)
    await assert.rejects(connections.run(5), message)
  })
}

test('an answer that differs from the right one before it, at equal length, fails the slice', async (t) => {
  let seen = 0
  const { target } = await serve(t, (_request, response) => {
    seen += 1
    const sent = seen < 4 ? body : Buffer.from('{"ok":!!!!}')
    response.writeHead(200, { 'content-length': sent.length }).end(sent)
  })
  await using connections = await openConnections(target, 1)
  await assert.rejects(connections.run(6), /request 4 of 6: wrong body/)
})

test('what goes wrong between two slices fails the next one', async (t) => {
  const sockets = new Set<Socket>()
  const { target } = await serve(t, (request, response) => {
    sockets.add(request.socket)
    answer(request, response)
  })
  await using chatty = await openConnections(target, 1)
  await using closed = await openConnections(target, 1)
  await chatty.run(2)
  const [talker] = sockets
  talker?.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
  // An answer on another connection shows that the loop has turned since.
  await closed.run(20)
  await assert.rejects(chatty.run(2), /request 1 of 2: wrong/)
  for (const socket of sockets) socket.end()
  await Promise.all([...sockets].map((socket) => once(socket, 'close')))
  await assert.rejects(closed.run(2), /request 1 of 2: the server closed the connection/)
})

test('a refused connection is one clear line', async () => {
  const target: LoadTarget = {
    host: '127.0.0.1',
    port: 1,
    tls: null,
    path: '/',
    headers: {},
    expect: { status: 200, body },
  }
  await assert.rejects(openConnections(target, 2), /no connection to port 1: .*ECONNREFUSED/)
})

test('autocannon: the window opens after the first answer of each connection, and every answer is counted', async (t) => {
  let seen = 0
  const { target } = await serve(t, (request, response) => {
    seen += 1
    answer(request, response)
  })
  let warm = 0
  const reading = await saturate(target, {
    connections: 4,
    requests: 100,
    onWarm: () => {
      warm += 1
    },
  })
  assert.equal(seen, 100)
  assert.equal(warm, 1)
  assert.equal(reading.requestsInAll, 100)
  assert.ok(reading.requests <= 96 && reading.requests >= 1)
  assert.equal(reading.latenciesUs.length, reading.requests)
  // Its own histogram would say 0: whole milliseconds. Ours has fractions of them.
  assert.ok(medianUs(reading.latenciesUs) > 0)
})

test('autocannon: a wrong status or body fails the slice', async (t) => {
  const { target } = await serve(t, (_request, response) =>
    response.writeHead(503, { 'content-length': 0 }).end(),
  )
  await assert.rejects(
    saturate(target, { connections: 2, requests: 20 }),
    /0 of 20 answers were as expected/,
  )
  const other = await serve(t, (_request, response) =>
    response.writeHead(200, { 'content-length': 2 }).end('no'),
  )
  await assert.rejects(saturate(other.target, { connections: 2, requests: 20 }), /wrong body/)
})

test('chunks of any size, cut anywhere, are the body that they make', () => {
  const content = Buffer.from('{"id":"pay_1001","state":"settled"}')
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 8 }),
      fc.array(fc.nat(400), { maxLength: 6 }),
      (sizes, cuts) => {
        const chunks: string[] = []
        let at = 0
        for (const size of [...sizes, content.length]) {
          const part = content.subarray(at, at + size)
          if (part.length > 0) chunks.push(`${part.length.toString(16)}\r\n${part.toString()}\r\n`)
          at += part.length
        }
        const response = Buffer.from(
          `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunks.join('')}0\r\n\r\n`,
        )
        const reader = createResponseReader({ status: 200, body: content })
        const inside = cuts.filter((cut) => cut > 0 && cut < response.length)
        const edges = [0, ...new Set(inside.sort((a, b) => a - b)), response.length]
        const outcomes = edges
          .slice(1)
          .map((end, index) => reader.push(response.subarray(edges[index], end)))
        assert.deepEqual(outcomes.pop(), { status: 200, bytes: response.length })
        assert.ok(outcomes.every((outcome) => outcome === 'incomplete'))
      },
    ),
  )
})

const badChunks: [string, string, RegExp][] = [
  ['no size', 'x\r\nab\r\n0\r\n\r\n', /a chunk of size "x"/],
  ['a negative size', '-1\r\n', /a chunk of size "-1"/],
  ['a size beyond any', `${'f'.repeat(16)}\r\n`, /a chunk of size/],
  ['more than its size', '1\r\nabc\r\n0\r\n\r\n', /not of its size/],
  ['a size that never ends', '1'.repeat(300), /no size of a chunk/],
  ['bytes after the last', '1\r\na\r\n0\r\n\r\nHTTP/1.1', /bytes after its end/],
]
for (const [name, chunks, message] of badChunks) {
  test(`a chunked response is refused with ${name}`, () => {
    const response = Buffer.from(`HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n${chunks}`)
    assert.match(inspect(createResponseReader({ status: 200, body: null }).push(response)), message)
  })
}

test('any body will do where none is expected, and none where the status has none', () => {
  const any = createResponseReader({ status: 200, body: null })
  for (const text of ['a', 'bc'])
    assert.ok(
      typeof any.push(
        Buffer.from(`HTTP/1.1 200 OK\r\nContent-Length: ${text.length}\r\n\r\n${text}`),
      ) === 'object',
    )
  const none = createResponseReader({ status: 204, body: null })
  assert.deepEqual(none.push(Buffer.from('HTTP/1.1 204 No Content\r\n\r\n')), {
    status: 204,
    bytes: 27,
  })
})

test('the response reader takes a response in any pieces, and never one byte more', () => {
  const response = Buffer.from(
    `HTTP/1.1 200 OK\r\nContent-Type: a\r\ncontent-length: ${body.length}\r\n\r\n${body.toString()}`,
  )
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: response.length - 1 }), { maxLength: 5 }),
      (cuts) => {
        const reader = createResponseReader({ status: 200, body })
        const edges = [0, ...new Set(cuts.sort((a, b) => a - b)), response.length]
        const outcomes = edges
          .slice(1)
          .map((end, index) => reader.push(response.subarray(edges[index], end)))
        assert.deepEqual(outcomes.pop(), { status: 200, bytes: response.length })
        assert.ok(outcomes.every((outcome) => outcome === 'incomplete'))
      },
    ),
  )
  assert.match(
    inspect(
      createResponseReader({ status: 200, body }).push(Buffer.concat([response, Buffer.from('x')])),
    ),
    /bytes after its end/,
  )
  assert.match(
    inspect(createResponseReader({ status: 200, body }).push(Buffer.from('SMTP ready\r\n\r\n'))),
    /starts with/,
  )
})

test('histograms merge without loss and survive their encoding', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 60_000_000 }), { minLength: 1, maxLength: 50 }),
      fc.nat(50),
      (values, cut) => {
        const whole = createHistogram()
        recordAll(whole, Float64Array.from(values))
        const halves = [values.slice(0, cut), values.slice(cut)].map((part) => {
          const histogram = createHistogram()
          recordAll(histogram, Float64Array.from(part))
          return decodeHistogram(encodeHistogram(histogram))
        })
        const merged = mergeHistograms(halves)
        assert.equal(sampleCount(merged), values.length)
        assert.equal(encodeHistogram(merged), encodeHistogram(whole))
      },
    ),
  )
})

test('a percentile is right to three digits; without samples it is null; no sample is lost below 1 µs', () => {
  const histogram = createHistogram()
  assert.equal(percentileUs(histogram, 50), null)
  recordAll(histogram, Float64Array.from([0.2, 1_000, 100_000]))
  assert.equal(sampleCount(histogram), 3)
  // Three significant digits: 100,000 may read as up to 100,100.
  assert.ok(Math.abs((percentileUs(histogram, 99) ?? 0) - 100_000) <= 100)
})

test('the exact median: the middle, or the mean of both middles', () => {
  assert.equal(medianUs(Float64Array.from([3, 1, 2])), 2)
  assert.equal(medianUs(Float64Array.from([4, 1, 2, 3])), 2.5)
})

test('a count beyond 32 bits, as a thousand generators have together, is merged and kept', () => {
  const histogram = createHistogram()
  histogram.recordValueWithCount(7, 3_000_000_000)
  const merged = mergeHistograms([histogram, histogram, histogram])
  const stored = decodeHistogram(encodeHistogram(merged))
  assert.deepEqual([sampleCount(merged), sampleCount(stored)], [9_000_000_000, 9_000_000_000])
})
