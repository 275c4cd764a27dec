import { performance } from 'node:perf_hooks'
import { BenchError } from '../errors.ts'
import { createOpenRecord, type OpenRecord } from './open-record.ts'
import { createPool } from './pool.ts'
import type { Endpoint } from './target.ts'

/** How an open loop goes about its schedule. */
export interface OpenOptions {
  /** Intended send times in ms from the start, ascending. */
  readonly schedule: Float64Array
  /** Connections that are open before the first request. */
  readonly connections: number
  /** No more than so many: requests then wait for one. */
  readonly maxConnections: number
  /** From the intended send; the request then counts with this latency, and as a timeout. */
  readonly timeoutMs: number
  readonly signal?: AbortSignal
  /** Awaited when the first connections are open, before the clock starts. */
  readonly onConnected?: () => Promise<void>
  /** Awaited then too: the instant, on `performance.now()`, at which the schedule begins; default: at once. */
  readonly startsAtMs?: () => Promise<number>
  /** Told of each request, by its place in the schedule, what `response` holds of it. */
  readonly onSettled?: (request: number, responseMs: number) => void
}

/**
 * What an open loop saw. Every scheduled request is in `response`, answered or not: its samples are as
 * many as the requests.
 */
export interface OpenReading extends OpenRecord {
  readonly requests: number
  /** From the start to the last answer, failure or timeout. */
  readonly wallUs: number
  /** From the start to the last intended send. */
  readonly scheduleUs: number
  /** From the start to the last send: longer than the schedule where the generator fell behind. */
  readonly sendingUs: number
}

/**
 * Offers requests at the times of a schedule, whatever the server does (Schroeder, Wierman,
 * Harchol-Balter 2006, "Open Versus Closed"). Latency counts from the intended send, so that every
 * request that a stall delays has seen it. Throws `measurement-failed` when no connection can be opened
 * at the start, and the signal's reason when it aborts; what happens later is data.
 */
export async function runOpenLoop(
  targets: Endpoint | readonly Endpoint[],
  options: OpenOptions,
): Promise<OpenReading> {
  const { connections, signal, onConnected, startsAtMs } = options
  signal?.throwIfAborted()
  const loop = createLoop(targets, options)
  const { port } = [targets].flat()[0] as Endpoint
  const onAbort = () => {
    loop.fail(signal?.reason)
  }
  signal?.addEventListener('abort', onAbort, { once: true })
  try {
    await loop.connect(connections).catch((error: unknown) => {
      const why = error instanceof Error ? error.message : String(error)
      throw new BenchError('measurement-failed', `no connection to port ${port}: ${why}`)
    })
    await onConnected?.()
    const startMs = await startsAtMs?.()
    signal?.throwIfAborted()
    return await loop.run(startMs ?? performance.now())
  } finally {
    signal?.removeEventListener('abort', onAbort)
    loop.close()
  }
}

