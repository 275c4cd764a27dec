import {
  mapEstimate,
  median,
  signedRankInterval,
  type Estimate,
} from '../../bench/analysis/stats.ts'
import { pairedLogRatio } from '../../bench/analysis/pairing.ts'
import { plainTable, type Column } from '../../bench/render/table.ts'
import type { SliceReading } from './messages.ts'

/** A load generator of this benchmark. */
export type ArmName = 'ours' | 'autocannon' | 'undici' | 'wrk'

/** One slice and where it stood in its block. */
export interface PlacedSlice extends SliceReading {
  readonly arm: ArmName
  readonly position: number
}

/** Slices of one set of processes. */
export type SliceBlock = readonly PlacedSlice[]

/** What a slice is read for; null where its client does not tell. */
export interface Quantity {
  readonly name: string
  readonly of: (slice: PlacedSlice) => number | null
}

/** Client CPU µs per request: all threads of the load generator. */
export const clientCpu: Quantity = {
  name: 'client CPU µs/request',
  of: ({ clientCpuUs, requests }) => clientCpuUs / requests,
}

/** Server CPU µs per request. */
export const serverCpu: Quantity = {
  name: 'server CPU µs/request',
  of: ({ serverCpuUs, requests }) => serverCpuUs / requests,
}

/** Median latency in µs, as the client saw it. */
export const latencyP50: Quantity = {
  name: 'p50 µs',
  of: ({ latencyP50Us }) => latencyP50Us,
}

/** Hodges-Lehmann centre over blocks of the median slice; null without a value. */
export function level(
  blocks: readonly SliceBlock[],
  arm: ArmName,
  { of }: Quantity,
): Estimate | null {
  const medians = blocks.flatMap((block) => {
    const values = valuesOf(block, arm, of).map(({ value }) => value)
    return values.length === 0 ? [] : [median(values)]
  })
  return signedRankInterval(medians)
}

/** Ratio of two arms: paired log-ratios in each block, Hodges-Lehmann with its 99 % interval over blocks. */
export function ratio(
  blocks: readonly SliceBlock[],
  { of, over }: { readonly of: ArmName; readonly over: ArmName },
  quantity: Quantity,
): Estimate | null {
  const logs = blocks.flatMap((block) => {
    const log = pairedLogRatio(valuesOf(block, over, quantity.of), valuesOf(block, of, quantity.of))
    return log === null ? [] : [log]
  })
  const estimate = signedRankInterval(logs)
  return estimate === null ? null : mapEstimate(estimate, Math.exp)
}

/** A bound that is claimed of a ratio, and whether its whole interval keeps it. */
export interface Claim {
  readonly name: string
  readonly ratio: Estimate | null
  readonly atLeast: number
  readonly atMost: number
  /** Null where it was not measured. */
  readonly holds: boolean | null
}

/** Holds when the whole interval lies within the bounds; the estimate alone proves nothing. */
export function claim(
  name: string,
  estimate: Estimate | null,
  { atLeast = 0, atMost }: { readonly atLeast?: number; readonly atMost: number },
): Claim {
  const { low, high } = estimate ?? { low: null, high: null }
  const holds = low === null || high === null ? null : low >= atLeast && high <= atMost
  return { name, ratio: estimate, atLeast, atMost, holds }
}

/** Figures of each load generator against one server; one that is missing says so. */
export function armTable(
  blocks: readonly SliceBlock[],
  arms: readonly ArmName[],
  missing: Readonly<Partial<Record<ArmName, string>>>,
): string[] {
  const rows = arms.map((arm) => {
    const why = missing[arm]
    if (why !== undefined) return [arm, `not measured: ${why}`, '', '', '']
    const against = arm === 'ours' ? null : ratio(blocks, { of: 'ours', over: arm }, clientCpu)
    return [
      arm,
      text(level(blocks, arm, clientCpu), 2),
      against === null ? '' : text(against, 3),
      text(level(blocks, arm, serverCpu), 2),
      text(level(blocks, arm, latencyP50), 1),
    ]
  })
  return plainTable(armColumns, rows, { color: false })
}

/** Each claim with its ratio, its interval and its verdict. */
export function claimTable(claims: readonly Claim[]): string[] {
  const rows = claims.map(({ name, ratio: estimate, atLeast, atMost, holds }) => [
    name,
    estimate === null ? 'not measured' : text(estimate, 3),
    atLeast > 0 ? `${atLeast} to ${atMost}` : `at most ${atMost}`,
    holds === null ? '–' : holds ? 'holds' : 'NOT SHOWN',
  ])
  return plainTable(claimColumns, rows, { color: false })
}

function valuesOf(block: SliceBlock, arm: ArmName, of: Quantity['of']) {
  return block.flatMap((slice) => {
    const value = slice.arm === arm ? of(slice) : null
    return value === null ? [] : [{ position: slice.position, value }]
  })
}

function text(estimate: Estimate | null, digits: number): string {
  if (estimate === null) return '–'
  const { low, high } = estimate
  const centre = estimate.estimate.toFixed(digits)
  if (low === null || high === null) return centre
  return `${centre} [${low.toFixed(digits)}, ${high.toFixed(digits)}]`
}

const armColumns: readonly Column[] = [
  { head: 'load', align: 'left' },
  { head: 'client CPU µs/request', align: 'left' },
  { head: 'ours ÷ it', align: 'left' },
  { head: 'server CPU µs/request', align: 'left' },
  { head: 'p50 µs', align: 'left' },
]
const claimColumns: readonly Column[] = [
  { head: 'claim', align: 'left' },
  { head: 'ratio', align: 'left' },
  { head: 'bound', align: 'left' },
  { head: 'verdict', align: 'left' },
]
