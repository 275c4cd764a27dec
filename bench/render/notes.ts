import { metrics } from '../analysis/metrics.ts'
import type { Estimate } from '../analysis/stats.ts'
import type { ArmSummary, Summary } from '../analysis/summary.ts'
import type { Run } from '../results.ts'
import { plainText } from './charts-text.ts'
import { baselineName, isSibling } from './labels.ts'
import { levelPercent, withMargin } from './numbers.ts'
import { countsIssuer } from './sentence.ts'

/** What the signs and columns of a run's table mean, and what was measured on what; only what occurs. */
export function runNotes(
  run: Run,
  summary: Summary,
  {
    common,
    nameOf,
  }: { readonly common: readonly string[]; readonly nameOf: (id: string) => string },
): string[] {
  const { arms } = summary
  return [
    ...baselineNote(summary, nameOf),
    ...intervalNote(summary),
    'req/core-s = 10⁶ ÷ CPU µs. req/s: autocannon, saturating. CPU, p50 and p99: interleaved slices on connections kept open. Both are closed loops, where latency is connections ÷ throughput: compare at equal connections only.',
    ...clientNote(arms),
    ...issuerNote(arms, nameOf),
    ...sampleNote(arms),
    ...(common.length === 0 ? [] : [`all rows that have it: ${common.join(', ')}`]),
    machineNote(run),
  ]
}

/** The arm that all comparisons are against; null where there are several, or none. */
export function onlyBaseline({ comparisons }: Summary): string | null {
  const [first, ...others] = new Set(comparisons.map(({ against }) => against))
  return first === undefined || others.length > 0 ? null : first
}

/** Where and out of what a run was measured, in one line. */
export function machineNote({ environment, runId }: Run): string {
  const { cpuModel, cores, os, node, openssl, commit, dirty, pinned } = environment
  const source =
    commit === null
      ? 'no commit'
      : `commit ${commit.slice(0, 8)}${dirty === true ? ' with uncommitted changes' : ''}`
  return plainText(
    `${cpuModel}, ${cores} cores${pinned ? '' : ' (not pinned)'}, ${os}, Node ${node.replace(/^v/, '')}, OpenSSL ${openssl}, ${source}, run ${runId}`,
  )
}

/** Levels and blocks of estimates: 99.2 % interval over 8 blocks. Null where none has an interval. */
export function coverage(estimates: readonly Estimate[]): string | null {
  const levels = estimates.flatMap(({ level }) => level ?? [])
  if (levels.length === 0) return null
  const blocks = estimates.map((estimate) => estimate.blocks)
  const [fewest, most] = [Math.min(...blocks), Math.max(...blocks)]
  return `${levelPercent(Math.min(...levels))} interval over ${fewest === most ? most : `${fewest} to ${most}`} blocks`
}

/** Which baseline each row is told against, where the head of the column cannot say it. */
function baselineNote(summary: Summary, nameOf: (id: string) => string): string[] {
  const { arms, comparisons } = summary
  if (comparisons.length === 0 || onlyBaseline(summary) !== null) return []
  const records = new Map(arms.map(({ record }) => [record.id, record]))
  const told = new Map<string, Set<string>>()
  for (const { case: id, against } of comparisons) {
    const [arm, baseline] = [records.get(id), records.get(against)]
    if (arm === undefined || baseline === undefined) continue
    const name = baselineName(arm, baseline, nameOf)
    const cases = told.get(name) ?? new Set()
    told.set(name, cases.add(isSibling(arm, baseline) ? arm.scenario : nameOf(id)))
  }
  const groups = [...told].map(([name, cases]) => `${[...cases].join(', ')} against ${name}`)
  return [`vs baseline: ${groups.join('; ')}.`]
}

function intervalNote(summary: Summary): string[] {
  const { arms, comparisons } = summary
  const shown = [
    ...arms.flatMap(({ figures }) => [
      figures?.metrics.cpuUsPerRequest ?? null,
      figures?.metrics.latencyP50Us ?? null,
    ]),
    ...comparisons.map(({ difference }) => difference),
  ].filter((estimate) => estimate !== null)
  if (shown.length === 0) return []
  const told = coverage(shown)
  const factorNote =
    onlyBaseline(summary) === null ? '' : ' × is the median ratio of adjacent slices.'
  return [
    told === null
      ? 'One block has no interval: nothing says how far these figures would wander.'
      : `± reaches to the farther end of the ${told}, each for its figure alone; that of p99 is by bootstrap, its level nominal.${factorNote}`,
  ]
}

function clientNote(arms: readonly ArmSummary[]): string[] {
  const limited = arms.some(
    ({ figures }) => figures?.clientLimited === true || figures?.latencyClientLimited === true,
  )
  return limited
    ? ['* the client was the limit, not the server, which can do more: read req/core-s instead.']
    : []
}

function issuerNote(arms: readonly ArmSummary[], nameOf: (id: string) => string): string[] {
  const costs = arms.flatMap(({ record, figures }) => {
    const issuer = figures?.metrics.issuerCpuUsPerRequest ?? null
    return issuer !== null && countsIssuer(figures)
      ? [`${nameOf(record.id)} ${withMargin(issuer)} µs/request`]
      : []
  })
  return costs.length === 0
    ? []
    : [`† neither here nor in req/core-s: CPU of the authorization server, ${costs.join(', ')}.`]
}

function sampleNote(arms: readonly ArmSummary[]): string[] {
  const { source } = metrics.latencyP99Us
  const short = arms.some(
    ({ figures }) => figures !== null && figures.metrics.latencyP99Us === null,
  )
  return short && source.kind === 'merged-percentile'
    ? [`p99 – : fewer than ${source.minimumSamples.toLocaleString('en-US')} samples.`]
    : []
}
