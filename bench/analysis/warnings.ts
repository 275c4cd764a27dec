import type { ArmRecord, Run, Slice, Warning } from '../results.ts'
import { burstiness, pairsOf, type Comparison, type Readings } from './contrasts.ts'
import type { Figures } from './figures.ts'
import { measuredBlocks } from './reading.ts'
import { margin } from './stats.ts'
import { isClaimable, type Thresholds } from './verdict.ts'

/** What a reader of one arm's figures must know. */
export function armWarnings(record: ArmRecord, figures: Figures | null): Warning[] {
  const warnings = [...record.warnings]
  if (figures === null && record.outcome === 'measured') {
    warnings.push({
      code: 'no-slices',
      message: `${record.id}: no slice in any measured block`,
      advice: 'measure again: what was measured of it is in failed blocks only',
    })
  }
  if (figures !== null && figures.metrics.latencyP99Us === null) {
    warnings.push({
      code: 'few-samples',
      message: `${record.id}: ${figures.samples} latencies are too few for p99, which needs 1,000`,
      advice: 'measure more blocks',
    })
  }
  return warnings
}

/** What a reader of the whole run must know, the run's own warnings first. */
export function runWarnings(context: {
  readonly run: Run
  readonly readings: Readings
  readonly comparisons: readonly Comparison[]
  readonly thresholds: Thresholds
  readonly blocks: number
}): Warning[] {
  const { run, blocks } = context
  return [
    ...run.warnings,
    ...gatewayGaps(run),
    ...smoke(run),
    ...incomplete(run, blocks),
    ...failedBlocks(run),
    ...disturbed(run),
    ...starvedClient(run),
    ...shortOfLevel(context),
    ...bursts(context),
  ]
}

/** What products do not refuse: beside every figure of them, whatever was measured. */
export function gatewayGaps({ arms }: Pick<Run, 'arms'>): Warning[] {
  const told = arms.flatMap(({ warnings }) =>
    warnings.filter(({ code }) => code === 'gateway-gaps'),
  )
  // Cases that differ in a key or an algorithm have the same gaps.
  return [...new Map(told.map((warning) => [warning.message, warning])).values()]
}

function smoke({ mode }: Run): Warning[] {
  if (mode !== 'smoke') return []
  return [
    {
      code: 'smoke',
      message: 'this run proves that everything works; its figures mean nothing',
      advice: 'leave out --smoke to measure',
    },
  ]
}

function incomplete({ complete, incompleteReason }: Run, blocks: number): Warning[] {
  if (complete) return []
  return [
    {
      code: 'incomplete',
      message: `the run ended early (${incompleteReason ?? 'no reason stored'}); the figures rest on ${blocks} measured ${blocks === 1 ? 'block' : 'blocks'}`,
      advice: 'measure again before you quote them',
    },
  ]
}

function failedBlocks({ blocks }: Run): Warning[] {
  const failed = blocks.filter(({ outcome }) => outcome === 'failed')
  if (failed.length === 0) return []
  const reasons = failed.map(
    ({ index, reason }) => `block ${index}: ${reason ?? 'no reason stored'}`,
  )
  return [
    {
      code: 'failed-blocks',
      message: `${failed.length} of ${blocks.length} blocks failed and ${failed.length === 1 ? 'is' : 'are'} in no figure (${reasons.join('; ')})`,
      advice: 'mend the reason, then measure again',
    },
  ]
}

/** Nothing is dropped for noise, but who quotes requests/s and latencies must know of it. */
function disturbed({ blocks }: Run): Warning[] {
  const slices = measuredBlocks(blocks).flatMap((block) => block.slices)
  const foreign = shareOfWall(slices, ({ foreignCpuUs }) => foreignCpuUs)
  const steal = shareOfWall(slices, ({ stealUs }) => stealUs)
  const told = [
    ...(foreign >= DISTURBING ? [`other programs used ${percent(foreign)} of a core`] : []),
    ...(steal >= DISTURBING ? [`the hypervisor took ${percent(steal)} of a core`] : []),
  ]
  if (told.length === 0) return []
  return [
    {
      code: 'disturbed',
      message: `${told.join(' and ')} while slices ran: requests/s and latencies hold that too, CPU per request less of it`,
      advice: 'stop what else runs on this machine, then measure again',
    },
  ]
}

