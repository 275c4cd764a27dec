import assert from 'node:assert/strict'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import test, { type TestContext } from 'node:test'
import { percentileUs, sampleCount } from './histogram.ts'
import { runOpenLoop, type OpenOptions } from './open.ts'
import { createSchedule } from './schedule.ts'
import type { Endpoint } from './target.ts'

const body = Buffer.from('{"ok":true}')
const answer: RequestListener = (_request, response) => {
  response.writeHead(200, { 'content-length': body.length }).end(body)
}

async function serve(
  t: TestContext,
  listener: RequestListener,
): Promise<{ server: Server; target: Endpoint }> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  const { port } = server.address() as AddressInfo
  const expect = { status: 200, body }
  return { server, target: { host: '127.0.0.1', port, tls: null, path: '/', headers: {}, expect } }
}

const every = (gapMs: number, requests: number) =>
  Float64Array.from({ length: requests }, (_, index) => index * gapMs)

const options = (schedule: Float64Array, overrides: Partial<OpenOptions> = {}): OpenOptions => ({
  schedule,
  connections: 2,
  maxConnections: 64,
  timeoutMs: 5_000,
  ...overrides,
})

test('every scheduled request is sent once, answered and recorded once', async (t) => {
  let seen = 0
  const { target } = await serve(t, (request, response) => {
    seen += 1
    answer(request, response)
  })
  const schedule = createSchedule({
    ratePerSecond: 1_000,
    arrivals: 'poisson',
    durationMs: 500,
    seed: 3,
  })
  const reading = await runOpenLoop(target, options(schedule))
  assert.equal(seen, schedule.length)
  assert.deepEqual(
    [reading.requests, reading.answered, reading.timeouts, reading.errors],
    [schedule.length, schedule.length, 0, {}],
  )
  for (const histogram of [reading.response, reading.service, reading.queueWait, reading.lateness])
    assert.equal(sampleCount(histogram), schedule.length)
  assert.ok(reading.sendingUs >= (schedule.at(-1) ?? 0) * 1_000)
  assert.ok(reading.spinUs > 0 && reading.spinUs < reading.wallUs)
})

test('requests that a stalled server delays have waited from their intended send', async (t) => {
  // The server holds all answers until the 40th request is there: the first waits for all of them.
  const held: (() => void)[] = []
  const { target } = await serve(t, (request, response) => {
    held.push(() => {
      answer(request, response)
    })
    if (held.length === 40) for (const release of held) release()
  })
  const reading = await runOpenLoop(target, options(every(5, 40), { maxConnections: 64 }))
  assert.equal(reading.answered, 40)
  assert.equal(reading.maxOutstanding, 40)
  // Connections grow with what is under way: nobody waits for another's answer before being sent.
  assert.equal(reading.connectionsOpened, 40)
  // The first is 39 gaps old when the last arrives, the second 38, and so on; the clock is a lower bound.
  const slowest = percentileUs(reading.response, 100) ?? 0
  assert.ok(slowest >= 39 * 5_000 * 0.999, `slowest ${slowest} µs`)
  assert.ok((percentileUs(reading.response, 50) ?? 0) >= 19 * 5_000 * 0.999)
})

test('where connections are the limit requests wait in order, and that wait is told apart', async (t) => {
  const order: string[] = []
  const { target } = await serve(t, (request, response) => {
    order.push(String(request.socket.remotePort))
    setTimeout(() => {
      answer(request, response)
    }, 20)
  })
  const reading = await runOpenLoop(
    target,
    options(every(1, 10), { connections: 1, maxConnections: 1 }),
  )
  assert.equal(new Set(order).size, 1)
  assert.equal(reading.connectionsOpened, 1)
  // The last waited for nine others, each of at least 20 ms less a timer's millisecond.
  assert.ok((percentileUs(reading.queueWait, 100) ?? 0) >= 9 * 19_000 - 9_000)
  assert.ok((percentileUs(reading.lateness, 50) ?? 0) < (percentileUs(reading.queueWait, 50) ?? 0))
})

test('timeouts are samples of the response, with the timeout as their latency', async (t) => {
  let seen = 0
  const { target } = await serve(t, (request, response) => {
    seen += 1
    if (seen !== 3) answer(request, response)
  })
  const reading = await runOpenLoop(target, options(every(2, 10), { timeoutMs: 150 }))
  assert.deepEqual([reading.answered, reading.timeouts], [9, 1])
  assert.equal(sampleCount(reading.response), 10)
  assert.equal(sampleCount(reading.service), 9)
  const slowest = percentileUs(reading.response, 100) ?? 0
  assert.ok(Math.abs(slowest - 150_000) <= 150, `recorded as ${slowest} µs`)
})

