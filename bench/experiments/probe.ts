import { performance } from 'node:perf_hooks'
import { setTimeout as wait } from 'node:timers/promises'
import type { EventRecord, Outcome } from '../events.ts'
import type { Answer } from '../preflight/attack.ts'

/** Requests at a constant rate, and an event in the middle of them. */
export interface ProbePlan {
  readonly ratePerSecond: number
  /** From the first probe to the event, and from its end to the last. */
  readonly beforeMs: number
  readonly afterMs: number
}

/** What a probe is, and what happens meanwhile. */
export interface ProbeSubject {
  readonly ask: () => Promise<Answer>
  readonly event: () => Promise<unknown>
}

/** When it happened, and what became of each probe. */
export type ProbeReading = Pick<
  EventRecord,
  'ratePerSecond' | 'eventStartMs' | 'eventEndMs' | 'probes'
>

/**
 * Sends probes at their times, whatever becomes of those before: a server that hangs is asked on. The event
 * runs beside them. Ends when each probe has its answer, which the client limits in time; throws what keeps
 * the event from happening, and the signal's reason.
 */
export async function probe(
  { ask, event }: ProbeSubject,
  { ratePerSecond, beforeMs, afterMs }: ProbePlan,
  signal: AbortSignal,
): Promise<ProbeReading> {
  const gapMs = msPerSecond / ratePerSecond
  const startMs = performance.now()
  const sinceStartMs = () => performance.now() - startMs
  const answers: Promise<EventRecord['probes'][number]>[] = []
  const send = async (dueMs: number) => {
    const answer = await ask()
    const { outcome, status } = outcomeOf(answer)
    return { dueMs, latencyMs: sinceStartMs() - dueMs, outcome, status }
  }
  const first = Promise.withResolvers<unknown>()
  let [eventStartMs, eventEndMs] = [Infinity, Infinity]
  const happened = (async () => {
    await wait(beforeMs, undefined, { signal })
    // An event before the first answer would have no before.
    await first.promise
    eventStartMs = sinceStartMs()
    await event()
    eventEndMs = sinceStartMs()
  })()
  // It is awaited at the end; an event that fails ends the probes at once.
  const failure = new AbortController()
  happened.catch(() => {
    failure.abort()
  })
  for (let index = 0; !failure.signal.aborted && index * gapMs <= eventEndMs + afterMs; index++) {
    const dueMs = index * gapMs
    // A timer takes whole ms and cuts the rest off: a probe must not go out before it is due.
    await wait(Math.max(0, Math.ceil(dueMs - sinceStartMs())), undefined, { signal })
    const sent = send(dueMs)
    answers.push(sent)
    first.resolve(sent)
  }
  await happened
  return { ratePerSecond, eventStartMs, eventEndMs, probes: await Promise.all(answers) }
}

function outcomeOf(answer: Answer): { readonly outcome: Outcome; readonly status: number | null } {
  switch (answer.kind) {
    case 'response':
      return { outcome: answer.status < 300 ? 'served' : 'refused', status: answer.status }
    case 'closed':
      return { outcome: 'closed', status: null }
    case 'silent':
      return { outcome: 'silent', status: null }
  }
}

const msPerSecond = 1_000
