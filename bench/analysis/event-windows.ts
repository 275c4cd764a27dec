import type { EventRecord } from '../events.ts'

/** How long after an event requests were still served, and from when they were not. */
export interface EventWindow {
  readonly name: string
  readonly what: string
  readonly servedBefore: number
  readonly failedBefore: number
  /** Probes that were due when the event was done, and served. */
  readonly servedAfter: number
  readonly refusedAfter: number
  /** Probes that were not over when the event began, and were not served: in the middle of it, too. */
  readonly failedFromStart: number
  /** From the first to the last of those, each with the gap behind it; 0 without any. */
  readonly failedForMs: number
  /** Median latency of those that were served, before the event and after it; null without any. */
  readonly latencyBeforeMs: number | null
  readonly latencyAfterMs: number | null
  /** From the end of the event to the due time of the first probe that was not served; null if all were. */
  readonly firstRefusedMs: number | null
  /** From the end of the event to that of the last that was; null if none was. */
  readonly lastServedMs: number | null
  /** How long it was watched. */
  readonly watchedMs: number
  /** Between probes: the windows are known to this. */
  readonly resolutionMs: number
}

/** Reads the window of an event out of its probes. */
export function windowOf({
  name,
  what,
  ratePerSecond,
  eventStartMs,
  eventEndMs,
  probes,
}: EventRecord): EventWindow {
  // One that was under way when it began may have met either side of it.
  const before = probes.filter(({ dueMs, latencyMs }) => dueMs + latencyMs < eventStartMs)
  const after = probes.filter(({ dueMs }) => dueMs >= eventEndMs)
  const served = after.filter(({ outcome }) => outcome === 'served')
  const refused = after.filter(({ outcome }) => outcome !== 'served')
  const since = (probe: EventRecord['probes'][number] | undefined) =>
    probe === undefined ? null : probe.dueMs - eventEndMs
  const failed = probes.filter(
    ({ dueMs, latencyMs, outcome }) => dueMs + latencyMs >= eventStartMs && outcome !== 'served',
  )
  const isServed = ({ outcome }: EventRecord['probes'][number]) => outcome === 'served'
  return {
    name,
    what,
    servedBefore: before.filter(isServed).length,
    failedBefore: before.filter((probe) => !isServed(probe)).length,
    servedAfter: served.length,
    refusedAfter: refused.length,
    failedFromStart: failed.length,
    failedForMs: spanOf(failed, 1_000 / ratePerSecond),
    latencyBeforeMs: medianLatency(before.filter(isServed)),
    latencyAfterMs: medianLatency(served),
    firstRefusedMs: since(refused[0]),
    lastServedMs: since(served.at(-1)),
    watchedMs: Math.max(0, (probes.at(-1)?.dueMs ?? 0) - eventEndMs),
    resolutionMs: 1_000 / ratePerSecond,
  }
}

function spanOf(probes: EventRecord['probes'], gapMs: number): number {
  const [first, last] = [probes[0], probes.at(-1)]
  return first === undefined || last === undefined ? 0 : last.dueMs - first.dueMs + gapMs
}

function medianLatency(probes: EventRecord['probes']): number | null {
  const sorted = probes.map(({ latencyMs }) => latencyMs).toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? null
}
