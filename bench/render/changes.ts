import { gatedMetrics } from '../analysis/metrics.ts'
import type { Change, RunComparison } from '../analysis/sides.ts'
import type { Thresholds, Verdict } from '../analysis/verdict.ts'
import type { Environment } from '../results.ts'
import { shortenCaseIds, type ShortId } from './charts-text.ts'
import { coverage } from './notes.ts'
import { atMostPercent, signedPercent } from './numbers.ts'

/** Verdicts in the order that they are told in: worst first, what is the same last. */
export const verdictOrder: readonly Verdict[] = ['worse', 'better', 'undecided', 'same']

/** Changes as they are told: verdicts in their order, the largest first, then by name; so the same comparison reads the same. */
export function inTellingOrder(changes: readonly Change[]): Change[] {
  return changes.toSorted(
    (a, b) =>
      verdictOrder.indexOf(a.verdict) - verdictOrder.indexOf(b.verdict) ||
      (isDecided(a) ? sizeOf(b) - sizeOf(a) : 0) ||
      (a.case < b.case ? -1 : a.case > b.case ? 1 : 0) ||
      gatedMetrics.indexOf(a.metric) - gatedMetrics.indexOf(b.metric),
  )
}

/** Case ids made short, each once, and what all have in common. */
export function shortCases(ids: readonly string[]): {
  readonly shortOf: (id: string) => ShortId
  readonly common: readonly string[]
} {
  const unique = [...new Set(ids)]
  const { rows, common } = shortenCaseIds(unique)
  const short = new Map(unique.map((id, index) => [id, rows[index]]))
  return { shortOf: (id) => short.get(id) ?? { name: id, detail: '' }, common }
}

/** The change and its interval; `~` where nothing is decided, so that nobody reads a change into noise. */
export function changeWords({ ratio, verdict }: Change): string {
  if (ratio === null || verdict === 'undecided' || ratio.low === null || ratio.high === null) {
    return '~'
  }
  const range = [ratio.low, ratio.high].map((bound) => signedPercent(bound - 1)).join(' to ')
  return `${signedPercent(ratio.estimate - 1)} (${range})`
}

/** The verdict; where nothing is decided, what is ruled out all the same. */
export function verdictWords({ verdict, rulesOutMoreThan }: Change): string {
  if (verdict !== 'undecided') return verdict
  return rulesOutMoreThan === null
    ? 'too few blocks to tell'
    : `rules out more than ${atMostPercent(rulesOutMoreThan)}`
}

/** How many changes have each verdict, in the order of telling; verdicts that none has are left out. */
export function verdictCounts(
  changes: readonly Change[],
): { readonly verdict: Verdict; readonly count: number }[] {
  return verdictOrder
    .map((verdict) => ({
      verdict,
      count: changes.filter((change) => change.verdict === verdict).length,
    }))
    .filter(({ count }) => count > 0)
}

/** Level and blocks of the changes' intervals, and that they hold together; null where there is none. */
export function changeCoverage({ changes }: RunComparison): string | null {
  const ratios = changes.flatMap(({ ratio }) => (ratio?.level == null ? [] : [ratio]))
  const told = coverage(ratios)
  if (told === null) return null
  return ratios.length === 1 ? told : `${told}, all ${ratios.length} at once`
}

/** When a change is `worse` and when `same`. */
export function thresholdWords({ effect, equivalence }: Thresholds): string {
  return `worse and better: all of it is beyond ${percent(effect)}; same: all of it is within ${percent(equivalence)}; ~ neither.`
}

/** A threshold, which has no digits to round: 1 %. */
export function percent(share: number): string {
  return `${Number((share * 100).toPrecision(3))} %`
}

/** Machine and runtime that a comparison was measured on. */
export function machineWords({ cpuModel, cores, pinned, os, node, openssl }: Environment): string {
  return `${cpuModel}, ${cores} cores${pinned ? '' : ' (not pinned)'}, ${os}, Node ${node.replace(/^v/, '')}, OpenSSL ${openssl}`
}

function isDecided({ verdict }: Change): boolean {
  return verdict === 'worse' || verdict === 'better'
}

function sizeOf({ ratio }: Change): number {
  return Math.abs(Math.log(ratio?.estimate ?? 1))
}
