import type { SizeEnvelope, Sizing } from '../analysis/sizing-schema.ts'
import type { Estimate } from '../analysis/stats.ts'
import type { ValidationErrors } from '../validations.ts'
import { plainText } from './charts-text.ts'
import { levelPercent } from './numbers.ts'
import { joinSections, warningLines } from './sections.ts'
import { paint, plainTable, wrap, type TextOptions } from './table.ts'

/** A size for a terminal: the fleet first, then what it does, what it costs, and what it rests on. */
export function renderSizing(
  { sizing, log, warnings }: Pick<SizeEnvelope, 'sizing' | 'log' | 'warnings'>,
  options: TextOptions,
): string {
  return joinSections([
    ...(log === null ? [] : [logLines(log)]),
    headLines(sizing, options),
    plainTable(figureColumns, figureRows(sizing), options),
    plainTable(limitColumns, limitRows(sizing), options),
    plainTable(mechanismColumns, mechanismRows(sizing), options),
    sensitivityLines(sizing),
    assumptionLines(sizing, options),
    wrap(validLine(sizing), '  '),
    wrap(validationLine(sizing.validation), '  '),
    warningLines(warnings, options),
  ])
}

/** One sentence: what the last validation on this machine said, or that there is none. */
export function validationLine(validation: Sizing['validation']): string {
  if (validation === null) {
    return 'NOT VALIDATED on this machine: npm run size -- --validate holds predictions against what is measured then.'
  }
  const { errors, startedAt } = validation
  return `Last validation here, ${startedAt.slice(0, 10)}, ${errors.predictions} predictions: ${errorWords(errors)}.`
}

/** Errors of a validation in words. */
export function errorWords(errors: ValidationErrors): string {
  const told = (name: string, share: number | null) =>
    share === null ? `${name} not judged` : `${name} ${percent(share)}`
  return [
    `${told('CPU error mean', errors.cpuMean)}, ${told('worst', errors.cpuWorst)}`,
    told('saturation rate', errors.saturationWorst),
    told('p50', errors.p50Worst),
    told('p99', errors.p99Worst),
    errors.coverage === null
      ? 'coverage not judged'
      : `90 % intervals held ${percent(errors.coverage)}`,
  ].join('; ')
}

/** A demand in words. */
export function demandWords({ demand }: Pick<Sizing, 'demand'>): string {
  const { mechanisms, ratePerSecond, meanRatePerSecond, burst } = demand
  const mix = mechanisms
    .map(({ scenario, parameters, share }) => {
      const settings = Object.entries(parameters).map(([name, value]) => `${name}=${value}`)
      const name = [scenario, ...settings].join(' ')
      return mechanisms.length === 1 ? name : `${percent(share)} ${name}`
    })
    .join(', ')
  const rates = [
    `${number(ratePerSecond)} requests/s at peak`,
    meanRatePerSecond === null ? null : `${number(meanRatePerSecond)} on average`,
    burst === 1 ? null : `bursts ×${number(burst)}`,
  ]
  return plainText(`${mix}: ${rates.filter((one) => one !== null).join(', ')}`)
}

/** An estimate with the ends of its interval: 5.2 (4.9 to 5.6); alone where those round to it. */
export function withEnds(estimate: Estimate, scale = 1): string {
  const told = number(estimate.estimate * scale)
  if (estimate.low === null || estimate.high === null) return told
  const [low, high] = [number(estimate.low * scale), number(estimate.high * scale)]
  return low === told && high === told ? told : `${told} (${low} to ${high})`
}

function headLines(sizing: Sizing, options: TextOptions): string[] {
  const { demand, instances, cores, feasible, bindingLimit } = sizing
  const { coresPerInstance, spareInstances } = demand
  const spare = spareInstances === 0 ? '' : `, ${spareInstances} of them spare`
  const unit = coresPerInstance === 1 ? 'core' : 'cores'
  const fleet = `${withEnds(instances)} instances of ${coresPerInstance} ${unit}${spare}: ${withEnds(cores)} cores.`
  return [
    ...wrap(demandWords(sizing), '  '),
    paint(fleet, 'bold', options),
    feasible
      ? `What binds: ${bindingLimit}.`
      : paint(`DOES NOT FIT: ${bindingLimit} needs more than there is.`, 'red', options),
    ...(bindingLimit === 'measured range' ? wrap(rangeHint, '  ') : []),
  ]
}

function figureRows(sizing: Sizing): string[][] {
  const { latency, issuer, memory, demand } = sizing
  const ms = (estimate: Estimate) => withEnds(estimate, msPerUs)
  const slo = demand.sloP99Us === null ? '' : `, at most ${number(demand.sloP99Us * msPerUs)}`
  const rows: (string[] | null)[] = [
    ['CPU at peak, %', withEnds(sizing.cpuShareAtPeak, 100)],
    sizing.cpuShareAtMean === null
      ? null
      : ['CPU on average, %', withEnds(sizing.cpuShareAtMean, 100)],
    ['cores that peak uses', withEnds(sizing.coresUsedAtPeak)],
    [`cores with ${percent(demand.headroomShare)} headroom`, withEnds(sizing.coresNeeded)],
    ['cores per 1,000 requests/s, as bought', withEnds(sizing.coresPerThousandPerSecond)],
    ['saturation, requests/s', withEnds(sizing.saturationPerSecond)],
    ['p50 at peak, ms', ms(latency.p50Us)],
    ['p99 at peak, ms', ms(latency.p99Us)],
    [`p99 in bursts without spares, ms${slo}`, ms(latency.burstP99Us)],
    ['p99 at peak if all took from one queue, ms', ms(latency.oneQueueP99Us)],
    issuer.introspectionsPerSecond === 0
      ? null
      : ['introspections/s', number(issuer.introspectionsPerSecond)],
    issuer.grantsPerSecond === 0 ? null : ['tokens issued/s', number(issuer.grantsPerSecond)],
    issuer.coresNeeded.estimate === 0
      ? null
      : ['authorization server, cores with headroom', withEnds(issuer.coresNeeded)],
    [
      'memory of an instance, MiB',
      memory.bytesPerInstance === null
        ? `${number((demand.coresPerInstance * memory.processBytes) / mebibyte)} and its connections`
        : number(memory.bytesPerInstance / mebibyte),
    ],
  ]
  return rows.filter((row) => row !== null)
}