test('a request that times out in the queue is never sent', async (t) => {
  let seen = 0
  const { target } = await serve(t, () => {
    seen += 1
  })
  const reading = await runOpenLoop(
    target,
    options(every(1, 5), { connections: 1, maxConnections: 1, timeoutMs: 60 }),
  )
  assert.equal(reading.timeouts, 5)
  // One was under way; when it was given up its connection went, and a new one may take the next.
  assert.ok(seen >= 1 && seen <= 5)
  assert.equal(sampleCount(reading.response), 5)
})

test('wrong answers and broken connections are errors by their reason, and samples', async (t) => {
  let seen = 0
  const { target } = await serve(t, (request, response) => {
    seen += 1
    if (seen === 2) response.writeHead(503, { 'content-length': 0 }).end()
    else if (seen === 4) request.socket.destroy()
    else answer(request, response)
  })
  const reading = await runOpenLoop(target, options(every(10, 8), { connections: 1 }))
  assert.equal(reading.answered, 6)
  assert.deepEqual(reading.errors, {
    'wrong status: 503 instead of 200': 1,
    'the server closed the connection': 1,
  })
  assert.equal(sampleCount(reading.response), 8)
})

test('a server that vanishes in the middle fails what is left, and ends', async (t) => {
  const { server, target } = await serve(t, answer)
  setTimeout(() => {
    server.close()
    server.closeAllConnections()
  }, 100)
  const reading = await runOpenLoop(target, options(every(5, 60)))
  assert.equal(sampleCount(reading.response), 60)
  assert.ok(reading.answered >= 1 && reading.answered < 60)
  const failures = Object.values(reading.errors).reduce((sum, count) => sum + count, 0)
  assert.equal(reading.answered + failures, 60)
})

test('an idle connection that the server closes is not used again', async (t) => {
  const { server, target } = await serve(t, answer)
  server.keepAliveTimeout = 1
  const reading = await runOpenLoop(target, options(Float64Array.from([0, 2_500, 2_501])))
  assert.deepEqual([reading.answered, reading.errors], [3, {}])
})

test('a refused connection is one clear line', async (t) => {
  const { server, target } = await serve(t, answer)
  server.close()
  await assert.rejects(runOpenLoop(target, options(every(1, 3))), {
    code: 'measurement-failed',
    message: /^no connection to port \d+: connect ECONNREFUSED/,
  })
})

test('Ctrl-C ends it with its reason', async (t) => {
  const { target } = await serve(t, answer)
  const abort = new AbortController()
  const reason = new Error('interrupted')
  setTimeout(() => {
    abort.abort(reason)
  }, 50)
  await assert.rejects(
    runOpenLoop(target, options(every(100, 1_000), { signal: abort.signal })),
    reason,
  )
})

test('of many clients each has its turn; of one, connections that the rate needs not stay idle', async (t) => {
  const seen: string[] = []
  const { target } = await serve(t, (request, response) => {
    seen.push(String(request.headers['x-client'] ?? request.socket.remotePort))
    answer(request, response)
  })
  const clients = ['a', 'b', 'c', 'd'].map((name) => ({ ...target, headers: { 'x-client': name } }))
  // Far enough apart that one is answered before the next but one is sent, also on a busy machine.
  const schedule = every(50, 12)
  await runOpenLoop(clients, options(schedule, { connections: 4 }))
  const times = Map.groupBy(seen, (name) => name)
  assert.deepEqual(
    [...times.keys()].sort().map((name) => [name, times.get(name)?.length]),
    ['a', 'b', 'c', 'd'].map((name) => [name, 3]),
  )
  seen.length = 0
  await runOpenLoop([target], options(schedule, { connections: 4 }))
  assert.ok(new Set(seen).size <= 2)
})

test('a connection that the server ends is opened anew for its own client, when it has its turn', async (t) => {
  const seen: string[] = []
  const { target } = await serve(t, (request, response) => {
    const client = String(request.headers['x-client'])
    seen.push(client)
    // Of one client each answer is the last on its connection.
    if (client === 'c') response.setHeader('connection', 'close')
    answer(request, response)
  })
  const names = ['a', 'b', 'c', 'd']
  const clients = names.map((name) => ({ ...target, headers: { 'x-client': name } }))
  const limits = { connections: 4, maxConnections: 4 }
  const reading = await runOpenLoop(clients, options(every(50, 24), limits))
  assert.deepEqual([reading.answered, reading.errors], [24, {}])
  const times = seen.filter((name) => name === 'c').length
  assert.ok(times >= 5 && times <= 7, `${times} of 24 requests by the one of four`)
  // The last of its connections has none after it.
  assert.ok(reading.connectionsOpened >= 3 + times && reading.connectionsOpened <= 4 + times)
})
