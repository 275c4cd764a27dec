import { setTimeout as sleep } from 'node:timers/promises'
import { BenchError } from '../errors.ts'
import type { OfferWindow } from '../windows.ts'
import { inTime, type RendezvousSettings } from './client.ts'
import { probeClock, toOwnMs } from './clock.ts'
import { collectResults } from './collect.ts'
import { seconds, untilAborted } from './desk.ts'
import { mergeSeats, type SeatsReading } from './merge.ts'
import type { SeatPlan } from './plan.ts'
import { openRendezvous, type Rendezvous } from './rendezvous.ts'
import { farewells, rollCall, type Waiting } from './roll-call.ts'
import { parseTrial } from './trial.ts'

/** What a coordinator is told. */
export interface CoordinatorOptions {
  readonly settings: RendezvousSettings
  /** With a trial, if seat 0 is to find out how many are needed. */
  readonly plan: SeatPlan
  readonly tolerated: number
  /** What is not there when the trial is over: a plan without one. */
  readonly afterTrial: (cleanPerSecond: number) => SeatPlan
  readonly say: (line: string) => void
  readonly signal: AbortSignal
}

/** Seats that have been told what to do; at disposal those that still wait are told that nothing comes of it. */
export interface Coordinator extends AsyncDisposable {
  /** What is asked of them, once a trial is over. */
  readonly plan: SeatPlan
  /** Waits for the seats, lets them begin, and merges what they saw. */
  readonly offerWindow: (...words: Parameters<OfferWindow>) => Promise<SeatsReading>
}

/**
 * Publishes a plan: from then on the run id is this coordinator's, until it expires. Throws `usage` where it is
 * another's, `measurement-failed` where Redis cannot be used.
 */
export async function openCoordinator(options: CoordinatorOptions): Promise<Coordinator> {
  const { settings, signal, say, tolerated } = options
  const { runId } = options.plan
  const meeting = await openRendezvous(settings, runId)
  let isOver = false
  const dispose = async () => {
    if (!isOver) await callOff(meeting, options)
    await meeting[Symbol.asyncDispose]()
  }
  try {
    if (!(await meeting.publishPlan(JSON.stringify(options.plan), options.plan.keepMs))) {
      isOver = true
      throw new BenchError(
        'usage',
        `--run-id ${runId}: a run of this name is at ${meeting.shown} already, give another`,
      )
    }
    await meeting.notify({ kind: 'plan' }, options.plan.keepMs)
    const plan = options.plan.trial === null ? options.plan : await tryOut(meeting, options)
    const untilMs = performance.now() + plan.waitMs
    return {
      plan,
      async offerWindow(_request, windowSignal, onConnected) {
        const waiting = { meeting, plan, tolerated, untilMs, say, signal: windowSignal }
        const reading = await runSeats(waiting, onConnected)
        isOver = true
        await meeting.end(plan.keepMs).catch(() => undefined)
        return reading
      },
      [Symbol.asyncDispose]: dispose,
    }
  } catch (error) {
    await dispose()
    signal.throwIfAborted()
    throw error
  }
}

/** Waits for seat 0's word on how much one seat can offer, and plans by it. */
async function tryOut(
  meeting: Rendezvous,
  { plan, afterTrial, say, signal }: CoordinatorOptions,
): Promise<SeatPlan> {
  const { ratesPerSecond = [], stageMs = 0 } = plan.trial ?? {}
  say('waiting for seat 0, which tries alone how much one seat can offer')
  const patienceMs = plan.waitMs + ratesPerSecond.length * (stageMs + plan.timeoutMs)
  const untilMs = performance.now() + patienceMs
  for (;;) {
    const [done] = await untilAborted(meeting.results(), signal)
    if (done !== undefined) break
    const failed = (await untilAborted(farewells(meeting, plan), signal)).get(0)
    if (failed?.isFinal === true)
      throw new BenchError('measurement-failed', `seat 0: ${failed.why}`)
    if (performance.now() > untilMs) {
      throw new BenchError(
        'measurement-failed',
        `seat 0 said nothing within ${seconds(patienceMs)}: start it, or give --seats a number`,
      )
    }
    await sleep(lookMs, null, { signal }).catch(() => null)
    signal.throwIfAborted()
  }
  const next = afterTrial(parseTrial(await meeting.result(0)))
  await meeting.clear()
  await meeting.replacePlan(JSON.stringify(next), next.keepMs)
  await meeting.notify({ kind: 'plan' }, next.keepMs)
  return next
}

/** Between the start and the end of the window nothing is said to anybody. */
async function runSeats(waiting: Waiting, onConnected: () => Promise<void>) {
  const { meeting, plan, say, signal } = waiting
  const absent = await rollCall(waiting)
  const clock = await probeClock(() => meeting.timeUs())
  const atUs = (await meeting.timeUs()) + leadMs(plan) * usPerMs
  const without = absent.map(({ index }) => index)
  const start = { kind: 'start', nonce: plan.nonce, atUs: Math.round(atUs), without } as const
  await meeting.notify(start, plan.keepMs)
  const startMs = toOwnMs(atUs, clock)
  await until(startMs, signal)
  await onConnected()
  const present = plan.seats - absent.length
  say(`${present} of ${plan.seats} seats have begun, for ${plan.schedule.durationMs / 1_000} s`)
  const endMs = startMs + plan.schedule.durationMs
  await until(endMs, signal)
  const expected = Array.from({ length: plan.seats }, (_, index) => index).filter(
    (index) => !without.includes(index),
  )
  const lastMs = endMs + plan.timeoutMs + plan.resultWaitMs
  const { results, missing } = await collectResults(waiting, expected, lastMs)
  const all = [...absent, ...missing].toSorted((a, b) => a.index - b.index)
  return mergeSeats(plan, results, all)
}

/** Tells seats that wait to go; one line to nobody where Redis is away. */
async function callOff(meeting: Rendezvous, { plan, signal }: CoordinatorOptions): Promise<void> {
  const why = signal.aborted ? 'it was interrupted' : 'it could not measure'
  // Who waits for Ctrl-C does not wait for a Redis that says nothing.
  const told = meeting
    .notify({ kind: 'abort', why }, plan.keepMs)
    .then(() => meeting.end(plan.keepMs))
  await inTime(told, callOffMs).catch(() => undefined)
}

async function until(atMs: number, signal: AbortSignal): Promise<void> {
  await sleep(Math.max(0, atMs - performance.now()), null, { signal }).catch(() => null)
  signal.throwIfAborted()
}

/** From the word to the start: longer than it takes to a thousand seats, and than they take to look at the clock. */
function leadMs({ seats }: SeatPlan): number {
  return leastLeadMs + seats * leadPerSeatMs
}

const callOffMs = 1_000
const leastLeadMs = 2_000
const leadPerSeatMs = 2
const lookMs = 300
const usPerMs = 1_000
