import { setTimeout as sleep } from 'node:timers/promises'
import { BenchError } from '../errors.ts'
import { untilAborted } from './desk.ts'
import { parseJson, type SeatPlan } from './plan.ts'
import { aliveMs, cleaned, type Rendezvous } from './rendezvous.ts'

/** A seat that is not in the figures, and why. */
export interface MissingSeat {
  readonly index: number
  readonly why: string
}

/** What a coordinator waits with. */
export interface Waiting {
  readonly meeting: Rendezvous
  readonly plan: SeatPlan
  /** Seats that may be missing. */
  readonly tolerated: number
  /** When the wait for seats is over, on `performance.now()`: as long after the plan as seats wait for each other. */
  readonly untilMs: number
  readonly say: (line: string) => void
  readonly signal: AbortSignal
}

/**
 * Waits until all seats are ready and alive. Resolves with those that are missing when the wait is over, where
 * that many are tolerated; throws `measurement-failed` with the missing ones where they are not, and at once where
 * a seat says that it cannot take part.
 */
export async function rollCall(waiting: Waiting): Promise<readonly MissingSeat[]> {
  const { plan, tolerated, untilMs, say, signal } = waiting
  const teller = createTeller(say)
  for (;;) {
    const { present, missing } = await untilAborted(callOnce(waiting), signal)
    teller.tell(present, plan.seats, missing)
    if (missing.length === 0) return []
    const isOver = performance.now() > untilMs
    const final = missing.filter(({ isFinal }) => isFinal)
    if (final.length > tolerated || (isOver && missing.length > tolerated))
      throw notThere(final.length > tolerated ? final : missing, plan)
    if (isOver || (final.length === missing.length && present > 0)) return missing
    await sleep(lookMs, null, { signal }).catch(() => null)
    signal.throwIfAborted()
  }
}

/** The seats that are missing, in words. */
export function namesOf(missing: readonly MissingSeat[]): string {
  const told = missing.slice(0, mostNamed).map(({ index, why }) => `seat ${index} (${why})`)
  const others = missing.length - told.length
  return [...told, ...(others > 0 ? [`${others} more`] : [])].join(', ')
}

/** Why seats gave up, by index. */
export async function farewells(
  meeting: Rendezvous,
  { nonce }: SeatPlan,
): Promise<Map<number, { why: string; isFinal: boolean }>> {
  const failed = await meeting.failed()
  return new Map(
    [...failed].flatMap(([index, written]) => {
      const farewell = farewellOf(written)
      return farewell.nonce === null || farewell.nonce === nonce ? [[index, farewell] as const] : []
    }),
  )
}

interface Absent extends MissingSeat {
  readonly isFinal: boolean
}

async function callOnce({
  meeting,
  plan,
}: Waiting): Promise<{ readonly present: number; readonly missing: readonly Absent[] }> {
  const [ready, silence, gone] = [
    await meeting.ready(),
    await meeting.silence(),
    await farewells(meeting, plan),
  ]
  const missing = Array.from({ length: plan.seats }, (_, index): Absent | null => {
    const farewell = gone.get(index)
    if (farewell !== undefined) return { index, ...farewell }
    const silentMs = silence.get(index)
    if (silentMs === undefined) return { index, why: 'not started', isFinal: false }
    if (silentMs > aliveMs) return { index, why: 'gone without a word', isFinal: false }
    return isReadyFor(ready.get(index), plan)
      ? null
      : { index, why: 'not ready yet', isFinal: false }
  }).filter((absent) => absent !== null)
  return { present: plan.seats - missing.length, missing }
}

/** Of a seat that could not read the plan the nonce is null: it may be of another version. */
function farewellOf(written: string): { why: string; isFinal: boolean; nonce: string | null } {
  const value = parseJson(written)
  const isFarewell = typeof value === 'object' && value !== null && 'why' in value
  if (!isFarewell) return { why: 'failed, and does not say why', isFinal: true, nonce: null }
  return {
    why: cleaned(value.why),
    isFinal: 'isFinal' in value && value.isFinal === true,
    nonce: 'nonce' in value && typeof value.nonce === 'string' ? value.nonce : null,
  }
}

/** A seat of another plan of this name is none of this one's. */
function isReadyFor(said: string | undefined, { nonce }: SeatPlan): boolean {
  const value = said === undefined ? null : parseJson(said)
  return typeof value === 'object' && value !== null && 'nonce' in value && value.nonce === nonce
}

function notThere(missing: readonly MissingSeat[], { seats, waitMs }: SeatPlan): BenchError {
  return new BenchError(
    'measurement-failed',
    `${missing.length} of ${seats} seats cannot take part or are not ready within ${waitMs / 1_000} s: ${namesOf(missing)}; --tolerate-missing ${missing.length} measures without them`,
  )
}

/** Tells how many are there whenever that changes, and once who gave up. */
function createTeller(say: (line: string) => void) {
  let before = -1
  const told = new Set<string>()
  return {
    tell(present: number, seats: number, missing: readonly Absent[]) {
      for (const { index, why } of missing.filter(({ isFinal }) => isFinal)) {
        const line = `seat ${index}: ${why}`
        if (!told.has(line)) say(line)
        told.add(line)
      }
      if (present !== before) say(`${present} of ${seats} seats ready`)
      before = present
    },
  }
}

const lookMs = 300
const mostNamed = 8
