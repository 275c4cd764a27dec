import { setTimeout as sleep } from 'node:timers/promises'
import { BenchError } from '../errors.ts'
import { parseJson, type SeatPlan } from './plan.ts'
import { aliveMs, type Rendezvous } from './rendezvous.ts'

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
  readonly say: (line: string) => void
  readonly signal: AbortSignal
}

/**
 * Waits until all seats are ready and alive. Resolves with those that are missing when the wait is over, where
 * that many are tolerated; throws `measurement-failed` with the missing ones where they are not, and at once where
 * a seat says that it cannot take part.
 */
export async function rollCall(waiting: Waiting): Promise<readonly MissingSeat[]> {
  const { plan, tolerated, say, signal } = waiting
  const untilMs = performance.now() + plan.waitMs
  const teller = createTeller(say)
  for (;;) {
    const { present, missing } = await callOnce(waiting)
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
): Promise<Map<number, { why: string; isFinal: boolean }>> {
  const failed = await meeting.failed()
  return new Map([...failed].map(([index, written]) => [index, farewellOf(written)]))
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
    await farewells(meeting),
  ]
  const missing = Array.from({ length: plan.seats }, (_, index): Absent | null => {
    const farewell = gone.get(index)
    if (farewell !== undefined) return { index, ...farewell }
    const silentMs = silence.get(index)
    if (silentMs === undefined) return { index, why: 'not started', isFinal: false }
    if (silentMs > aliveMs) return { index, why: 'gone without a word', isFinal: false }
    return ready.has(index) ? null : { index, why: 'not ready yet', isFinal: false }
  }).filter((absent) => absent !== null)
  return { present: plan.seats - missing.length, missing }
}

function farewellOf(written: string): { why: string; isFinal: boolean } {
  const value = parseJson(written)
  const isFarewell = typeof value === 'object' && value !== null && 'why' in value
  if (!isFarewell) return { why: 'failed, and does not say why', isFinal: true }
  return { why: String(value.why), isFinal: 'isFinal' in value && value.isFinal === true }
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
