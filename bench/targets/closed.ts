import { performance } from 'node:perf_hooks'
import { BenchError } from '../errors.ts'
import { openLane, sharedContext, type Lane } from '../load/lane.ts'
import type { ResponseSeen } from '../load/response.ts'
import type { Endpoint, LoadReading } from '../load/target.ts'
import { describeFault } from './faults.ts'
import type { Pace } from './pace.ts'

/** How a target is asked in a closed loop. */
export interface ClosedOptions {
  readonly label: string
  readonly connections: number
  /** From the request to the last byte of its answer; also for a connection to come about. */
  readonly timeoutMs: number
  /** Null: as fast as answers come. */
  readonly pace: Pace | null
}

/** What came of a closed loop, with the connections that were opened on the way. */
export interface ClosedReading extends LoadReading {
  readonly opened: number
}

/** Connections to a target that stay as long as it lets them. */
export interface TargetConnections extends Disposable {
  /** Sends so many requests, one at a time on each connection; throws `measurement-failed` with one line. */
  run(requests: number): Promise<ClosedReading>
}

/**
 * Opens connections to a target; throws `measurement-failed`. A server of somebody else may end a connection
 * after so many requests, or so much silence, and says so: then another takes its place, opened before the
 * next request is sent, so that no latency holds a handshake. One that ends in the middle of a request fails.
 */
export async function openTargetConnections(
  endpoint: Endpoint,
  { label, connections, timeoutMs, pace }: ClosedOptions,
): Promise<TargetConnections> {
  const context = sharedContext(endpoint)
  const seats = Array.from({ length: connections }, () => createSeat())
  let opened = 0

  async function laneOf(seat: Seat): Promise<Lane> {
    if (seat.lane !== null) return seat.lane
    const lane = openLane(endpoint, context)
    try {
      await within(lane.opened, timeoutMs)
    } catch (error) {
      lane.close()
      throw failure(label, describeFault(error))
    }
    opened += 1
    seat.lane = lane
    void lane.closed.then(() => {
      if (seat.lane === lane) seat.lane = null
    })
    return lane
  }

  const close = () => {
    for (const { lane } of seats) lane?.close()
  }
  await Promise.all(seats.map(laneOf)).catch((error: unknown) => {
    close()
    throw error
  })
  return {
    async run(requests) {
      const before = opened
      const record = createClosedRecord(requests)
      let issued = 0
      const work = async (seat: Seat) => {
        while (issued < requests && !record.failed()) {
          issued += 1
          await pace?.turn()
          const lane = await laneOf(seat)
          const answer = await ask(lane, seat)
          if (answer.seen.closes === true) {
            seat.lane = null
            lane.close()
          }
          record.answered(answer)
        }
      }
      const patrol = setInterval(() => {
        const sinceMs = performance.now() - timeoutMs
        for (const seat of seats) {
          if (seat.sentAtMs > 0 && seat.sentAtMs < sinceMs)
            seat.giveUp?.(`no whole answer within ${timeoutMs / msPerSecond} s`)
        }
      }, patrolMs)
      try {
        record.begin()
        await Promise.all(seats.slice(0, requests).map((seat) => record.guard(work(seat))))
        return { ...record.read(), opened: opened - before }
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error)
        if (error instanceof BenchError) throw error
        throw failure(label, `request ${record.done() + 1} of ${requests}: ${why}`)
      } finally {
        clearInterval(patrol)
      }
    },
    [Symbol.dispose]: close,
  }
}

/** A place of a connection, with the request under way on it. */
interface Seat {
  lane: Lane | null
  /** 0: nothing is under way. */
  sentAtMs: number
  giveUp: ((why: string) => void) | null
}

function createSeat(): Seat {
  return { lane: null, sentAtMs: 0, giveUp: null }
}

interface Answer {
  readonly serviceUs: number
  readonly seen: ResponseSeen
}

function ask(lane: Lane, seat: Seat): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const settle = () => {
      seat.sentAtMs = 0
      seat.giveUp = null
    }
    const failed = (why: string) => {
      settle()
      reject(new Error(why))
    }
    seat.giveUp = failed
    seat.sentAtMs = performance.now()
    lane.send({
      answered(_, serviceUs, __, seen) {
        settle()
        resolve({ serviceUs, seen })
      },
      failed,
    })
  })
}

function createClosedRecord(requests: number) {
  const latenciesUs = new Float64Array(requests)
  const statuses: Record<string, number> = {}
  let completed = 0
  let bytesReceived = 0
  let startMs = 0
  let lastMs = 0
  let isFailed = false
  return {
    begin() {
      startMs = performance.now()
    },
    done: () => completed,
    failed: () => isFailed,
    /** The first that fails stops all others before their next request. */
    guard: (work: Promise<void>) =>
      work.catch((error: unknown) => {
        isFailed = true
        throw error
      }),
    answered({ serviceUs, seen: { status, bytes } }: Answer) {
      latenciesUs[completed] = serviceUs
      completed += 1
      statuses[status] = (statuses[status] ?? 0) + 1
      bytesReceived += bytes
      lastMs = performance.now()
    },
    read: (): LoadReading => ({
      requests,
      wallUs: (lastMs - startMs) * usPerMs,
      latenciesUs,
      statuses,
      bytesReceived,
    }),
  }
}

async function within(work: Promise<void>, timeoutMs: number): Promise<void> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => {
    late.reject(new Error(`no connection came about within ${timeoutMs / msPerSecond} s`))
  }, timeoutMs)
  try {
    await Promise.race([work, late.promise])
  } finally {
    clearTimeout(timer)
  }
}

function failure(label: string, why: string): BenchError {
  return new BenchError('measurement-failed', `${label}: ${why}`)
}

const usPerMs = 1_000
const msPerSecond = 1_000
/** How late a timeout may be noticed. */
const patrolMs = 50
