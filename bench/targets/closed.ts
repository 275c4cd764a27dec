import { performance } from 'node:perf_hooks'
import { BenchError } from '../errors.ts'
import { openLane, seatsInTurn, type Lane, type Seat as ClientSeat } from '../load/lane.ts'
import { inParallel } from '../load/parallel.ts'
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
 * Opens connections to a target, of one client or of several in turn; throws `measurement-failed`. A server of somebody else may end a connection
 * after so many requests, or so much silence, and says so: then another takes its place, opened before the
 * next request is sent, so that no latency holds a handshake. One that ends in the middle of a request fails.
 */
export async function openTargetConnections(
  endpoints: readonly Endpoint[],
  options: ClosedOptions,
): Promise<TargetConnections> {
  const nextClient = seatsInTurn(endpoints)
  const seats = Array.from({ length: options.connections }, () =>
    createSeat(nextClient(), options.timeoutMs),
  )
  const inTurn = seatsFrom(seats)
  const close = () => {
    for (const seat of seats) seat.close()
  }
  const named = <T>(work: Promise<T>): Promise<T> =>
    work.catch((error: unknown) => {
      const why = `${options.label}: ${describeFault(error)}`
      throw new BenchError('measurement-failed', why, { cause: error })
    })
  try {
    await named(
      inParallel(seats.length, mostAtStart, async (index) => {
        await seats[index]?.open()
      }),
    )
  } catch (error) {
    close()
    throw error
  }
  return {
    async run(requests) {
      const before = openedBy(seats)
      const record = createClosedRecord(requests)
      const patrol = setInterval(() => {
        for (const seat of seats) seat.expire()
      }, patrolMs)
      try {
        await Promise.all(inTurn(requests).map((seat) => named(work(seat, record, options.pace))))
        return { ...record.read(), opened: openedBy(seats) - before }
      } finally {
        record.stop()
        clearInterval(patrol)
      }
    },
    [Symbol.dispose]: close,
  }
}

/** Asks on one connection until all requests are issued, or one has failed anywhere. */
async function work(seat: Seat, record: ClosedRecord, pace: Pace | null): Promise<void> {
  while (record.issue()) {
    await pace?.turn()
    await seat.open()
    record.answered(await seat.ask())
  }
}

/** A place of a connection. */
interface Seat {
  /** Opens a connection where there is none; rejects where that is not possible in time. */
  open(): Promise<void>
  /** Rejects unless the answer is whole and as expected. */
  ask(): Promise<Answer>
  /** Gives up a request that is overdue. */
  expire(): void
  close(): void
  /** Connections so far. */
  readonly opened: () => number
}

interface Answer {
  readonly serviceUs: number
  readonly seen: ResponseSeen
}

/** As many seats as there are requests, and where those are fewer, others the next time. */
function seatsFrom(seats: readonly Seat[]): (requests: number) => Seat[] {
  let next = 0
  return (requests) => {
    const chosen = [...seats.slice(next), ...seats.slice(0, next)].slice(0, requests)
    next = (next + chosen.length) % Math.max(1, seats.length)
    return chosen
  }
}

function createSeat({ target, secureContext }: ClientSeat<Endpoint>, timeoutMs: number): Seat {
  let lane: Lane | null = null
  let opened = 0
  /** Infinite: nothing is under way. */
  let sentAtMs = Infinity
  let giveUp: ((why: string) => void) | null = null

  async function open(): Promise<void> {
    if (lane !== null) return
    const fresh = openLane(target, secureContext)
    try {
      await within(fresh.opened, timeoutMs)
    } catch (error) {
      fresh.close()
      throw error
    }
    opened += 1
    lane = fresh
    void fresh.closed.then(() => {
      if (lane === fresh) lane = null
    })
  }

  function ask(): Promise<Answer> {
    const carrier = lane
    if (carrier === null) return Promise.reject(new Error('the server closed the connection'))
    return new Promise((resolve, reject) => {
      const settle = () => {
        sentAtMs = Infinity
        giveUp = null
      }
      const failed = (why: string) => {
        settle()
        reject(new Error(why))
      }
      giveUp = failed
      sentAtMs = performance.now()
      carrier.send({
        answered(_, serviceUs, __, seen) {
          settle()
          if (seen.closes === true) close()
          resolve({ serviceUs, seen })
        },
        failed,
      })
    })
  }

  function close(): void {
    const old = lane
    lane = null
    old?.close()
  }

  return {
    open,
    ask,
    expire() {
      if (performance.now() - sentAtMs > timeoutMs)
        giveUp?.(`no whole answer within ${timeoutMs / msPerSecond} s`)
    },
    close,
    opened: () => opened,
  }
}

type ClosedRecord = ReturnType<typeof createClosedRecord>

function createClosedRecord(requests: number) {
  const latenciesUs = new Float64Array(requests)
  const statuses: Record<string, number> = {}
  const startMs = performance.now()
  let issued = 0
  let completed = 0
  let bytesReceived = 0
  let lastMs = startMs
  let isStopped = false
  return {
    /** Whether there is another request to send, which then is taken. */
    issue(): boolean {
      if (isStopped || issued === requests) return false
      issued += 1
      return true
    },
    /** No other request is sent. */
    stop() {
      isStopped = true
    },
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

function openedBy(seats: readonly Seat[]): number {
  return seats.reduce((sum, seat) => sum + seat.opened(), 0)
}

async function within(opening: Promise<void>, timeoutMs: number): Promise<void> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => {
    late.reject(new Error(`no connection came about within ${timeoutMs / msPerSecond} s`))
  }, timeoutMs)
  try {
    await Promise.race([opening, late.promise])
  } finally {
    clearTimeout(timer)
  }
}

const usPerMs = 1_000
const msPerSecond = 1_000
/** Handshakes at a time: a thousand at once would each wait for all others, beyond every patience. */
const mostAtStart = 64
/** How late a timeout may be noticed. */
const patrolMs = 50