function limitRows({ limits, bindingLimit }: Sizing): string[][] {
  return limits.map(({ name, instances, unrounded, ratePerProcess }) => [
    `${name}${name === bindingLimit ? ' (binds)' : ''}`,
    instances === null ? 'none is enough' : number(instances),
    unrounded === null ? '–' : number(unrounded),
    ratePerProcess === null ? '–' : number(ratePerProcess),
  ])
}

function mechanismRows({ mechanisms }: Sizing): string[][] {
  return mechanisms.map(({ label, share, cpuUsPerRequest, coresUsedAtPeak, pricePerMillion }) => [
    plainText(label),
    percent(share),
    withEnds(cpuUsPerRequest),
    number(coresUsedAtPeak),
    pricePerMillion === null ? '–' : number(pricePerMillion.estimate),
  ])
}

function sensitivityLines({ sensitivity, issuer }: Sizing): string[] {
  const hasIssuer = issuer.coresNeeded.estimate > 0
  return sensitivity.map(({ what, cores, instances, issuerCores }) => {
    const parts = [
      `${signed(cores)} cores of work`,
      `${signed(instances)} instances`,
      ...(hasIssuer ? [`${signed(issuerCores)} authorization server cores`] : []),
    ]
    return `${what}: ${parts.join(', ')}`
  })
}

/** What is assumed by an option stands out: it was not measured, and somebody else vouches for it. */
function assumptionLines({ assumptions, instances, runs, seed }: Sizing, options: TextOptions) {
  const { level, blocks } = instances
  const told = [
    ...assumptions.toSorted((a, b) => Number(isAssumed(b)) - Number(isAssumed(a))),
    `intervals: nominal ${level === null ? '–' : levelPercent(level)}, by bootstrap over ${blocks} blocks and sessions, seed ${seed}; runs ${runs.join(', ')}`,
  ]
  return told.flatMap((line) => {
    const lines = wrap(`- ${plainText(line)}`, '  ')
    return isAssumed(line) ? lines.map((one) => paint(one, 'yellow', options)) : lines
  })
}

function validLine({ valid }: Sizing): string {
  const { atPeakPerSecond, highestMeasuredPerSecond, highestAllowedPerSecond, cpuModel } = valid
  return plainText(
    `Valid up to ${number(highestAllowedPerSecond)} requests/s of a process (${number(highestMeasuredPerSecond)} were measured of this mix, peak has ${number(atPeakPerSecond)}), for ${cpuModel}, and the parameters above.`,
  )
}

function logLines(log: NonNullable<SizeEnvelope['log']>): string[] {
  const garbage =
    log.garbage === 0
      ? 'none of them garbage'
      : `${number(log.garbage)} of them garbage, first in line ${log.firstGarbage.join(', ')}`
  const late = log.late === 0 ? '' : `; ${number(log.late)} too late to be placed in time`
  const connections =
    log.requestsPerConnection === null
      ? 'The log does not tell of connections.'
      : `Requests per connection: ${number(log.requestsPerConnection)}${log.isApproximate ? ', by address and port' : ''}.`
  return [
    `Access log: ${number(log.lines)} lines, ${garbage}${late}; ${number(log.seconds)} s.`,
    `Highest second ${number(log.peak1PerSecond)}, highest ten seconds ${number(log.peak10PerSecond)}, mean ${number(log.meanPerSecond)} requests/s; dispersion ${number(log.dispersion)} (independent users: 1).`,
    connections,
  ].flatMap((line) => wrap(line, '  '))
}

function isAssumed(line: string): boolean {
  return line.startsWith('ASSUMED') || line.startsWith('MARKED')
}

function percent(share: number): string {
  return `${number(share * 100)} %`
}

function signed(value: number): string {
  const told = number(Math.abs(value))
  if (told === '0') return '+0'
  return `${value < 0 ? '−' : '+'}${told}`
}

/** Three digits, which is more than any of this is known to; whole numbers as they are. */
function number(value: number): string {
  if (Number.isInteger(value)) return value.toLocaleString('en-US')
  const rounded = Number(value.toPrecision(value >= 1_000 ? 4 : 3))
  return rounded.toLocaleString('en-US', { maximumFractionDigits: 6 })
}

const figureColumns = [
  { head: 'figure', align: 'left' },
  { head: 'estimate (interval)', align: 'right' },
] as const
const limitColumns = [
  { head: 'limit', align: 'left' },
  { head: 'instances', align: 'right' },
  { head: 'unrounded', align: 'right' },
  { head: 'requests/s of a process', align: 'right' },
] as const
const mechanismColumns = [
  { head: 'mechanism', align: 'left' },
  { head: 'share', align: 'right' },
  { head: 'CPU µs/request at peak', align: 'right' },
  { head: 'cores at peak', align: 'right' },
  { head: 'price per million', align: 'right' },
] as const
/** Where client, authorization server and servers share few cores this is so for all but the dearest. */
const rangeHint =
  'No process was seen at more than that: the client, or an authorization server on the same core, kept it there. Measure it on more cores, or with --load open --generators, to size by what it can do.'
const msPerUs = 0.001
const mebibyte = 2 ** 20
