import { createRandom, shuffle, type Random } from '../random.ts'
import type { Run } from '../results.ts'
import { blockLogRatios, pairsOf } from './contrasts.ts'
import { gatedMetrics, metrics, PRIMARY_METRIC, type MetricName } from './metrics.ts'
import { blockValues, measuredBlocks, ownConnections, readArm, type Reading } from './reading.ts'
import type { Change } from './sides.ts'
import { simultaneousIntervals, type Cell } from './simultaneous.ts'
import {
  DEFAULT_LEVEL,
  hodgesLehmann,
  mapEstimate,
  margin,
  median,
  signedRankInterval,
  variance,
} from './stats.ts'
import { defaultThresholds, judge, type Thresholds, type Verdict } from './verdict.ts'

/** One comparison of two trees of which it is known by how much they differ. */
export interface Trial {
  /** Server CPU added to the tree after, as a share: 0 is an A/A. */
  readonly injectedShare: number
  /** Wall time of the whole comparison, confirmation included, per mechanism. */
  readonly secondsPerMechanism: number
  /** The same up to the first verdict, before it is confirmed. */
  readonly firstSecondsPerMechanism: number
  /** As told to the user: after confirmation. */
  readonly changes: readonly Change[]
  /** Of the first measurement. */
  readonly run: Run
}

/** What comparisons are worth on this machine. */
export interface Calibration {
  readonly falsePositives: {
    readonly comparisons: number
    readonly verdicts: number
    /** `worse` or `better` among the verdicts. */
    readonly flagged: number
    readonly undecided: number
    /** Share of flagged verdicts when the A/A blocks are drawn anew, and blocks there were to draw from. */
    readonly resampledShare: number | null
    readonly blocks: number
  }
  readonly power: readonly Power[]
  /** Smallest injected share of CPU that nine of ten comparisons of `blocksPerVerdict` blocks find; by case. */
  readonly smallestDetectable: readonly { readonly case: string; readonly share: number | null }[]
  readonly blocksPerVerdict: number
  /** Relative half-widths of the 99 % interval on the CPU ratio at 16 blocks, drawn from the A/A blocks. */
  readonly halfWidthAt16Blocks: { readonly median: number; readonly worst: number } | null
  /** Standard deviations of ln(after/before) of A/A pairs: by slices within blocks, and one block after the other. */
  readonly pairing: readonly {
    readonly case: string
    readonly pairedSd: number
    readonly sequentialSd: number
    readonly gain: number
  }[]
}

/** Injected differences found. */
export interface Power {
  readonly injectedShare: number
  readonly case: string
  readonly tries: number
  readonly found: number
  /** Median over tries of the CPU ratio less one: what the injection came to. */
  readonly measuredShare: number | null
  readonly secondsPerMechanism: { readonly median: number; readonly worst: number }
  readonly firstSecondsPerMechanism: { readonly median: number; readonly worst: number }
}

/** Calibrates from trials: rates, power, precision. The same trials give the same calibration. */
export function calibrate(
  trials: readonly Trial[],
  options: { readonly seed: number; readonly thresholds?: Thresholds },
): Calibration {
  const { seed, thresholds = defaultThresholds } = options
  const unchanged = trials.filter(({ injectedShare }) => injectedShare === 0)
  const pools = poolBlocks(unchanged)
  const verdicts = unchanged.flatMap(({ changes }) => changes.map(({ verdict }) => verdict))
  const blocksPerVerdict = medianOrZero(
    unchanged.map(({ run }) => measuredBlocks(run.blocks).length),
  )
  const context = { thresholds, blocks: blocksPerVerdict }
  return {
    falsePositives: {
      comparisons: unchanged.length,
      verdicts: verdicts.length,
      flagged: verdicts.filter(isFlag).length,
      undecided: verdicts.filter((verdict) => verdict === 'undecided').length,
      resampledShare: resampledShare(pools, createRandom(seed), context),
      blocks: pools.length === 0 ? 0 : Math.min(...pools.map(({ values }) => values.length)),
    },
    power: powerOf(trials),
    smallestDetectable: cpuPools(pools).map((pool) => ({
      case: pool.case,
      share: smallestDetectable(pool, createRandom(seed), context),
    })),
    blocksPerVerdict,
    halfWidthAt16Blocks: halfWidthsAt16(cpuPools(pools), createRandom(seed)),
    pairing: pairingOf(unchanged),
  }
}

