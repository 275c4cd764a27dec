import { Type } from '@sinclair/typebox'
import { Ajv } from 'ajv'
import { invalidity } from '../analysis/windows.ts'
import { BenchError } from '../errors.ts'
import { runStripe, type StripeReading } from '../load/stripe.ts'
import { count, nullable, strict, amount } from '../result-values.ts'
import type { Desk } from './desk.ts'
import type { SeatLoad } from './load.ts'
import { parseJson, type SeatPlan } from './plan.ts'
import type { Rendezvous } from './rendezvous.ts'

/** What seat 0 found out alone: the highest rate at which it was not the limit; null at none. */
const TrialResult = Type.Object({ trial: nullable(amount), stages: count }, strict)

/** What a trial needs. */
export interface TrialScene {
  readonly plan: SeatPlan
  readonly load: SeatLoad
  readonly meeting: Rendezvous
  readonly desk: Desk
  readonly say: (line: string) => void
  readonly signal: AbortSignal
}

/** Offers rising rates alone, until the seat itself is the limit or the planned rate is reached, and says which. */
export async function runTrial({
  plan,
  load,
  meeting,
  desk,
  say,
  signal,
}: TrialScene): Promise<void> {
  const { ratesPerSecond = [], stageMs = 0 } = plan.trial ?? {}
  let cleanPerSecond: number | null = null
  let stages = 0
  for (const ratePerSecond of ratesPerSecond) {
    stages += 1
    const reading = await stage(plan, load, { ratePerSecond, durationMs: stageMs }, signal)
    const [limit] = seatLimits(reading, ratePerSecond)
    say(`seat 0 alone at ${Math.round(ratePerSecond)} requests/s: ${limit ?? 'not the limit'}`)
    if (limit !== undefined) break
    cleanPerSecond = ratePerSecond
  }
  const found = JSON.stringify({ trial: cleanPerSecond, stages })
  await meeting.deliver(desk.seat, found, plan.keepMs)
}

/** Why a seat's part of a window is no measurement of the server; empty where it is. */
export function seatLimits(reading: StripeReading, ratePerSecond: number): string[] {
  const { cpuUs: clientCpuUs, ...rest } = reading
  return invalidity({ ...rest, clientCpuUs, plan: { ratePerSecond } })
}

/** The highest clean rate out of what seat 0 wrote; throws `measurement-failed` where there is none. */
export function parseTrial(written: string): number {
  const value = parseJson(written)
  if (!validate(value))
    throw new BenchError(
      'measurement-failed',
      'seat 0: its trial is not one; give --seats a number',
    )
  if (value.trial !== null) return value.trial
  throw new BenchError(
    'measurement-failed',
    'seat 0 alone was the limit at the lowest rate already: its machine is too busy to measure from',
  )
}

/** Rates of the stages: each half as much again as the one before, up to the planned one. */
export function trialRates(plannedPerSecond: number): number[] {
  const rates: number[] = []
  for (let rate = Math.min(firstPerSecond, plannedPerSecond); rate < plannedPerSecond;) {
    rates.push(rate)
    rate *= step
  }
  return [...rates, plannedPerSecond]
}

/** Seats that a rate needs, each with something to spare. */
export function seatsFor(ratePerSecond: number, cleanPerSecond: number): number {
  return Math.max(1, Math.ceil(ratePerSecond / (spareShare * cleanPerSecond)))
}

/** Length of one stage: a p99 needs some hundred samples. */
export const trialStageMs = 2_000

function stage(
  { schedule, connections, maxConnections, timeoutMs }: SeatPlan,
  load: SeatLoad,
  offered: { readonly ratePerSecond: number; readonly durationMs: number },
  signal: AbortSignal,
): Promise<StripeReading> {
  return runStripe(
    load.endpoints,
    {
      plan: { ...schedule, ...offered },
      index: 0,
      of: 1,
      connections,
      maxConnections,
      timeoutMs,
    },
    () => Promise.resolve(performance.now()),
    AbortSignal.any([signal, load.lost]),
  )
}

const validate = new Ajv().compile<{ trial: number | null; stages: number }>(TrialResult)
const firstPerSecond = 500
const step = 1.5
const spareShare = 0.7
