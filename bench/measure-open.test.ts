import assert from 'node:assert/strict'
import test from 'node:test'
import type { OutsideWorld } from './blocks.ts'
import { measureOpen, type OpenArmSource, type WindowReading } from './measure-open.ts'

const request = {
  ratePerSecond: 100,
  arrivals: 'poisson',
  durationMs: 1_000,
  seed: 5,
  connections: 1,
  maxConnections: 8,
  timeoutMs: 1_000,
} as const

const reading = (plan: WindowReading['plan']): WindowReading => ({
  plan,
  requests: 100,
  answered: 100,
  errors: {},
  timeouts: 0,
  wallUs: 1,
  scheduleUs: 1,
  sendingUs: 1,
  bytesReceived: 1,
  connectionsOpened: 1,
  maxOutstanding: 1,
  cpuUs: null,
  issuerCpuUs: null,
  clientCpuUs: 1,
  spinUs: 0,
  runQueueUs: null,
  stealUs: null,
  foreignCpuUs: null,
  clientRunQueueUs: null,
  clientEventLoopUtilization: 0,
  handshakesFull: null,
  handshakesResumed: null,
  gcUs: null,
  rssBytes: null,
  histograms: { response: '', service: '', queueWait: '', lateness: '' },
})

function fake(
  id: string,
  steps: string[],
  window?: (signal: AbortSignal, death: AbortController) => Promise<void>,
): OpenArmSource {
  return {
    id,
    start() {
      steps.push(`start ${id}`)
      const death = new AbortController()
      return Promise.resolve({
        id,
        died: death.signal,
        settle: () => {
          steps.push(`settle ${id}`)
          return Promise.resolve()
        },
        async window(plan, signal) {
          steps.push(`window ${id} ${plan.seed}`)
          await window?.(signal, death)
          return reading({ ...plan })
        },
        [Symbol.asyncDispose]: () => {
          steps.push(`stop ${id}`)
          return Promise.resolve()
        },
      })
    },
  }
}

function context(signal = new AbortController().signal): OutsideWorld {
  return {
    signal,
    onEvent: () => undefined,
    nowMs: () => 0,
    timestamp: () => '2026-01-01T00:00:00.000Z',
  }
}

test('each block: every arm alone, in random order, on the same schedule; another one in the next', async () => {
  const steps: string[] = []
  const blocks = await measureOpen(
    [fake('a', steps), fake('b', steps)],
    { request, blocks: 2 },
    context(),
  )
  assert.deepEqual(
    blocks.map(({ outcome, windows }) => [outcome, windows?.map(({ plan }) => plan.seed)]),
    [
      ['measured', [5, 5]],
      ['measured', [6, 6]],
    ],
  )
  for (let at = 0; at < steps.length; at += 4) {
    const id = steps[at]?.at(-1) ?? ''
    assert.deepEqual(
      steps.slice(at, at + 4).map((step) => step.replace(/ \d+$/, '')),
      [`start ${id}`, `settle ${id}`, `window ${id}`, `stop ${id}`],
    )
  }
  assert.equal(steps.length, 16)
})

test('what is awaited before a window comes when the arm is ready, and the window after it', async () => {
  const steps: string[] = []
  await measureOpen(
    [fake('a', steps)],
    { request, blocks: 1 },
    {
      ...context(),
      onEvent: ({ kind }) => steps.push(kind),
      async beforeWindow() {
        steps.push('gap begins')
        await new Promise((resolve) => setImmediate(resolve))
        steps.push('gap ends')
      },
    },
  )
  assert.deepEqual(steps.slice(1, -2), [
    ...['start a', 'warming', 'settle a', 'window-started', 'gap begins', 'gap ends'],
    ...['window a 5', 'window-finished'],
  ])
})

test('an arm that dies fails its block with its last words, keeps the windows before, and stops', async () => {
  const steps: string[] = []
  const dying = fake('a', steps, (_, death) => {
    death.abort(new Error('server tls ended with SIGKILL'))
    return Promise.resolve()
  })
  const blocks = await measureOpen([dying], { request, blocks: 3 }, context())
  assert.deepEqual(
    blocks.map(({ outcome, reason }) => [outcome, reason]),
    [['failed', 'server tls ended with SIGKILL']],
  )
  assert.equal(steps.at(-1), 'stop a')
})

test('Ctrl-C ends the window and the measuring, and is told as that', async () => {
  const steps: string[] = []
  const abort = new AbortController()
  const waiting = fake('a', steps, (signal) => {
    abort.abort(new Error('interrupted by test'))
    return signal.aborted ? Promise.reject(signal.reason as Error) : Promise.resolve()
  })
  const blocks = await measureOpen([waiting], { request, blocks: 3 }, context(abort.signal))
  assert.deepEqual(
    blocks.map(({ outcome, reason }) => [outcome, reason]),
    [['failed', 'interrupted']],
  )
  assert.equal(steps.at(-1), 'stop a')
})
