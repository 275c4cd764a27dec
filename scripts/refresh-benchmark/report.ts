import {
  mapEstimate,
  median,
  quantile,
  signedRankInterval,
  type Estimate,
} from '../../bench/analysis/stats.ts'
import { defaultThresholds, judge } from '../../bench/analysis/verdict.ts'
import { plainTable } from '../../bench/render/table.ts'
import { ratioText, verdictText } from '../ratio-text.ts'

/** One window of offered load: what each request took from its intended send on. */
export interface RefreshWindow {
  /** Intended sends in ms from the start, ascending. */
  readonly dueMs: readonly number[]
  readonly responseMs: readonly number[]
  /** When a token was asked for while load went on, and how long its answer took. */
  readonly renewals: readonly { readonly askedMs: number; readonly tookMs: number }[]
}

/** Two windows of one schedule, in random order. */
export interface RefreshPair {
  readonly withRenewals: RefreshWindow
  readonly without: RefreshWindow
}

/** One percentile beside another, paired. */
export interface Dent {
  readonly what: string
  readonly against: string
  /** Medians over the pairs. */
  readonly us: number
  readonly againstUs: number
  /** Requests that the first is of, in all pairs. */
  readonly samples: number
  /** Null where no pair has both. */
  readonly ratio: Estimate | null
  /** Whether renewals must not show in it; of a control they cannot. */
  readonly isClaim: boolean
}

/** Every figure that renewals may dent, and one that they cannot. */
export function dentsOf(pairs: readonly RefreshPair[], level: number): Dent[] {
  return sides.flatMap(({ split, ...side }) => {
    const splits = pairs.map(split).filter(({ own, other }) => own.length * other.length > 0)
    return [50, 99].map((percentile) => ({
      ...side,
      ...dentAt(splits, percentile, level),
      what: `p${percentile} ${side.what}`,
    }))
  })
}

function dentAt(splits: readonly Split[], percentile: number, level: number) {
  const at = (values: readonly number[]) => quantile(values, percentile / 100)
  const logs = signedRankInterval(
    splits.map(({ own, other }) => Math.log(at(own) / at(other))),
    level,
  )
  const middleUs = (side: keyof Split) =>
    splits.length === 0 ? NaN : median(splits.map((split) => at(split[side]))) * US_PER_MS
  return {
    us: middleUs('own'),
    againstUs: middleUs('other'),
    samples: splits.reduce((sum, { own }) => sum + own.length, 0),
    ratio: logs === null ? null : mapEstimate(logs, Math.exp),
  }
}

/** Whether nothing shows that a renewal is felt: no interval lies beyond the effect that counts. */
export function hasNoDent(dents: readonly Dent[]): boolean {
  return dents.every(
    ({ ratio, isClaim }) =>
      !isClaim ||
      judge(ratio, { better: 'lower', noiseFloor: null }, defaultThresholds).verdict !== 'worse',
  )
}

/** The result for people. */
export function describeDents(pairs: readonly RefreshPair[], dents: readonly Dent[]): string[] {
  const columns = ['', 'µs', 'against', 'µs', 'requests', 'ratio', ''].map(
    (head, index) => ({ head, align: [1, 3, 4].includes(index) ? 'right' : 'left' }) as const,
  )
  const rows = dents.map(({ what, us, against, againstUs, samples, ratio }) => [
    what,
    us.toFixed(0),
    against,
    againstUs.toFixed(0),
    String(samples),
    ratio === null ? '–' : ratioText(ratio),
    ratio === null ? '' : verdictText(ratio),
  ])
  const took = pairs.flatMap(({ withRenewals }) =>
    withRenewals.renewals.map(({ tookMs }) => tookMs),
  )
  return [
    `response time from the intended send, ${pairs.length} pairs of windows, medians over the pairs; around: ${aroundMs} ms, from ${beforeMs} ms before a token is asked for:`,
    ...plainTable(columns, rows, { color: false }),
    '',
    took.length === 0
      ? 'no token was renewed'
      : `${took.length} renewals, which took ${median(took).toFixed(1)} ms, ${Math.max(...took).toFixed(1)} ms at most`,
  ]
}

/** Response times in ms of two sets of requests. */
interface Split {
  readonly own: readonly number[]
  readonly other: readonly number[]
}

interface Side extends Pick<Dent, 'what' | 'against' | 'isClaim'> {
  readonly split: (pair: RefreshPair) => Split
}

/** Response times of the requests that were due around some moments, or not. */
function timesOf(
  { dueMs, responseMs }: RefreshWindow,
  moments: RefreshWindow['renewals'],
  isWanted: (isAround: boolean) => boolean,
): number[] {
  return responseMs.filter((_, request) => {
    const atMs = dueMs[request] ?? 0
    const isAround = moments.some(({ askedMs }) => {
      const sinceMs = atMs - askedMs
      return sinceMs >= -beforeMs && sinceMs < aroundMs - beforeMs
    })
    return isWanted(isAround)
  })
}

const isIn = (isAround: boolean) => isAround
const isOut = (isAround: boolean) => !isAround
const sides: readonly Side[] = [
  {
    what: 'around renewals',
    against: 'the rest of these windows',
    isClaim: true,
    split: ({ withRenewals: own }) => ({
      own: timesOf(own, own.renewals, isIn),
      other: timesOf(own, own.renewals, isOut),
    }),
  },
  {
    what: 'around renewals',
    against: 'the same moments without any',
    isClaim: true,
    split: ({ withRenewals: own, without: other }) => ({
      own: timesOf(own, own.renewals, isIn),
      other: timesOf(other, own.renewals, isIn),
    }),
  },
  {
    what: 'of windows with renewals',
    against: 'windows without any',
    isClaim: true,
    split: ({ withRenewals, without }) => ({
      own: withRenewals.responseMs,
      other: without.responseMs,
    }),
  },
  {
    what: 'at the same moments without any',
    against: 'the rest of those windows',
    isClaim: false,
    split: ({ withRenewals: { renewals }, without }) => ({
      own: timesOf(without, renewals, isIn),
      other: timesOf(without, renewals, isOut),
    }),
  },
]
/** A renewal takes less than a tenth of this; what it held up has been made up for by its end. */
const aroundMs = 100
/** Requests that are under way when a token is asked for may feel it, too. */
const beforeMs = 10
const US_PER_MS = 1_000
