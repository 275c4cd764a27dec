import { setTimeout as sleep } from 'node:timers/promises'
import { hostname } from 'node:os'
import { performance } from 'node:perf_hooks'
import { BenchError } from '../errors.ts'
import { runStripe } from '../load/stripe.ts'
import { warmGenerator } from '../load/warm-up.ts'
import type { TargetSettings } from '../targets/settings.ts'
import { inTime, type RendezvousSettings } from './client.ts'
import { driftUs, probeClock, toOwnMs, type ClockReading } from './clock.ts'
import { createDesk, seconds, untilAborted, type Desk, type Held } from './desk.ts'
import { prepareLoad, type SeatLoad, type SeatPlace } from './load.ts'
import { planFormat, type SeatPlan } from './plan.ts'
import { openRendezvous, type Rendezvous } from './rendezvous.ts'
import { encodeResult, type SeatResult } from './seat-result.ts'
import { sourceDifference, type SeatSource } from './source.ts'
import { runTrial } from './trial.ts'

/** One seat of a run. */
export interface SeatOptions {
  readonly settings: RendezvousSettings
  readonly runId: string
  readonly index: number
  readonly source: SeatSource
  /** Targets that this seat was told of, with its credentials; one without a URL goes where the plan says. */
  readonly given: readonly TargetSettings[]
  /** What it may be asked to send there, with all others; null: anything. */
  readonly capOf: SeatPlace['capOf']
  /** For a plan, at most. */
  readonly waitMs: number
  /** Keeps a result in a file; which one. */
  readonly keep: (result: SeatResult) => string
  readonly say: (line: string) => void
  readonly signal: AbortSignal
}

/** What a seat did. */
export interface SeatOutcome {
  readonly result: SeatResult
  readonly seats: number
  /** Its start on the monotonic clock of its machine, in µs. */
  readonly startedAtUs: number
}

/**
 * Takes part in a run: finds the plan, takes its place, opens its connections, and says nothing more until its
 * part of the schedule is over. Throws one line: `usage` where it cannot take part, `measurement-failed` where it
 * could not to the end; what it measured is then in a file.
 */
export async function runSeat(options: SeatOptions): Promise<SeatOutcome> {
  const { settings, runId, index, signal } = options
  const meeting = await openRendezvous(settings, runId)
  const desk = createDesk(meeting, options)
  let measured: Measured
  try {
    measured = await measure(options, meeting, desk)
  } catch (error) {
    await sayFarewell(options, meeting, desk, error)
    throw error
  } finally {
    await meeting[Symbol.asyncDispose]()
  }
  const { plan, startedAtUs } = measured
  const result = await deliver(options, desk, measured)
  signal.throwIfAborted()
  options.say(`seat ${index} of ${plan.seats}: its result is handed over`)
  return { result, seats: plan.seats, startedAtUs }
}

interface Measured {
  readonly plan: SeatPlan
  readonly reading: SeatResult['reading']
  readonly clients: SeatResult['clients']
  readonly marks: SeatResult['marks']
  readonly clock: ClockReading
  readonly startedAtUs: number
}

async function measure(options: SeatOptions, meeting: Rendezvous, desk: Desk): Promise<Measured> {
  const { index, given, capOf, signal, say } = options
  let plan = await desk.plan(({ trial }) => trial === null || index === 0)
  if (plan.trial !== null) {
    assertFits(options, plan)
    using held = await desk.take(plan)
    await using load = await prepareLoad(plan, given, {
      index,
      capOf,
      signal: AbortSignal.any([signal, held.lost]),
    })
    await warmGenerator()
    await runTrial({ plan, load, meeting, desk, say, signal })
    plan = await desk.plan(({ trial }) => trial === null)
  }
  assertFits(options, plan)
  using held = await desk.take(plan)
  const own = AbortSignal.any([signal, held.lost])
  await using load = await untilAborted(
    prepareLoad(plan, given, { index, capOf, signal: own }),
    own,
  )
  await untilAborted(warmGenerator(), own)
  return await offer(options, { plan, load, meeting, desk, held })
}

interface Scene {
  readonly plan: SeatPlan
  readonly load: SeatLoad
  readonly meeting: Rendezvous
  readonly desk: Desk
  readonly held: Held
}

/** The instant on this process's clock, and what is known of that clock. */
interface Start {
  readonly atMs: number
  readonly clock: ClockReading
}

/** Its stripe of the schedule, begun at the instant that all are told. */
async function offer(options: SeatOptions, scene: Scene): Promise<Measured> {
  const { plan, load, held } = scene
  const { schedule, seats: of, connections, maxConnections, timeoutMs } = plan
  const signal = AbortSignal.any([options.signal, held.lost, load.lost])
  const begun = Promise.withResolvers<Start>()
  const reading = await runStripe(
    load.endpoints,
    { plan: schedule, index: options.index, of, connections, maxConnections, timeoutMs },
    async () => {
      const start = await untilAborted(awaitStart(options, scene), signal)
      begun.resolve(start)
      return start.atMs
    },
    signal,
  )
  const { atMs, clock } = await begun.promise
  const told = { clients: load.clients(), marks: load.marks() }
  return { plan, reading, ...told, clock, startedAtUs: monotonicUs(atMs) }
}

