import type { Decomposition } from '../analysis/contrasts.ts'
import { excludes, type Estimate } from '../analysis/stats.ts'
import type { ArmSummary, Summary } from '../analysis/summary.ts'
import { isClaimable, type Thresholds } from '../analysis/verdict.ts'
import { baselineName } from './labels.ts'
import { atMost, withMargin } from './numbers.ts'

/**
 * What the run says in plain words, one sentence a case that has a baseline: only what intervals at
 * a claimable level bear out, and nothing of arms that were not measured.
 */
export function sentences(summary: Summary, nameOf: (arm: string) => string): string[] {
  return summary.arms
    .filter(({ record }) => record.role === 'case')
    .flatMap((arm) => sentenceOf(arm, summary, nameOf) ?? [])
}

function sentenceOf(
  arm: ArmSummary,
  summary: Summary,
  nameOf: (arm: string) => string,
): string | null {
  const { thresholds, arms, comparisons, decompositions } = summary
  const comparison = comparisons.find(
    ({ case: id, metric }) => id === arm.record.id && metric === 'cpuUsPerRequest',
  )
  const difference = claimable(comparison?.difference, thresholds)
  if (comparison === undefined || difference === null) return null
  const other = arms.find(({ record }) => record.id === comparison.against)
  const name = nameOf(arm.record.id)
  const baseline = baselineName(arm.record, other?.record, nameOf)
  if (!excludes(difference, 0)) {
    return `Between ${name} and ${baseline} no difference in CPU per request was found; more than ${bound(difference)} µs either way is ruled out.`
  }
  const direction = difference.estimate > 0 ? 'more' : 'less'
  const decomposition = decompositions.find(({ case: id }) => id === arm.record.id)
  return [
    `${name} costs ${withMargin(absolute(difference))} µs ${direction} CPU per request than ${baseline}`,
    issuerClause(arm, other, thresholds),
    decomposition === undefined ? '' : partsClause(decomposition, summary),
    '.',
  ].join('')
}

/** What a case makes the authorization server spend, which is not in its own CPU; where the baseline makes it spend nothing. */
function issuerClause(
  { figures }: ArmSummary,
  baseline: ArmSummary | undefined,
  thresholds: Thresholds,
): string {
  const issuer = claimable(figures?.metrics.issuerCpuUsPerRequest, thresholds)
  if (issuer === null || !countsIssuer(figures) || countsIssuer(baseline?.figures ?? null))
    return ''
  return `, and ${withMargin(issuer)} µs on the authorization server`
}

/** Whether the authorization server takes part in each request: an idle one also uses some CPU, below 1 % of the server's. */
export function countsIssuer(figures: ArmSummary['figures']): boolean {
  const own = figures?.metrics.cpuUsPerRequest?.estimate ?? 0
  const issuer = figures?.metrics.issuerCpuUsPerRequest?.estimate ?? 0
  return issuer > own * IDLE_ISSUER_SHARE
}

/** The shares of the parts, the largest first, and what only their combination costs or saves. */
function partsClause({ parts, interaction }: Decomposition, summary: Summary): string {
  const shares = parts
    .flatMap(({ arm, share }) => {
      const told = claimable(share, summary.thresholds)
      return told === null ? [] : [{ name: partName(arm, summary), share: told }]
    })
    .sort((a, b) => b.share.estimate - a.share.estimate)
  const [first, ...others] = shares
  if (first === undefined) return ''
  const rest = others.map(({ name, share }) => `, ${name} ${withMargin(share, 100)} %`).join('')
  const told = `: ${first.name} is ${withMargin(first.share, 100)} % of it${rest}`
  return `${told}${interactionClause(claimable(interaction, summary.thresholds))}`
}

function interactionClause(interaction: Estimate | null): string {
  if (interaction === null || !excludes(interaction, 0)) return ''
  const amount = withMargin(absolute(interaction))
  return interaction.estimate > 0
    ? `; ${amount} µs more than the parts add up to`
    : `; ${amount} µs less than the parts add up to`
}

function partName(arm: string, { arms }: Summary): string {
  const scenario = arms.find(({ record }) => record.id === arm)?.record.scenario ?? arm
  return partNames[scenario] ?? scenario
}

function claimable(estimate: Estimate | null | undefined, thresholds: Thresholds): Estimate | null {
  return estimate != null && isClaimable(estimate, thresholds) ? estimate : null
}

function absolute(estimate: Estimate): Estimate {
  if (estimate.estimate >= 0 || estimate.low === null || estimate.high === null) return estimate
  return { ...estimate, estimate: -estimate.estimate, low: -estimate.high, high: -estimate.low }
}

function bound({ low, high }: Estimate): string {
  return atMost(Math.max(Math.abs(low ?? 0), Math.abs(high ?? 0)))
}

/** What a scenario adds, for a sentence; others go by their own name. */
const partNames: Readonly<Record<string, string>> = {
  mtls: 'the client certificate',
  jwt: 'JWT verification',
  introspection: 'introspection',
}
const IDLE_ISSUER_SHARE = 0.01
