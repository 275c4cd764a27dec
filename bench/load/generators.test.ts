import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import test, { type TestContext } from 'node:test'
import { BenchError } from '../errors.ts'
import { sampleCount } from './histogram.ts'
import { runGenerators, type GeneratorsOptions } from './generators.ts'
import type { Credential, Renewal } from './renewal.ts'
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

/** A credential that is another from the moment that `renew` is called on. */
function createRenewal(first: Credential): Renewal & {
  renew(next: Credential): void
  listeners(): number
} {
  const listeners = new Set<(next: Credential) => void>()
  let current = first
  return {
    current: () => current,
    onRenewed(tell) {
      listeners.add(tell)
      return () => listeners.delete(tell)
    },
    renew(next) {
      current = next
      for (const tell of listeners) tell(next)
    },
    listeners: () => listeners.size,
  }
}

const bearing = (name: string, goodUntilNs: bigint | null = null): Credential => ({
  headers: { authorization: `Bearer ${name}` },
  goodUntilNs,
})

/** A server that notes what it is sent, and an endpoint of it whose credential is renewed. */
async function serveNoting(t: TestContext, renewal: Renewal, noted: () => void = () => undefined) {
  const order: string[] = []
  const target = await serve(t, (request, response) => {
    order.push(request.headers.authorization?.replace('Bearer ', '') ?? 'none')
    noted()
    answer(request, response)
  })
  const ownHeaders = () => ({ authorization: 'Bearer of-this-process' })
  return { order, target: { ...target, ownHeaders, renewal } }
}

test('every generator is told of a renewed credential, which no other process can read', async (t) => {
  const renewal = createRenewal(bearing('first'))
  let pids: readonly number[] = []
  let seen = 0
  const { order, target } = await serveNoting(t, renewal, () => {
    seen += 1
    if (seen === 100) renewal.renew(bearing('second'))
  })
  const told: string[] = []
  const reading = await runGenerators(target, {
    ...options,
    onStarted: (started) => (pids = started),
    onConnected() {
      if (process.platform === 'linux') {
        for (const pid of pids)
          for (const file of ['cmdline', 'environ'])
            told.push(readFileSync(`/proc/${pid}/${file}`, 'latin1'))
      }
      return Promise.resolve()
    },
  })
  const { length } = createSchedule(plan)
  assert.deepEqual([reading.answered, reading.errors, order.length], [length, {}, length])
  // Those that were on their way when it came are few; all that each generator sends later have the new one.
  assert.deepEqual([...new Set(order)], ['first', 'second'])
  assert.ok(order.slice(0, 100).every((token) => token === 'first'))
  assert.ok(order.slice(-100).every((token) => token === 'second'))
  assert.ok(told.every((text) => !text.includes('first')))
  assert.equal(renewal.listeners(), 0)
})

test('a generator that was told while it warmed up never sends what had ended by then', async (t) => {
  const ended = process.hrtime.bigint()
  const renewal = createRenewal(bearing('ended', ended))
  const { order, target } = await serveNoting(t, renewal)
  const reading = await runGenerators(target, {
    ...options,
    // Sent before the order to start, so it is read before.
    onConnected() {
      renewal.renew(bearing('good'))
      return Promise.resolve()
    },
  })
  assert.deepEqual([reading.answered, reading.errors], [order.length, {}])
  assert.deepEqual([...new Set(order)], ['good'])
})

test('a credential that ends and is not renewed is sent no more: the requests fail unsent', async (t) => {
  const { order, target } = await serveNoting(t, createRenewal(bearing('ended', 1n)))
  const { errors, requests, answered } = await runGenerators(target, options)
  assert.deepEqual([order, answered], [[], 0])
  assert.deepEqual(errors, { 'the access token has expired': requests })
})

test('a generator that dies while its credential is renewed fails the window all the same', async (t) => {
  const renewal = createRenewal(bearing('first'))
  let pids: readonly number[] = []
  const { target } = await serveNoting(t, renewal, () => {
    const [victim] = pids
    if (victim !== undefined && isAlive(victim)) process.kill(victim, 'SIGKILL')
    renewal.renew(bearing('second'))
  })
  await assert.rejects(
    runGenerators(target, { ...options, onStarted: (started) => (pids = started) }),
    { code: 'measurement-failed', message: 'generator 1 of 3 ended with SIGKILL' },
  )
  assert.deepEqual([renewal.listeners(), pids.filter(isAlive)], [0, []])
})

test('requests that are made one by one are made by one process, and no other is started', async () => {
  const expect = { status: 200, body }
  const target = { host: '127.0.0.1', port: 1, tls: null, path: '/', headers: {}, expect }
  let started = 0
  for (const own of [{ ownHeaders: () => ({ dpop: 'proof' }) }, { body: () => 'assertion' }]) {
    await assert.rejects(
      runGenerators({ ...target, ...own }, { ...options, onStarted: () => (started += 1) }),
      { code: 'usage', message: /signed one by one are made by one process/ },
    )
  }
  assert.equal(started, 0)
})
