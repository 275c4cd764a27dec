import type { Parameters } from '../scenario.ts'
import type { Scene, Tokens } from '../preflight/scene.ts'
import type { ProbePlan, ProbeSubject } from './probe.ts'

/** An event under load: which servers it takes, who asks, and what happens. */
export interface Experiment {
  readonly name: string
  readonly scenario: string
  readonly parameters: Parameters
  /** What happens, and whose requests are counted. */
  readonly what: string
  readonly plan: ProbePlan
  /** Loads the machine: no other is watched meanwhile. */
  readonly isAlone?: true
  /** The event is the end of a lifetime, which comes when it comes. */
  readonly expires?: true
  /** Equips the subject; what it starts ends with `owned`. A lifetime is that of what expires. */
  readonly create: (
    scene: Scene,
    owned: AsyncDisposableStack,
    lifetimeMs: number,
  ) => Promise<ProbeSubject>
}

/** Credentials that end sooner could do so before anybody has asked with them. */
export const shortestLifetimeMs = 2_500

/** The plan of an event at the rate of all of them; it comes halfway between two probes. */
export function watch(beforeMs: number, afterMs: number): ProbePlan {
  return { ratePerSecond, beforeMs: beforeMs + msPerSecond / ratePerSecond / 2, afterMs }
}

/** Where tokens of a scene come from; throws where its clients bring none. */
export function tokensOf({ tokens }: Scene): Tokens {
  if (tokens === null) throw new Error('clients of this scenario bring no tokens')
  return tokens
}

/** Certificates of a scene; throws where its clients have none. */
export function mutualOf({ mutual }: Scene): NonNullable<Scene['mutual']> {
  if (mutual === null) throw new Error('clients of this scenario have no certificates')
  return mutual
}

/** Until a time of the wall clock; at once where it has passed. */
export function waitUntil(timeMs: number): Promise<void> {
  return waitFor(Math.max(0, timeMs - Date.now()))
}

/** So long. */
export function waitFor(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

/** Gaps of 20 ms: windows are known to this, and no server here is near its limit. */
const ratePerSecond = 50
const msPerSecond = 1_000
