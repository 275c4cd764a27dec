import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { BenchError } from '../errors.ts'
import { parsePlan, type SeatPlan } from './plan.ts'
import { aliveMs, beatMs, type Notice, type Rendezvous, type Ticket } from './rendezvous.ts'

/** A seat at the rendezvous, from its arrival to the start. */
export interface Desk {
  readonly seat: Ticket
  /** Waits for a plan that this seat has a part in. */
  plan(isWanted: (plan: SeatPlan) => boolean): Promise<SeatPlan>
  /** Takes the seat's place, and keeps it. Throws `usage` where another process has it, or the run has begun. */
  take(plan: SeatPlan): Promise<Held>
  /** Gives the place back and says why, if there is anybody to tell; over another connection where the first is closed. */
  leave(why: string, isFinal: boolean, over?: Rendezvous): Promise<void>
  /** Waits for the word to start; the instant on Redis' clock. */
  start(plan: SeatPlan): Promise<number>
}

/** A place that is kept. */
export interface Held extends Disposable {
  /** Says that the seat is ready, now and from now on. */
  ready(said: string): Promise<void>
  /** Aborted when another process has taken it. */
  readonly lost: AbortSignal
}

/** Why a seat gave up, as the coordinator reads it. */
export interface Farewell {
  readonly why: string
  /** Of the plan that the seat has; null where it could not read it. */
  readonly nonce: string | null
  /** Whether nobody need wait for another process in its place. */
  readonly isFinal: boolean
}

/** A desk of one seat of a run. */
export function createDesk(
  meeting: Rendezvous,
  { runId, index, waitMs, signal }: DeskOptions,
): Desk {
  const seat = { index, ticket: randomBytes(8).toString('hex') }
  let cursor = '0'
  let keepMs = longestKeepMs
  let nonce: string | null = null
  let hasSeenPlan = false

  /** The next notice within a second or so; a Redis that is away meanwhile is one that says nothing. */
  const nextNotice = async (): Promise<Notice | null> => {
    signal.throwIfAborted()
    try {
      const told = await untilAborted(meeting.notice(cursor, listenMs), signal)
      if (told !== null) cursor = told.id
      return told?.notice ?? null
    } catch (error) {
      signal.throwIfAborted()
      if (!(error instanceof BenchError)) throw error
      await sleep(pauseMs, null, { signal }).catch(() => null)
      return null
    }
  }
  const calledOff = (why: string) =>
    new BenchError('measurement-failed', `the coordinator called run ${runId} off: ${why}`)

  const begunWithout = () =>
    new BenchError(
      'usage',
      `run ${runId} has begun without this process: seat ${index} is not replaced any more, start a new run`,
    )

  return {
    seat,
    async plan(isWanted) {
      let untilMs = performance.now() + waitMs
      while (performance.now() < untilMs) {
        const written = await untilAborted(meeting.plan(), signal)
        hasSeenPlan ||= written !== null
        const plan = written === null ? null : parsePlan(written, runId)
        if (plan !== null && isWanted(plan)) {
          keepMs = plan.keepMs
          nonce = plan.nonce
          return plan
        }
        // Another seat tries alone what one can do: that is not being forgotten.
        if (plan !== null) untilMs = performance.now() + waitMs
        const notice = await nextNotice()
        if (notice?.kind === 'abort') throw calledOff(notice.why)
      }
      throw new BenchError(
        'measurement-failed',
        `no plan for run ${runId} at ${meeting.shown} within ${seconds(waitMs)}: is that what the coordinator says, and does it still wait?`,
      )
    },
    async take(plan) {
      const untilMs = performance.now() + aliveMs + listenMs
      for (;;) {
        const place = await untilAborted(meeting.claim(seat, '', plan.keepMs), signal)
        if (place === 'yours') return keepPlace(meeting, seat, plan)
        if (place === 'started') throw begunWithout()
        if (performance.now() > untilMs) {
          throw new BenchError(
            'usage',
            `--index ${index}: another process has this seat of run ${runId} and is alive, give another`,
          )
        }
        await sleep(pauseMs, null, { signal }).catch(() => null)
        signal.throwIfAborted()
      }
    },
    async leave(why, isFinal, over = meeting) {
      // A run that this seat saw nothing of may yet begin, with another in its place.
      if (!hasSeenPlan) return
      const farewell: Farewell = { why, isFinal, nonce }
      await over.leave(seat, JSON.stringify(farewell), keepMs).catch(() => undefined)
    },
    async start(plan) {
      const othersMs = plan.waitMs
      const untilMs = performance.now() + othersMs + graceMs
      while (performance.now() < untilMs) {
        const notice = await nextNotice()
        if (notice?.kind === 'start' && notice.nonce === plan.nonce) {
          if (notice.without.includes(index)) throw begunWithout()
          return notice.atUs
        }
        if (notice?.kind === 'abort') throw calledOff(notice.why)
      }
      throw new BenchError(
        'measurement-failed',
        `no start of run ${runId} within ${seconds(othersMs + graceMs)}: the coordinator is gone, or Redis is`,
      )
    },
  }
}

interface DeskOptions {
  readonly runId: string
  readonly index: number
  readonly waitMs: number
  readonly signal: AbortSignal
}

function keepPlace(meeting: Rendezvous, seat: Ticket, { keepMs }: SeatPlan): Held {
  const lost = new AbortController()
  let said = ''
  const beat = async () => {
    const place = await meeting.claim(seat, said, keepMs)
    if (place !== 'taken') return
    lost.abort(
      new BenchError(
        'measurement-failed',
        `another process has taken seat ${seat.index}: nothing was heard of this one for ${seconds(aliveMs)}`,
      ),
    )
  }
  const timer = setInterval(() => {
    // Of a Redis that is away the place is taken again when it is back.
    beat().catch(() => undefined)
  }, beatMs)
  return {
    async ready(words) {
      said = words
      await beat()
    },
    lost: lost.signal,
    [Symbol.dispose]() {
      clearInterval(timer)
    },
  }
}

/** What a promise brings, or the reason of the signal if that comes first. */
export async function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted()
  const aborted = Promise.withResolvers<never>()
  const onAbort = () => {
    aborted.reject(signal.reason as Error)
  }
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    return await Promise.race([work, aborted.promise])
  } finally {
    signal.removeEventListener('abort', onAbort)
    work.catch(() => undefined)
  }
}

/** A time in words. */
export function seconds(ms: number): string {
  return `${Number((ms / 1_000).toFixed(1))} s`
}

/** How long one look for a notice lasts: beats wait behind it, on the same connection. */
const listenMs = 1_000
const pauseMs = 250
/** The coordinator began to wait when it published the plan, before this seat was ready. */
const graceMs = 5_000
/** For a seat that leaves before it has seen a plan. */
const longestKeepMs = 600_000
