import { noiseOf } from '../../bench/analysis/block-noise.ts'
import { narrowings } from '../../bench/analysis/narrowing.ts'
import {
  mapEstimate,
  median,
  signedRankInterval,
  type Estimate,
} from '../../bench/analysis/stats.ts'
import { defaultThresholds, judge } from '../../bench/analysis/verdict.ts'
import { plainTable } from '../../bench/render/table.ts'
import type { CompanionCpu } from '../../bench/companion/messages.ts'
import type { Run } from '../../bench/results.ts'
import { ratioText, verdictText } from '../ratio-text.ts'

/** One short run, followed by a process of its own or not. */
export interface TrialRun {
  readonly run: Run
  /** CPU that the follower used; null without one. */
  readonly follower: CompanionCpu | null
  /** What somebody got to see of it: events of a page, say; 0 without one. */
  readonly seen: number
}

/** Two runs one after the other, in random order, with the same seed. */
export interface TrialPair {
  readonly followed: TrialRun
  readonly without: TrialRun
}

/** How a follower is named to people. */
export interface FollowerWords {
  readonly process: string
  readonly seen: string
}

/** What following does to the cost of one arm. */
export interface FollowerEffect {
  readonly arm: string
  /** Medians over the runs, µs of server CPU per request. */
  readonly withUs: number
  readonly withoutUs: number
  /** With over without, paired; null without pairs. */
  readonly ratio: Estimate | null
}

/** The effect on every arm that all runs have. */
export function followerEffects(pairs: readonly TrialPair[], level: number): FollowerEffect[] {
  const costs = pairs.map(({ followed, without }) => ({
    with: costsOf(followed.run),
    without: costsOf(without.run),
  }))
  const arms = [...(costs[0]?.with.keys() ?? [])]
  return arms.flatMap((arm) => {
    const both = costs.flatMap((pair) => {
      const [one, other] = [pair.with.get(arm), pair.without.get(arm)]
      return one === undefined || other === undefined ? [] : [{ one, other }]
    })
    if (both.length < pairs.length) return []
    const logs = signedRankInterval(
      both.map(({ one, other }) => Math.log(one / other)),
      level,
    )
    return [
      {
        arm,
        withUs: median(both.map(({ one }) => one)),
        withoutUs: median(both.map(({ other }) => other)),
        ratio: logs === null ? null : mapEstimate(logs, Math.exp),
      },
    ]
  })
}

/** Whether nothing shows that following costs: no interval lies beyond the effect that counts. */
export function addsNothing(effects: readonly FollowerEffect[]): boolean {
  return effects.every(({ ratio }) => {
    const { verdict } = judge(ratio, { better: 'lower', noiseFloor: null }, defaultThresholds)
    return verdict !== 'worse' && verdict !== 'better'
  })
}

/** The result for people. */
export function describeEffects(
  pairs: readonly TrialPair[],
  effects: readonly FollowerEffect[],
  words: FollowerWords,
): string[] {
  const columns = ['case', 'with, µs', 'without, µs', 'with over without', ''].map(
    (head, index) => ({ head, align: index === 0 || index > 2 ? 'left' : 'right' }) as const,
  )
  const rows = effects.map(({ arm, withUs, withoutUs, ratio }) => [
    arm.split('/')[0] ?? arm,
    withUs.toFixed(2),
    withoutUs.toFixed(2),
    ratio === null ? '–' : ratioText(ratio),
    ratio === null ? '' : verdictText(ratio),
  ])
  return [
    `server CPU per request, ${pairs.length} pairs of runs, medians over the runs:`,
    ...plainTable(columns, rows, { color: false }),
    '',
    ...circumstances(pairs, words),
  ]
}

function circumstances(pairs: readonly TrialPair[], words: FollowerWords): string[] {
  const side = (name: string, runs: readonly TrialRun[]) => {
    const noise = runs.flatMap(({ run }) => noiseOf(run.blocks))
    const of = (values: readonly number[]) =>
      values.length === 0 ? 'unknown' : `${(median(values) * 100).toFixed(1)} %`
    return `${name}: ${runs.reduce((sum, { run }) => sum + run.blocks.length, 0)} blocks, foreign CPU ${of(noise.flatMap(({ foreignCpu }) => foreignCpu ?? []))}, client’s event loop ${of(noise.map(({ clientEventLoop }) => clientEventLoop))}`
  }
  const used = pairs.flatMap(({ followed }) => followed.follower ?? [])
  const ms = (values: readonly number[]) =>
    values.length === 0 ? 'unknown' : `${(Math.max(...values) / 1_000).toFixed(1)} ms`
  return [
    side(
      'with',
      pairs.map(({ followed }) => followed),
    ),
    side(
      'without',
      pairs.map(({ without }) => without),
    ),
    `${words.process}, most in any run: ${ms(used.map(({ inBlocksUs }) => inBlocksUs))} of CPU while blocks ran, ${ms(used.map(({ betweenBlocksUs }) => betweenBlocksUs))} between them`,
    `${words.seen}: ${pairs.map(({ followed }) => followed.seen).join(', ')}`,
  ]
}

/** Last estimate of every arm of a run in closed loops. */
function costsOf(run: Run): Map<string, number> {
  return new Map(
    narrowings(run).flatMap(({ arm, after }): [string, number][] => {
      const last = after.at(-1)
      return last === undefined ? [] : [[arm, last.estimate]]
    }),
  )
}
