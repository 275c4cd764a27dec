import { createScene, type Scene } from '../preflight/scene.ts'
import type { StartServer } from '../processes.ts'
import { awaitSleep, createCpuMeter } from '../sensors.ts'
import { BenchError } from '../errors.ts'
import type { Parameters, Scenario } from '../scenario.ts'
import type { TrialSeries } from '../trials.ts'
import { caseOf } from './case-of.ts'

/** Something tried a few times in a row, for what no load tells. */
export interface Trial {
  readonly name: string
  readonly what: string
  /** On an idle machine, at `repetitions` of the default mode. */
  readonly seconds: number
  readonly run: (setting: TrialSetting) => Promise<TrialSeries[]>
}

/** What a trial has to work with. */
export interface TrialSetting {
  readonly scenarios: readonly Scenario[]
  /** Starts servers, on their own core where that is possible; they end with the trial. */
  readonly start: StartServer
  readonly signal: AbortSignal
  readonly repetitions: number
  /** What a repetition counts over, as a share of the usual number: 1, or less to prove that it runs. */
  readonly share: number
}

/** The servers and credentials of a scenario; they end with `owned`. */
export function sceneOf(
  name: string,
  { scenarios, start }: TrialSetting,
  owned: AsyncDisposableStack,
  parameters: Parameters = {},
): Promise<Scene> {
  return createScene(caseOf(name, parameters, scenarios), start, owned)
}

/** CPU of this very process in µs for each of `count` actions, one after the other. */
export async function ownCpuUsEach(count: number, act: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage()
  for (let index = 0; index < count; index++) await act()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / count
}

/** CPU of a server's process in µs for each of `count` actions, so many of them at a time. */
export async function cpuUsEach(
  pid: number,
  { count, atOnce }: { readonly count: number; readonly atOnce: number },
  act: () => Promise<unknown>,
): Promise<number> {
  const meter = createCpuMeter(pid)
  const read = () => {
    awaitSleep(pid)
    const reading = meter()
    if (reading === null)
      throw new BenchError('measurement-failed', `process ${pid}: its CPU time cannot be read here`)
    return reading.cpuUs
  }
  const before = read()
  let begun = 0
  await Promise.all(
    Array.from({ length: Math.min(atOnce, count) }, async () => {
      while (begun < count) {
        begun += 1
        await act()
      }
    }),
  )
  return (read() - before) / count
}

/** One part of a repetition, and the series that it adds to. */
export interface Part {
  readonly name: string
  readonly unit: TrialSeries['unit']
  readonly measure: () => Promise<number>
}

/**
 * Measures parts in turn, forwards and then backwards, so that what drifts falls on all alike. What comes
 * first is done once before and thrown away: it pays for compiling.
 */
export async function repeat(
  parts: readonly Part[],
  { repetitions, signal }: TrialSetting,
): Promise<TrialSeries[]> {
  for (const { measure } of parts) await measure()
  const values = new Map(parts.map(({ name }) => [name, [] as number[]]))
  for (let round = 0; round < repetitions; round++) {
    for (const { name, measure } of round % 2 === 0 ? parts : parts.toReversed()) {
      signal.throwIfAborted()
      values.get(name)?.push(await measure())
    }
  }
  return parts.map(({ name, unit }) => ({ name, unit, values: values.get(name) ?? [] }))
}

/** A series of one count. */
export function counted(name: string, value: number): TrialSeries {
  return { name, unit: '', values: [value] }
}

/** A number of actions as a share of the usual one, and one at least. */
export function countOf(usual: number, { share }: TrialSetting): number {
  return Math.max(1, Math.round(usual * share))
}
