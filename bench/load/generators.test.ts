import assert from 'node:assert/strict'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import test, { type TestContext } from 'node:test'
import { BenchError } from '../errors.ts'
import { sampleCount } from './histogram.ts'
import { runGenerators, type GeneratorsOptions } from './generators.ts'
import { createSchedule } from './schedule.ts'
import type { Endpoint } from './target.ts'

const body = Buffer.from('{"ok":true}')
const answer: RequestListener = (_request, response) => {
  response.writeHead(200, { 'content-length': body.length }).end(body)
}

async function serve(t: TestContext, listener: RequestListener): Promise<Endpoint> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  const { port } = server.address() as AddressInfo
  const expect = { status: 200, body }
  return { host: '127.0.0.1', port, tls: null, path: '/', headers: {}, expect }
}

const plan = { ratePerSecond: 400, arrivals: 'poisson', durationMs: 1_000, seed: 5 } as const
const options: GeneratorsOptions = {
  plan,
  generators: 3,
  connections: 7,
  maxConnections: 20,
  timeoutMs: 5_000,
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

test('three processes offer one schedule: each request once, from connections that are shared out', async (t) => {
  let seen = 0
  const ports = new Set<number | undefined>()
  const target = await serve(t, (request, response) => {
    seen += 1
    ports.add(request.socket.remotePort)
    answer(request, response)
  })
  let pids: readonly number[] = []
  let seenAtStart: number | null = null
  const reading = await runGenerators(target, {
    ...options,
    onStarted: (started) => (pids = started),
    onConnected: () => {
      seenAtStart = seen
      return Promise.resolve()
    },
  })
  const { length } = createSchedule(plan)
  assert.deepEqual([reading.requests, reading.answered, seen], [length, length, length])
  assert.equal(seenAtStart, 0)
  assert.ok(reading.connectionsOpened >= 7 && ports.size <= reading.connectionsOpened)
  for (const kind of ['lateness', 'queueWait', 'service', 'response'] as const)
    assert.equal(sampleCount(reading[kind]), length)
  assert.deepEqual(
    reading.generators.map(({ requests }) => requests),
    [0, 1, 2].map((index) => Math.ceil((length - index) / 3)),
  )
  assert.ok(reading.generators.every(({ cpuUs }) => cpuUs > 0))
  assert.equal(new Set(pids).size, 3)
  assert.deepEqual(pids.filter(isAlive), [])
})

test('of many clients each generator has its own', async (t) => {
  const portsOf = new Map<string, Set<number | undefined>>()
  const target = await serve(t, (request, response) => {
    const name = String(request.headers['x-client'])
    portsOf.set(name, (portsOf.get(name) ?? new Set()).add(request.socket.remotePort))
    answer(request, response)
  })
  const clients = Array.from({ length: 8 }, (_, client) => ({
    ...target,
    headers: { 'x-client': `c${client}` },
  }))
  await runGenerators(clients, { ...options, connections: 8, maxConnections: 8 })
  // As many connections as clients: no client has two, so that no two generators share one.
  assert.deepEqual(
    [...portsOf.keys()].sort(),
    clients.map((one) => one.headers['x-client']),
  )
  assert.ok([...portsOf.values()].every(({ size }) => size === 1))
})

test('a generator that dies fails the window, and takes the others with it', async (t) => {
  let pids: readonly number[] = []
  const target = await serve(t, (request, response) => {
    const [victim] = pids
    if (victim !== undefined && isAlive(victim)) process.kill(victim, 'SIGKILL')
    answer(request, response)
  })
  await assert.rejects(
    runGenerators(target, { ...options, onStarted: (started) => (pids = started) }),
    (error) =>
      error instanceof BenchError &&
      error.code === 'measurement-failed' &&
      error.message === 'generator 1 of 3 ended with SIGKILL',
  )
  assert.deepEqual(pids.filter(isAlive), [])
})

test('an interrupt ends all generators and is what is thrown', async (t) => {
  let pids: readonly number[] = []
  const interrupt = new AbortController()
  const target = await serve(t, (request, response) => {
    interrupt.abort(new BenchError('interrupted', 'enough'))
    answer(request, response)
  })
  await assert.rejects(
    runGenerators(target, {
      ...options,
      signal: interrupt.signal,
      onStarted: (started) => (pids = started),
    }),
    { message: 'enough' },
  )
  assert.deepEqual(pids.filter(isAlive), [])
})

test('a target that nobody listens on is told by the generator that tried', async () => {
  const closed = { host: '127.0.0.1', port: 1, tls: null, path: '/', headers: {} }
  await assert.rejects(
    runGenerators({ ...closed, expect: { status: 200, body } }, options),
    /^BenchError: generator \d of 3 failed: no connection to port 1: .*ECONNREFUSED/,
  )
})