/** A client that waits for its core sends late and reads late: its latencies are not the server's. */
function starvedClient({ blocks }: Run): Warning[] {
  const slices = measuredBlocks(blocks).flatMap((block) => block.slices)
  const waited = shareOfWall(slices, ({ clientRunQueueUs }) => clientRunQueueUs)
  if (waited < STARVING) return []
  return [
    {
      code: 'client-starved',
      message: `the client waited for its core ${percent(waited)} of the time: latencies and requests/s hold that wait`,
      advice: 'stop what else runs on the client’s core, or measure on a machine with more of them',
    },
  ]
}

/** Share of the slices' time, of those in which it is known. */
function shareOfWall(slices: readonly Slice[], valueOf: (slice: Slice) => number | null): number {
  const known = slices.filter((slice) => valueOf(slice) !== null)
  const wallUs = known.reduce((sum, slice) => sum + slice.wallUs, 0)
  return known.reduce((sum, slice) => sum + (valueOf(slice) ?? 0), 0) / Math.max(wallUs, 1)
}

function shortOfLevel({
  comparisons,
  thresholds,
}: {
  readonly comparisons: readonly Comparison[]
  readonly thresholds: Thresholds
}): Warning[] {
  const short = comparisons.flatMap(({ ratio }) =>
    ratio !== null && (ratio.level ?? 0) < thresholds.level ? [ratio] : [],
  )
  const [first, ...others] = short
  if (first === undefined) return []
  const lowest = others.reduce((a, b) => ((b.level ?? 0) < (a.level ?? 0) ? b : a), first)
  const claims = isClaimable(lowest, thresholds)
    ? 'verdicts hold at that level'
    : `no verdict is given below ${percent(thresholds.minimumLevel)}`
  const reached = lowest.level === null ? 'no interval' : percent(lowest.level)
  const needed = blocksNeeded(comparisons.length, thresholds.level)
  return [
    {
      code: 'level-not-reached',
      message: `${lowest.blocks} ${lowest.blocks === 1 ? 'block gives' : 'blocks give'} ${reached} for ${comparisons.length} comparisons at once, not ${percent(thresholds.level)}; ${claims}`,
      advice: `${percent(thresholds.level)} needs at most ${needed} blocks: --full measures 12 or more`,
    },
  ]
}

function bursts({
  run,
  readings,
  thresholds,
}: {
  readonly run: Run
  readonly readings: Readings
  readonly thresholds: Thresholds
}): Warning[] {
  const limit = Math.log1p(thresholds.effect)
  return pairsOf(run.arms, readings).flatMap(({ one, other }) => {
    const excess = burstiness(one, other, thresholds.level)
    if (excess === null || !isClaimable(excess, thresholds)) return []
    if ((margin(excess) ?? Infinity) >= Math.abs(excess.estimate) - limit) return []
    const sign = excess.estimate > 0 ? 'higher' : 'lower'
    return [
      {
        code: 'bursts',
        message: `${one.arm}: relative to ${other.arm} its mean cost is ${percent(Math.abs(Math.expm1(excess.estimate)))} ${sign} than the cost of its typical slice, which verdicts rest on`,
        advice: 'look at gcUs in the slices: some of them cost much more than others',
      },
    ]
  })
}

/** Blocks at which even unrelated cells reach the level together: cells · 2/2ⁿ ≤ 1 − level. */
function blocksNeeded(cells: number, level: number): number {
  return Math.ceil(Math.log2((2 * cells) / (1 - level)))
}

/** A level or a share for people: 99 %, 95.3 %. */
function percent(share: number): string {
  // Cut, not rounded: 98.96 % is not 99 %.
  return `${Math.floor(share * 1000 + 1e-9) / 10} %`
}

/** A tenth of a core is as much as the client may lack of its own before it counts as busy. */
const DISTURBING = 0.1
/** The scheduler's own granularity costs a busy thread 1 to 3 % of its time; a neighbour costs half. */
const STARVING = 0.1
