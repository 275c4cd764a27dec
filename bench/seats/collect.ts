import { setTimeout as sleep } from 'node:timers/promises'
import { BenchError } from '../errors.ts'
import { untilAborted } from './desk.ts'
import type { SeatPlan } from './plan.ts'
import type { Rendezvous } from './rendezvous.ts'
import { farewells, type MissingSeat, type Waiting } from './roll-call.ts'
import { parseResult, type SeatResult } from './seat-result.ts'

/** Results of the seats that began, and those of which there is none. */
export interface Collected {
  readonly results: readonly SeatResult[]
  readonly missing: readonly MissingSeat[]
}

/**
 * Takes results as they come, until all are there or nothing more is to be waited for: seats try to hand
 * theirs over for so long. A Redis that is away is waited for as long. Throws the signal's reason.
 */
export async function collectResults(
  { meeting, plan, say, signal }: Omit<Waiting, 'untilMs'>,
  expected: readonly number[],
  untilMs: number,
): Promise<Collected> {
  const results = new Map<number, SeatResult>()
  const missing = new Map<number, string>()
  let trouble: string | null = null
  while (results.size + missing.size < expected.length && performance.now() < untilMs) {
    try {
      await untilAborted(takeNew({ meeting, plan, expected, results, missing }), signal)
      trouble = null
    } catch (error) {
      signal.throwIfAborted()
      if (!(error instanceof BenchError)) throw error
      if (trouble === null) say(`${error.message}; trying again`)
      trouble = error.message
    }
    await sleep(lookMs, null, { signal }).catch(() => null)
    signal.throwIfAborted()
  }
  const silent = expected.filter((index) => !results.has(index) && !missing.has(index))
  for (const index of silent) missing.set(index, trouble ?? 'no result came')
  return {
    results: [...results.values()],
    missing: [...missing].map(([index, why]) => ({ index, why })).sort((a, b) => a.index - b.index),
  }
}

async function takeNew({
  meeting,
  plan,
  expected,
  results,
  missing,
}: {
  readonly meeting: Rendezvous
  readonly plan: SeatPlan
  readonly expected: readonly number[]
  readonly results: Map<number, SeatResult>
  readonly missing: Map<number, string>
}): Promise<void> {
  const wanted = new Set(expected.filter((index) => !results.has(index) && !missing.has(index)))
  for (const index of await meeting.results()) {
    if (!wanted.delete(index)) continue
    const written = await meeting.result(index)
    try {
      results.set(index, parseResult(written, index, plan))
    } catch (error) {
      missing.set(index, error instanceof Error ? error.message : String(error))
    }
  }
  for (const [index, { why }] of await farewells(meeting, plan))
    if (wanted.has(index)) missing.set(index, why)
}

const lookMs = 250
