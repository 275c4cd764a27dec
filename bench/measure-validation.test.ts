import assert from 'node:assert/strict'
import test from 'node:test'
import type { OpenArm, WindowReading, WindowRequest } from './measure-open.ts'
import { measureValidation } from './measure-validation.ts'
import type { ValidationCell } from './validations.ts'

/** A reading of which only the client's CPU is looked at. */
function reading(plan: WindowRequest): WindowReading {
  return {
    plan: { ...plan },
    requests: 1,
    answered: 1,
    errors: {},
    timeouts: 0,
    wallUs: 1,
    scheduleUs: 1,
    sendingUs: 1,
    bytesReceived: 1,
    connectionsOpened: 1,
    maxOutstanding: 1,
    cpuUs: 1,
    issuerCpuUs: null,
    clientCpuUs: 100,
    spinUs: 40,
    runQueueUs: null,
    stealUs: null,
    foreignCpuUs: 5,
    clientRunQueueUs: null,
    clientEventLoopUtilization: 0,
    handshakesFull: 0,
    handshakesResumed: 0,
    gcUs: 0,
    rssBytes: 1,
    histograms: { response: '', service: '', queueWait: '', lateness: '' },
  }
}

function createScene() {
  const steps: string[] = []
  const sources = ['a', 'b'].map((id) => ({
    id,
    start(): Promise<OpenArm> {
      steps.push(`start ${id}`)
      return Promise.resolve({
        id,
        died: new AbortController().signal,
        settle() {
          steps.push(`settle ${id}`)
          return Promise.resolve()
        },
        window(request) {
          steps.push(`window ${id} ${request.ratePerSecond}`)
          return Promise.resolve(reading(request))
        },
        [Symbol.asyncDispose]() {
          steps.push(`stop ${id}`)
          return Promise.resolve()
        },
      })
    },
  }))
  return { steps, sources }
}

const cell = (name: string, ...loads: [string, number][]): ValidationCell => ({
  name,
  kind: loads.length > 1 ? 'mix' : 'rate',
  loads: loads.map(([id, ratePerSecond]) => ({ case: id, ratePerSecond })),
  utilisation: 0.5,
})
const request = {
  arrivals: 'poisson',
  durationMs: 1,
  connections: 8,
  maxConnections: 64,
  timeoutMs: 1_000,
} as const

test('cells of the same arms are measured on the same processes; windows of a mix at the same time', async () => {
  const { steps, sources } = createScene()
  const seen = new Map<string, number[]>()
  const blocks = await measureValidation(
    sources,
    {
      cells: [cell('a at 1', ['a', 1]), cell('a at 2', ['a', 2]), cell('both', ['a', 3], ['b', 4])],
      request,
      seed: 1,
      maxBlocks: 2,
      budgetMs: null,
    },
    {
      done: [],
      signal: new AbortController().signal,
      onEvent: () => undefined,
      nowMs: () => 0,
      timestamp: () => '2025-01-01T00:00:00.000Z',
      onCell: (name, windows) => {
        // The other server's 1 µs is not foreign.
        for (const { foreignCpuUs } of windows)
          assert.equal(foreignCpuUs, windows.length === 2 ? 4 : 5)
        seen.set(name, [
          ...(seen.get(name) ?? []),
          ...windows.map(({ clientCpuUs }) => clientCpuUs),
        ])
      },
    },
  )
  assert.equal(blocks.length, 2)
  for (const block of blocks) {
    assert.equal(block.outcome, 'measured', block.reason ?? '')
    assert.equal(block.windows?.length, 4)
  }
  // Each block starts a alone once, for both of its rates, and a and b together once.
  assert.equal(steps.filter((step) => step === 'start a').length, 4)
  assert.equal(steps.filter((step) => step === 'start b').length, 2)
  assert.equal(steps.filter((step) => step.startsWith('stop')).length, 6)
  const together = steps.indexOf('window b 4')
  assert.ok(steps[together - 1] === 'window a 3' || steps[together + 1] === 'window a 3')
  // What two loops in one process spin is counted by both: that of the other is taken out again.
  assert.deepEqual(seen.get('both'), [60, 60, 60, 60])
  assert.deepEqual(seen.get('a at 1'), [100, 100])
})
