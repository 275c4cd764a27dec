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
  /** From the end of the event to the due time of the first probe that was not served; null if all were. */
  readonly firstRefusedMs: number | null
  /** From the end of the event to that of the last that was; null if none was. */
  readonly lastServedMs: number | null
  /** Median from due to answer, of those before and of those after; null without any. */
  readonly latencyP50BeforeMs: number | null
  readonly latencyP50AfterMs: number | null
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
  const isServed = ({ outcome }: EventRecord['probes'][number]) => outcome === 'served'
  return {
    name,
    what,
    servedBefore: before.filter(isServed).length,
    failedBefore: before.filter((probe) => !isServed(probe)).length,
    servedAfter: served.length,
    refusedAfter: refused.length,
    firstRefusedMs: since(refused[0]),
    lastServedMs: since(served.at(-1)),
    latencyP50BeforeMs: medianLatencyMs(before),
    latencyP50AfterMs: medianLatencyMs(after),
    watchedMs: Math.max(0, (probes.at(-1)?.dueMs ?? 0) - eventEndMs),
    resolutionMs: 1_000 / ratePerSecond,
  }
}

function medianLatencyMs(probes: EventRecord['probes']): number | null {
  const sorted = probes.map(({ latencyMs }) => latencyMs).sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? null
}
