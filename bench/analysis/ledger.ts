import type { ArmRecord, Block, Run } from '../results.ts'
import { ledgerParts, type LedgerKind, type LedgerPart } from './ledger-parts.ts'
import { blockValues, measuredBlocks, ownConnections, readArm } from './reading.ts'
import { signedRankInterval, type Estimate } from './stats.ts'

/** One primitive over all blocks. */
export interface PrimitiveFigures {
  readonly id: string
  readonly cpuUsPerCall: Estimate
  readonly wallP50UsPerCall: Estimate
  readonly calls: number
}

/** One part of what a request costs. */
export interface LedgerEntry {
  readonly kind: LedgerKind
  readonly label: string
  readonly cpuUs: Estimate
}

/** What a request of one case costs, and what it is made of, in µs of server CPU. */
export interface Ledger {
  readonly arm: string
  readonly totalCpuUs: Estimate
  readonly entries: readonly LedgerEntry[]
  /** What no part accounts for; below zero where the parts alone come to more than the whole. */
  readonly restCpuUs: Estimate
  /** The parts over the whole, by block. */
  readonly explainedShare: Estimate
}

/** Figures of every primitive of a run, by name; empty where none was measured. */
export function primitiveFigures(
  { blocks }: Pick<Run, 'blocks'>,
  level: number,
): PrimitiveFigures[] {
  const readings = measuredBlocks(blocks).flatMap(({ primitives = [] }) => primitives)
  return [...Map.groupBy(readings, ({ id }) => id)]
    .flatMap(([id, own]) => {
      const cpuUsPerCall = signedRankInterval(
        own.map((reading) => reading.cpuUsPerCall),
        level,
      )
      const wallP50UsPerCall = signedRankInterval(
        own.map((reading) => reading.wallP50UsPerCall),
        level,
      )
      if (cpuUsPerCall === null || wallP50UsPerCall === null) return []
      return [
        {
          id,
          cpuUsPerCall,
          wallP50UsPerCall,
          calls: own.reduce((sum, { calls }) => sum + calls, 0),
        },
      ]
    })
    .sort((a, b) => (a.id < b.id ? -1 : 1))
}

/**
 * The cost ledger: for each case the primitives that a request consists of, added up block by block and
 * held against the CPU per request of the same block, so that a slow minute is slow in both. A case of
 * which one part was not measured has none.
 */
export function ledgersOf(run: Pick<Run, 'arms' | 'blocks'>, level: number): Ledger[] {
  const blocks = measuredBlocks(run.blocks)
  const whole = new Map(run.arms.map((arm) => [arm.id, costOf(arm, blocks)]))
  return run.arms.flatMap((arm) => {
    const parts = ledgerParts(arm)
    const total = whole.get(arm.id)
    const values = parts.map((part) => valuesOf(part, { arms: run.arms, blocks, whole }))
    if (total === undefined || parts.length === 0) return []
    const told = [...total.keys()].filter((block) => values.every((value) => value.has(block)))
    return told.length === 0 ? [] : [ledgerOf(arm.id, { parts, values, total, told, level })].flat()
  })
}

function ledgerOf(
  arm: string,
  {
    parts,
    values,
    total,
    told,
    level,
  }: {
    readonly parts: readonly LedgerPart[]
    readonly values: readonly ReadonlyMap<number, number>[]
    readonly total: ReadonlyMap<number, number>
    readonly told: readonly number[]
    readonly level: number
  },
): Ledger[] {
  const over = (valueOf: (block: number) => number) => signedRankInterval(told.map(valueOf), level)
  const wholeOf = (block: number) => total.get(block) ?? Number.NaN
  const sumOf = (block: number) =>
    values.reduce((sum, value) => sum + (value.get(block) ?? Number.NaN), 0)
  const entries = parts.flatMap(({ kind, label }, index): LedgerEntry[] => {
    const cpuUs = over((block) => values[index]?.get(block) ?? Number.NaN)
    return cpuUs === null ? [] : [{ kind, label, cpuUs }]
  })
  const [totalCpuUs, restCpuUs, explainedShare] = [
    over(wholeOf),
    over((block) => wholeOf(block) - sumOf(block)),
    over((block) => sumOf(block) / wholeOf(block)),
  ]
  if (totalCpuUs === null || restCpuUs === null || explainedShare === null) return []
  return [{ arm, totalCpuUs, entries, restCpuUs, explainedShare }]
}

/** CPU per request by block, at the connections of the arm's own case. */
function costOf(arm: ArmRecord, blocks: readonly Block[]): Map<number, number> {
  return blockValues(readArm(blocks, arm.id, ownConnections(arm)), 'cpuUsPerRequest')
}

function valuesOf(
  { source }: LedgerPart,
  {
    arms,
    blocks,
    whole,
  }: {
    readonly arms: readonly ArmRecord[]
    readonly blocks: readonly Block[]
    readonly whole: ReadonlyMap<string, ReadonlyMap<number, number>>
  },
): ReadonlyMap<number, number> {
  if (source.kind === 'scenario') {
    const arm = arms.find(({ scenario }) => scenario === source.scenario)
    return (arm === undefined ? undefined : whole.get(arm.id)) ?? new Map()
  }
  const sum = (block: Block, ids: readonly string[]) =>
    ids.reduce((total, id) => {
      const reading = block.primitives?.find((one) => one.id === id)
      return total + (reading?.cpuUsPerCall ?? Number.NaN)
    }, 0)
  return new Map(
    blocks.flatMap((block): [number, number][] => {
      const value = sum(block, source.add) - sum(block, source.subtract)
      return Number.isNaN(value) ? [] : [[block.index, value]]
    }),
  )
}