/** All blocks of one case and metric over the A/A comparisons, in the order of time. */
interface Pool extends Cell {
  readonly case: string
  readonly metric: MetricName
}

function poolBlocks(trials: readonly Trial[]): Pool[] {
  const pools = new Map<
    string,
    { case: string; metric: MetricName; blocks: number[]; values: number[] }
  >()
  for (const [trial, { run }] of trials.entries()) {
    for (const { record, one, other } of readPairs(run)) {
      for (const metric of gatedMetrics) {
        const key = JSON.stringify([record.caseId, metric])
        const pool = pools.get(key) ?? { case: record.caseId, metric, blocks: [], values: [] }
        const { blocks, values } = blockLogRatios(other, one, metric)
        // Blocks of different comparisons must not look like the same block.
        pool.blocks.push(...blocks.map((block) => trial * BLOCKS_APART + block))
        pool.values.push(...values)
        pools.set(key, pool)
      }
    }
  }
  return [...pools.values()]
}

function readPairs(run: Run) {
  const blocks = measuredBlocks(run.blocks)
  const readings = new Map<string, Reading>(
    run.arms.map((arm) => [arm.id, readArm(blocks, arm.id, ownConnections(arm))]),
  )
  return pairsOf(run.arms, readings)
}

function cpuPools(pools: readonly Pool[]): Pool[] {
  return pools.filter(({ metric }) => metric === PRIMARY_METRIC)
}

/** Draws as many blocks as a comparison has, from all, and judges them as a comparison would be. */
function resampledShare(
  pools: readonly Pool[],
  random: Random,
  { thresholds, blocks }: Context,
): number | null {
  const all = [...new Set(pools.flatMap((pool) => pool.blocks))]
  if (all.length < FEWEST_POOLS * blocks || blocks < 2) return null
  let flagged = 0
  for (let draw = 0; draw < RESAMPLES; draw++) {
    const chosen = new Set(shuffle(all, random).slice(0, blocks))
    const cells = pools.map((pool) => cellOf(pool, chosen))
    const intervals = simultaneousIntervals(cells, random, thresholds.level)
    flagged += intervals.filter((interval, index) => {
      const pool = pools[index]
      const ratio = interval === null ? null : mapEstimate(interval, Math.exp)
      return pool !== undefined && isFlag(judge(ratio, metrics[pool.metric], thresholds).verdict)
    }).length
  }
  return flagged / (RESAMPLES * pools.length)
}

interface Context {
  readonly thresholds: Thresholds
  readonly blocks: number
}

function cellOf(pool: Pool, chosen: ReadonlySet<number>): Cell {
  const kept = pool.blocks.flatMap((block, index) =>
    chosen.has(block) ? [{ block, value: pool.values[index] ?? 0 }] : [],
  )
  return { blocks: kept.map(({ block }) => block), values: kept.map(({ value }) => value) }
}

/** By bisection over shares: A/A blocks moved by ln(1 + share), judged one cell at a time at the level of a family of all. */
function smallestDetectable(
  pool: Pool,
  random: Random,
  { thresholds, blocks }: Context,
): number | null {
  if (pool.values.length < FEWEST_POOLS * blocks || blocks < 8) return null
  const draws = Array.from({ length: POWER_DRAWS }, () =>
    shuffle(pool.values, random).slice(0, blocks),
  )
  const lows = draws.flatMap((values) => signedRankInterval(values, thresholds.level)?.low ?? [])
  const detects = (share: number) =>
    lows.filter((low) => Math.exp(low) * (1 + share) > 1 + thresholds.effect).length >=
    POWER * draws.length
  let [misses, finds] = [0, LARGEST_SHARE]
  if (!detects(finds)) return null
  for (let step = 0; step < BISECTIONS; step++) {
    const middle = (misses + finds) / 2
    if (detects(middle)) finds = middle
    else misses = middle
  }
  return finds
}