function createLoop(
  targets: Endpoint | readonly Endpoint[],
  {
    schedule,
    maxConnections,
    timeoutMs,
    onSettled,
  }: Pick<OpenOptions, 'schedule' | 'maxConnections' | 'timeoutMs' | 'onSettled'>,
) {
  const record = createOpenRecord()
  const settled = new Uint8Array(schedule.length)
  const end = Promise.withResolvers<OpenReading>()
  // It may fail before anybody waits for it.
  end.promise.catch(() => undefined)
  let startMs = 0
  let lastSendMs = 0
  /** Requests before this one were sent, those before `oldest` are settled. */
  let next = 0
  let oldest = 0
  let done = 0
  /** Moves with everything there is to do, so that a spin in which it stood still was idle. */
  let work = 0
  /** When the clock was looked at last, and `work` then; −1 where the loop did not come here by spinning. */
  let spinSinceMs = notSpinning
  let spinWork = 0
  let timer: NodeJS.Timeout | undefined
  let immediate: NodeJS.Immediate | undefined

  const sinceDueMs = (request: number) => performance.now() - startMs - (schedule[request] ?? 0)

  const settle = (request: number, responseMs: number) => {
    if (settled[request] === 1) return
    settled[request] = 1
    work += 1
    done += 1
    record.responded(responseMs)
    onSettled?.(request, responseMs)
    if (done === schedule.length) finish()
  }

  const pool = createPool(targets, maxConnections, {
    sending: (request) => {
      record.queued(sinceDueMs(request))
    },
    answered: (request, serviceUs, bytes) => {
      record.answered(serviceUs, bytes)
      settle(request, sinceDueMs(request))
    },
    failed: (request, why) => {
      record.failed(why)
      settle(request, sinceDueMs(request))
    },
    opened: () => {
      work += 1
      record.opened()
    },
  })

  function finish(): void {
    const wallUs = (performance.now() - startMs) * usPerMs
    const sendingUs = Math.max(0, lastSendMs - startMs) * usPerMs
    const scheduleUs = (schedule.at(-1) ?? 0) * usPerMs
    end.resolve({ ...record.read(), requests: schedule.length, wallUs, scheduleUs, sendingUs })
  }

  function sendDue(): void {
    while (next < schedule.length) {
      const nowMs = performance.now()
      const lateMs = nowMs - startMs - (schedule[next] ?? 0)
      if (lateMs < 0) return
      const request = next
      next += 1
      work += 1
      lastSendMs = nowMs
      record.late(lateMs)
      record.outstanding(next - done)
      pool.send(request)
    }
  }

  /** Gives up what is overdue. All requests have the same patience, so the oldest is the first. */
  function expire(): void {
    while (oldest < next && (settled[oldest] === 1 || sinceDueMs(oldest) >= timeoutMs)) {
      if (settled[oldest] === 0) {
        record.timedOut()
        pool.giveUp(oldest)
        settle(oldest, timeoutMs)
      }
      oldest += 1
    }
  }

  function tick(): void {
    if (spinSinceMs !== notSpinning && spinWork === work) {
      lookAtClock()
      record.spun(performance.now() - spinSinceMs)
    }
    spinSinceMs = notSpinning
    sendDue()
    expire()
    if (done === schedule.length) return
    const nowMs = performance.now()
    const waitMs = (schedule[next] ?? Infinity) - (nowMs - startMs)
    if (waitMs > spinMs) {
      // Timers are a millisecond late at their best, so they end well before the send is due.
      timer = setTimeout(tick, Math.min(waitMs - spinMs, expiryMs))
    } else {
      // Between two looks at the clock the loop reads what has arrived.
      spinSinceMs = nowMs
      spinWork = work
      immediate = setImmediate(tick)
    }
  }

  /**
   * Stays on the clock for some µs. Each turn of the event loop allocates: a million of them a second made
   * a collection of 0.4 ms every 50 ms, and those made one request in a hundred late.
   */
  function lookAtClock(): void {
    const untilMs = Math.min(performance.now() + lookMs, startMs + (schedule[next] ?? Infinity))
    while (performance.now() < untilMs);
  }

  return {
    connect: (connections: number) => pool.connect(connections),
    run(beginMs: number): Promise<OpenReading> {
      startMs = beginMs
      // One of many stripes of a short schedule may have no request at all.
      if (schedule.length === 0) finish()
      tick()
      return end.promise
    },
    fail(reason: unknown): void {
      end.reject(reason)
    },
    close(): void {
      clearTimeout(timer)
      clearImmediate(immediate)
      pool.close()
    },
  }
}

const usPerMs = 1_000
const spinMs = 5
/** An answer that arrives meanwhile is read so much later at most, by half of it on average. */
const lookMs = 0.004
const notSpinning = -1
/** How late a timeout may be noticed; it is recorded as the timeout all the same. */
const expiryMs = 10
