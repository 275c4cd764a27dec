import { decided, type ClaimNumber, type Decision, type Windows } from './claim.ts'
import { milliseconds } from './claims-performance.ts'
import type { EventWindow } from './event-windows.ts'

/** Windows by the names that were asked for. */
export type Sound<Name extends string> = Readonly<Record<Name, EventWindow>>

/**
 * Decides by the windows of these events, if all are there and sound: before an event everything must have
 * been served, or what comes after it is not its doing.
 */
export function byEvents<Name extends string>(
  windows: Windows,
  names: readonly Name[],
  decide: (found: Sound<Name>) => Decision,
): Decision {
  const found: Partial<Record<Name, EventWindow>> = {}
  for (const name of names) {
    const window = windows.get(name)
    if (window === undefined) return decided('not measured', `no event ${name}`)
    const { failedBefore, servedBefore } = window
    if (failedBefore > 0 || servedBefore === 0)
      return decided('undecided', `${name}: requests failed before the event`)
    found[name] = window
  }
  return isWhole(found, names) ? decide(found) : decided('not measured', 'not all events')
}

/** How long it was still served, or that it always was. */
export function windowNumber(
  label: string,
  { lastServedMs, refusedAfter, watchedMs, resolutionMs }: EventWindow,
): ClaimNumber {
  if (refusedAfter === 0)
    return milliseconds(`${label}: still served when watching ended, after`, watchedMs)
  return milliseconds(
    `${label}: refused at the latest after`,
    Math.max(0, lastServedMs ?? 0) + resolutionMs,
  )
}

/** How many requests were not served from the beginning of an event on. */
export function failedNumber(label: string, { failedFromStart }: EventWindow): ClaimNumber {
  return { label: `${label}: requests that failed`, unit: 'requests', value: failedFromStart }
}

/** Of the requests after an event, those that were served, as a share from 0 to 1. */
export function servedShare({ servedAfter, refusedAfter }: EventWindow): number {
  const all = servedAfter + refusedAfter
  return all === 0 ? 0 : servedAfter / all
}

function isWhole<Name extends string>(
  found: Partial<Record<Name, EventWindow>>,
  names: readonly Name[],
): found is Record<Name, EventWindow> {
  return names.every((name) => found[name] !== undefined)
}