/** Says that it is ready, waits for the word, and leaves Redis alone from then on. */
async function awaitStart(
  { index, say }: SeatOptions,
  { plan, meeting, desk, held }: Scene,
): Promise<Start> {
  const early = await probeClock(() => meeting.timeUs())
  await held.ready(JSON.stringify({ nonce: plan.nonce, errorUs: early.errorUs }))
  say(`seat ${index} of ${plan.seats}: ready`)
  const atUs = await desk.start(plan)
  held[Symbol.dispose]()
  // Once more, for clocks go apart while seats wait; each in its turn, so that nobody waits behind a thousand.
  const leftMs = toOwnMs(atUs, early) - performance.now()
  await sleep(Math.max(0, (leftMs * shareForProbes * index) / plan.seats))
  const clock = await probeClock(() => meeting.timeUs()).catch(() => early)
  const atMs = toOwnMs(atUs, clock)
  const lateMs = performance.now() + leastLeadMs - atMs
  if (lateMs > 0) {
    throw new BenchError(
      'measurement-failed',
      `it learned of the start ${seconds(lateMs)} too late: this machine, or its way to ${meeting.shown}, is too slow or was stopped`,
    )
  }
  await meeting[Symbol.asyncDispose]()
  return { atMs, clock }
}

/** Hands the result over, and tries again for a bounded time; keeps it in a file where that does not help. */
async function deliver(
  options: SeatOptions,
  desk: Desk,
  { plan, reading, clients, marks, clock }: Measured,
): Promise<SeatResult> {
  const { settings, runId, index, source, signal } = options
  const resultWith = (drift: number): SeatResult => ({
    format: planFormat,
    runId,
    nonce: plan.nonce,
    index,
    version: source.version,
    node: process.version,
    name: plan.withNames ? hostname() : null,
    clients,
    marks,
    clock,
    driftUs: drift,
    reading,
  })
  const untilMs = performance.now() + plan.resultWaitMs
  const handOver = async () => {
    await using meeting = await openRendezvous(settings, runId)
    const after = await probeClock(() => meeting.timeUs())
    const result = resultWith(driftUs(clock, after))
    const said = await meeting.deliver(desk.seat, encodeResult(result), plan.keepMs)
    if (said === 'kept') return result
    throw new BenchError(
      'usage',
      said === 'taken'
        ? `another process has taken seat ${index} of run ${runId}`
        : `the coordinator of run ${runId} has ended without it`,
    )
  }
  for (;;) {
    try {
      return await untilAborted(handOver(), signal)
    } catch (error) {
      const isAway = error instanceof BenchError && error.code === 'measurement-failed'
      if (!isAway || performance.now() > untilMs || signal.aborted)
        throw undelivered(options, resultWith(0), error)
      // Not all at the same moment.
      await sleep(retryMs * (0.5 + Math.random()), null, { signal }).catch(() => null)
    }
  }
}

function undelivered({ keep, index }: SeatOptions, result: SeatResult, error: unknown): BenchError {
  const why = error instanceof Error ? error.message : String(error)
  return new BenchError(
    'measurement-failed',
    `seat ${index}: its result is in ${keep(result)} and was not handed over: ${why}`,
    { cause: error },
  )
}

/** Refuses a plan that this seat cannot be part of. */
function assertFits(
  { source, index }: SeatOptions,
  { source: planned, seats, trial }: SeatPlan,
): void {
  const difference = sourceDifference(planned, source)
  if (difference !== null)
    throw new BenchError('usage', `${difference}: start seats and coordinator of one version`)
  if (trial === null && index >= seats) {
    throw new BenchError(
      'usage',
      `--index ${index}: the plan has ${seats} ${seats === 1 ? 'seat' : 'seats'}, 0 to ${seats - 1}`,
    )
  }
}

/** Tells the coordinator why; over a new connection where it was silent already. */
async function sayFarewell(
  { settings, runId, signal }: SeatOptions,
  meeting: Rendezvous,
  desk: Desk,
  error: unknown,
): Promise<void> {
  const why = signal.aborted ? 'left' : error instanceof Error ? error.message : String(error)
  // A place that is another's is not given back; the script sees to that.
  const tell = async () => {
    if (meeting.isOpen()) return desk.leave(why, !signal.aborted)
    await using again = await openRendezvous(settings, runId).catch(() => null)
    if (again !== null) await desk.leave(why, !signal.aborted, again)
  }
  // Who waits for Ctrl-C does not wait for a Redis that says nothing.
  await inTime(tell(), signal.aborted ? hurriedMs : patientMs).catch(() => undefined)
}

/** An instant of `performance.now()` on the clock that all processes of a machine share. */
function monotonicUs(atMs: number): number {
  const once = () =>
    Number(process.hrtime.bigint()) / nsPerUs + (atMs - performance.now()) * usPerMs
  // A pause between the two readings makes it too early, never too late.
  return Math.max(...Array.from({ length: clockReadings }, once))
}

/** Of the time to the start, what all seats together may take to look at the clock. */
const shareForProbes = 0.5
/** Before its first request a seat must come out of its wait. */
const leastLeadMs = 5
const retryMs = 500
const hurriedMs = 1_000
const patientMs = 5_000
const clockReadings = 8
const nsPerUs = 1_000
const usPerMs = 1_000