function halfWidthsAt16(
  pools: readonly Pool[],
  random: Random,
): Calibration['halfWidthAt16Blocks'] {
  const widths = pools.flatMap(({ values }) => {
    if (values.length < 16) return []
    return Array.from({ length: POWER_DRAWS }, () => {
      const interval = signedRankInterval(shuffle(values, random).slice(0, 16), DEFAULT_LEVEL)
      return interval === null ? Infinity : (margin(mapEstimate(interval, Math.exp)) ?? Infinity)
    })
  })
  return widths.length === 0 ? null : { median: median(widths), worst: Math.max(...widths) }
}

/** Paired: the block's median of adjacent slices. Sequential: all of one tree in one block against all of the other in the next. */
function pairingOf(trials: readonly Trial[]): Calibration['pairing'] {
  const cases = new Map<string, { paired: number[]; sequential: number[] }>()
  for (const { run } of trials) {
    for (const { record, one, other } of readPairs(run)) {
      const entry = cases.get(record.caseId) ?? { paired: [], sequential: [] }
      entry.paired.push(...blockLogRatios(other, one, PRIMARY_METRIC).values)
      const after = [...blockValues(one, PRIMARY_METRIC).values()]
      const before = [...blockValues(other, PRIMARY_METRIC).values()]
      entry.sequential.push(
        ...after.slice(1).map((value, index) => Math.log(value / (before[index] ?? Number.NaN))),
      )
      cases.set(record.caseId, entry)
    }
  }
  return [...cases].flatMap(([id, { paired, sequential }]) => {
    const [pairedVariance, sequentialVariance] = [variance(paired), variance(sequential)]
    if (pairedVariance === null || sequentialVariance === null) return []
    const [pairedSd, sequentialSd] = [Math.sqrt(pairedVariance), Math.sqrt(sequentialVariance)]
    return [{ case: id, pairedSd, sequentialSd, gain: sequentialSd / pairedSd }]
  })
}

function powerOf(trials: readonly Trial[]): Power[] {
  const shares = [...new Set(trials.map(({ injectedShare }) => injectedShare))].filter(
    (share) => share !== 0,
  )
  return shares.flatMap((injectedShare) => {
    const tries = trials.filter((trial) => trial.injectedShare === injectedShare)
    const times = {
      secondsPerMechanism: spread(tries.map((trial) => trial.secondsPerMechanism)),
      firstSecondsPerMechanism: spread(tries.map((trial) => trial.firstSecondsPerMechanism)),
    }
    const cases = [...new Set(tries.flatMap(({ changes }) => changes.map((change) => change.case)))]
    return cases.map((id) => {
      const cpu = tries.flatMap(({ changes }) =>
        changes.filter((change) => change.case === id && change.metric === PRIMARY_METRIC),
      )
      const ratios = cpu.flatMap(({ ratio }) => (ratio === null ? [] : [ratio.estimate - 1]))
      return {
        injectedShare,
        case: id,
        tries: tries.length,
        found: cpu.filter(({ verdict }) => verdict === 'worse').length,
        measuredShare: ratios.length === 0 ? null : hodgesLehmann(ratios),
        ...times,
      }
    })
  })
}

function spread(values: readonly number[]): { median: number; worst: number } {
  return { median: median(values), worst: Math.max(...values) }
}

function isFlag(verdict: Verdict): boolean {
  return verdict === 'worse' || verdict === 'better'
}

function medianOrZero(values: readonly number[]): number {
  return values.length === 0 ? 0 : Math.floor(median(values))
}

const RESAMPLES = 1_000
/** All of the blocks drawn are the same comparison every time: there must be twice as many to draw from. */
const FEWEST_POOLS = 2
const POWER_DRAWS = 1_000
/** Of ten comparisons, so many must find it. */
const POWER = 0.9
/** A fifth more CPU is nobody's smallest regression. */
const LARGEST_SHARE = 0.2
const BISECTIONS = 20
/** More than any comparison has blocks. */
const BLOCKS_APART = 1_000
