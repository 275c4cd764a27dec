import { createOpenRecord } from '../load/open-record.ts'
import { encodeHistogram } from '../load/histogram.ts'
import type { StripeReading } from '../load/stripe.ts'
import { createRandom } from '../random.ts'
import { planFormat, type SeatPlan } from './plan.ts'
import type { SeatResult } from './seat-result.ts'

/** What became of one request. */
export interface Sample {
  readonly lateMs: number
  readonly queuedMs: number
  readonly serviceMs: number
  readonly fate: 'answered' | 'failed' | 'timed out'
}

/** Latencies over five orders of magnitude, some failures, some timeouts. */
export function samplesOf(count: number, seed: number): Sample[] {
  const random = createRandom(seed)
  return Array.from({ length: count }, () => {
    const fate = random() < 0.02 ? 'failed' : random() < 0.02 ? 'timed out' : 'answered'
    return {
      lateMs: 10 ** (random() * 4 - 3),
      queuedMs: 10 ** (random() * 4 - 3),
      serviceMs: 10 ** (random() * 5 - 2),
      fate,
    }
  })
}

/** Replays samples into the generator's own record, as one process would. */
export function replay(samples: readonly Sample[], scheduled = samples.length): StripeReading {
  const record = createOpenRecord()
  for (const { lateMs, queuedMs, serviceMs, fate } of samples) {
    record.late(lateMs)
    record.queued(lateMs + queuedMs)
    if (fate === 'answered') record.answered(serviceMs * 1_000, 87)
    if (fate === 'failed') record.failed(serviceMs > 1 ? 'socket hang up' : 'wrong status 503')
    if (fate === 'timed out') record.timedOut()
    record.responded(lateMs + queuedMs + serviceMs)
  }
  const { lateness, queueWait, service, response, ...counts } = record.read()
  return {
    ...counts,
    requests: samples.length,
    scheduled,
    wallUs: samples.length * 10,
    scheduleUs: samples.length * 8,
    sendingUs: samples.length * 8,
    cpuUs: 5,
    runQueueUs: 1,
    eventLoopUtilization: 0.5,
    histograms: {
      lateness: encodeHistogram(lateness),
      queueWait: encodeHistogram(queueWait),
      service: encodeHistogram(service),
      response: encodeHistogram(response),
    },
  }
}

/** A plan of so many seats, whose target nobody asks. */
export function planOf(seats: number, changes: Partial<SeatPlan> = {}): SeatPlan {
  return {
    format: planFormat,
    source: { version: '0.1.0', measuringVersion: 2, digest: 'd', commit: null },
    runId: 'friday',
    nonce: 'n0n0n0n0',
    schedule: { ratePerSecond: 100, arrivals: 'constant', durationMs: 1_000, seed: 1 },
    seats,
    connections: seats,
    maxConnections: seats,
    timeoutMs: 1_000,
    target: {
      url: 'https://gw.example/pay',
      label: 'gw',
      method: 'GET',
      headers: {},
      expectedStatuses: [200],
      expectedBodySha256: null,
      requestDigest: 'd',
    },
    credentials: [],
    clients: null,
    waitMs: 1_000,
    resultWaitMs: 1_000,
    keepMs: 60_000,
    withNames: false,
    trial: null,
    ...changes,
  }
}

/** What a seat sends of a reading. */
export function resultOf(
  index: number,
  reading: StripeReading,
  changes: Partial<SeatResult> = {},
): SeatResult {
  return {
    format: planFormat,
    runId: 'friday',
    nonce: 'n0n0n0n0',
    index,
    version: '0.1.0',
    node: 'v26.10.0',
    name: null,
    clients: null,
    marks: { certificates: null, tokens: null },
    clock: { offsetUs: 1, errorUs: 100 + index, roundTripUs: 198, wallOffsetUs: 5 },
    driftUs: 2,
    reading,
    ...changes,
  }
}
