import type { ServerSnapshot } from '../servers/gateways/messages.ts'
import { BenchError } from './errors.ts'
import { passedAt } from './hops.ts'
import { saturate, type SaturateReading } from './load/closed.ts'
import type { Connections } from './load/connection.ts'
import { medianUs } from './load/histogram.ts'
import type { LoadTarget } from './load/target.ts'
import type { SliceRequest } from './measure.ts'
import type { ServerProcess } from './processes.ts'
import type { SliceReading } from './recorder.ts'
import { takeSpans } from './hop-spans.ts'
import type { SliceSensors } from './slice-sensors.ts'

/** What a slice is measured with. */
export interface SliceTask {
  readonly request: SliceRequest
  readonly target: LoadTarget
  readonly pool: Connections
  readonly single: Connections
  readonly server: ServerProcess
  readonly sensors: SliceSensors
  /** Share of requests that the server's cache must answer; null where that is not fixed. */
  readonly hitRatio: number | null
}

/** One slice, with the CPU of the arm's processes; throws `measurement-failed` where the server's counts differ. */
export async function runSlice(task: SliceTask): Promise<SliceReading> {
  const { request, server, sensors } = task
  const before = await server.snapshot()
  // Whoever was asked for spans forgets them: those of other slices.
  await takeSpans(server)
  let started = await sensors.start()
  const { requestsInAll, ...reading } = await applyLoad(task, () => {
    started = sensors.readNow() ?? started
  })
  const ended = await sensors.end()
  const after = await settledSnapshot(server, before, requestsInAll)
  crossCheck(task, before, after, requestsInAll)
  const spans = request.load === 'duet' ? await takeSpans(server) : []
  return {
    ...reading,
    load: request.load,
    connections: request.connections,
    latencyP50Us: medianUs(reading.latenciesUs),
    ...sensors.between(started, ended, before, after),
    ...(spans.length === 0 ? {} : { spans }),
  }
}

async function applyLoad(
  { request, target, pool, single }: SliceTask,
  onWarm: () => void,
): Promise<SaturateReading> {
  const { connections, requests } = request
  switch (request.load) {
    case 'duet': {
      const reading = await (connections === 1 ? single : pool).run(requests)
      return { ...reading, requestsInAll: reading.requests }
    }
    case 'saturation':
      return saturate(target, { connections, requests, onWarm })
  }
}

/** The server counts a response a moment after the client has read it: asks until it has counted them all. */
async function settledSnapshot(
  server: ServerProcess,
  before: ServerSnapshot,
  requests: number,
): Promise<ServerSnapshot> {
  for (let attempt = 1; ; attempt++) {
    const after = await server.snapshot()
    if (answers(after) - answers(before) >= requests || attempt === settleAttempts) return after
  }
}

/** The load's own counts against the server's: they must agree to the last request and handshake. */
function crossCheck(
  { request, hitRatio }: Pick<SliceTask, 'request' | 'hitRatio'>,
  before: ServerSnapshot,
  after: ServerSnapshot,
  requests: number,
): void {
  const handshakes =
    after.handshakesFull +
    after.handshakesResumed -
    before.handshakesFull -
    before.handshakesResumed
  const faults = [
    ...hopFaults(before, after, requests),
    auditFault(before, after, requests),
    differs('answers with 200', answers(after) - answers(before), requests),
    differs('requests', after.requests - before.requests, requests),
    differs('handler calls', after.handlerCalls - before.handlerCalls, requests),
    differs('handshakes resumed', after.handshakesResumed - before.handshakesResumed, 0),
    request.load === 'duet' ? differs('handshakes', handshakes, 0) : null,
    hitRatio === null
      ? null
      : missedRatio(hitRatio, cacheHits(after) - cacheHits(before), requests),
  ].filter((fault) => fault !== null)
  if (faults.length > 0) {
    throw new BenchError(
      'measurement-failed',
      `client and server disagree in a ${request.load} slice: ${faults.join(', ')}`,
    )
  }
}

/** Every hop has passed on what the client sent, no more and no less. */
function hopFaults(
  before: ServerSnapshot,
  after: ServerSnapshot,
  requests: number,
): (string | null)[] {
  const names = Object.keys(after.counters).filter((name) => name.startsWith(passedAt('')))
  return names.map((name) => {
    const passed = (after.counters[name] ?? 0) - (before.counters[name] ?? 0)
    return differs(`requests ${name}`, passed, requests)
  })
}

/** Where there is an audit trail, each request has its line in it. */
function auditFault(
  before: ServerSnapshot,
  after: ServerSnapshot,
  requests: number,
): string | null {
  const { auditLines } = after.counters
  if (auditLines === undefined) return null
  return differs('audit lines', auditLines - (before.counters['auditLines'] ?? 0), requests)
}

function differs(what: string, seen: number, expected: number): string | null {
  return seen === expected ? null : `the server counted ${seen} ${what} instead of ${expected}`
}

/** By the server's own count. At the edges of a slice, and where an entry has just expired, some may miss. */
function missedRatio(hitRatio: number, hits: number, requests: number): string | null {
  const tolerance = Math.max(fewestOff, requests * shareOff)
  return Math.abs(hits - hitRatio * requests) <= tolerance
    ? null
    : `the server's cache answered ${hits} of ${requests} requests where ${hitRatio * 100} % were to be`
}

function cacheHits({ counters }: ServerSnapshot): number {
  return (counters['tokenCacheHits'] ?? 0) + (counters['introspectionCacheHits'] ?? 0)
}

function answers({ responses }: ServerSnapshot): number {
  return responses['200'] ?? 0
}

const shareOff = 0.02
const fewestOff = 10
const settleAttempts = 50
