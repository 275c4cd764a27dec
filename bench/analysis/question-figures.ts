import type { ArmRecord, Run } from '../results.ts'
import { cellsOf } from './churn.ts'
import type { Values } from './claim-figures.ts'
import { blockValues, measuredBlocks, readArm } from './reading.ts'

/** p50 in µs by block at one connection, where latency is no consequence of throughput. */
export function valuesAtOne(run: Run, arm: ArmRecord): Values {
  return blockValues(readArm(measuredBlocks(run.blocks), arm.id, 1), 'latencyP50Us')
}

/** The arm that another is told against. */
export function baselineOf(run: Run, arm: ArmRecord | undefined): ArmRecord | undefined {
  return arm?.against == null ? undefined : run.arms.find(({ id }) => id === arm.against)
}

/** Arms of a scenario by a parameter of which the run has several values, with what else differs. */
export function armsBy(
  run: Run,
  scenario: string,
  parameter: string,
): (readonly [label: string, arm: ArmRecord])[] {
  const arms = run.arms.filter((arm) => arm.scenario === scenario && arm.outcome === 'measured')
  const values = new Set(arms.map(({ parameters }) => parameters[parameter]))
  if (values.size < 2 || values.has(undefined)) return []
  return arms.map((arm) => [labelOf(arm, arms), arm] as const)
}

/** Pairs of arms that differ in one parameter alone, with the values of others that vary. */
export function pairsBy(
  run: Run,
  scenario: string,
  parameter: string,
  [first, second]: readonly [string, string],
): (readonly [ArmRecord, ArmRecord, rest: string])[] {
  const arms = run.arms.filter((arm) => arm.scenario === scenario && arm.outcome === 'measured')
  return arms
    .filter(({ parameters }) => parameters[parameter] === first)
    .flatMap((one) => {
      const wanted = JSON.stringify(sorted({ ...one.parameters, [parameter]: second }))
      const other = arms.find(({ parameters }) => JSON.stringify(sorted(parameters)) === wanted)
      const rest = labelOf(one, arms, parameter)
      return other === undefined ? [] : [[one, other, rest === '' ? '' : `, ${rest}`] as const]
    })
}

/** Arms that were measured with new connections of this policy. */
export function hasChurnOf(run: Run, policy: 'full' | 'resumed'): ArmRecord[] {
  const arms = new Set(
    cellsOf(run.blocks).flatMap((cell) => (cell.policy === policy ? [cell.arm] : [])),
  )
  return run.arms.filter(({ id }) => arms.has(id))
}

/** Of the handshakes of clients that offer a session, the share that the server resumed, by block. */
export function resumedShares(run: Run, { id }: ArmRecord): Values {
  const cells = cellsOf(run.blocks).filter((cell) => cell.arm === id && cell.policy === 'resumed')
  return new Map(
    [...Map.groupBy(cells, ({ block }) => block)].flatMap(([block, own]): [number, number][] => {
      const slices = own.flatMap((cell) => cell.slices)
      const resumed = slices.reduce((sum, slice) => sum + slice.handshakesResumed, 0)
      const all = slices.reduce((sum, slice) => sum + slice.handshakesFull, resumed)
      return all === 0 ? [] : [[block, resumed / all]]
    }),
  )
}

/** What tells an arm from the others of its scenario: `verifier=jose tokenCache=on`. */
/** The settings by which an arm differs from others. */
export function labelOf(
  { parameters }: ArmRecord,
  arms: readonly ArmRecord[],
  leftOut: string | null = null,
): string {
  return Object.entries(parameters)
    .filter(
      ([name, value]) => name !== leftOut && arms.some((arm) => arm.parameters[name] !== value),
    )
    .map(([name, value]) => `${name}=${value}`)
    .join(' ')
}

function sorted(parameters: Readonly<Record<string, string>>) {
  return Object.entries(parameters).sort(([a], [b]) => (a < b ? -1 : 1))
}
