import assert from 'node:assert/strict'
import test from 'node:test'
import type { SpanReport } from '../servers/spans.ts'
import type { Snapshot } from '../servers/telemetry.ts'
import { runSlice, type SliceTask } from './arm-slices.ts'
import { passedAt } from './hops.ts'

const zero: Snapshot = {
  ...{ handlerCalls: 0, requests: 0, responses: {}, refusals: {}, connectionsOpen: 0 },
  ...{ handshakesFull: 0, handshakesResumed: 0, handshakesFailed: 0 },
  ...{ cpuUs: 0, eventLoopActiveUs: 0, eventLoopIdleUs: 0, gcUs: 0 },
  ...{ rssBytes: 0, heapUsedBytes: 0, counters: {} },
}
const answered = { requests: 4, handlerCalls: 4, responses: { 200: 4 } }

/** A slice of four requests; the server counts `after`, its hops have these spans. */
function task(after: Partial<Snapshot>, reports: Record<string, SpanReport[]> = {}): SliceTask {
  let asked = 0
  return {
    request: { load: 'duet', connections: 8, requests: 4 },
    pool: {
      run: (requests: number) =>
        Promise.resolve({
          ...{ requests, wallUs: 1, statuses: { 200: requests }, bytesReceived: 1 },
          latenciesUs: new Float64Array(requests),
        }),
    } as never,
    single: {} as never,
    target: {} as never,
    hitRatio: null,
    server: {
      snapshot: () => Promise.resolve((asked += 1) === 1 ? zero : { ...zero, ...after }),
      hops: Object.entries(reports).map(([name, told]) => ({
        hop: { name },
        takesSpans: true,
        process: { spans: () => Promise.resolve(told.shift()) },
      })),
    } as never,
    sensors: {
      start: () => Promise.resolve({}),
      end: () => Promise.resolve({}),
      between: () => ({}),
    } as never,
  }
}

const counted = (gateway: number, service: number) => ({
  ...answered,
  counters: { [passedAt('gateway')]: gateway, [passedAt('service')]: service },
})

test('every hop must have admitted what the client sent', async () => {
  await runSlice(task(counted(4, 4)))
  await assert.rejects(
    runSlice(task(counted(4, 3))),
    /counted 3 requests passedAt:service instead of 4/,
  )
})

test('every request must have its line in the audit trail, where there is one', async () => {
  await runSlice(task({ ...answered, counters: { auditLines: 4 } }))
  await assert.rejects(
    runSlice(task({ ...answered, counters: { auditLines: 3 } })),
    /counted 3 audit lines instead of 4/,
  )
})

test('spans are those of the slice: what a hop told before it is thrown away', async () => {
  const report = (wholeNs: number[]): SpanReport => ({
    ...{ wholeNs, forgotten: 0 },
    upstreamNs: wholeNs.map(() => 0),
  })
  const told = { gateway: [report([9]), report([1, 2])] }
  const { spans } = await runSlice(task(counted(4, 4), told))
  assert.deepEqual(spans, [{ hop: 'gateway', report: report([1, 2]) }])
  const { spans: none } = await runSlice(task(answered))
  assert.equal(none, undefined)
})
