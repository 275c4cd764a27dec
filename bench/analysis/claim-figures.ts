import type { ArmRecord, Preflight, Run } from '../results.ts'
import { decodeHistogram, percentileUs } from '../load/histogram.ts'
import type { MetricName } from './metrics.ts'
import { blockValues, measuredBlocks, ownConnections, readArm } from './reading.ts'
import { cellsOf, costs } from './churn.ts'
import { signedRankInterval, DEFAULT_LEVEL, type Estimate } from './stats.ts'

/** Values by block: what is measured in the same block may be subtracted and divided. */
export type Values = ReadonlyMap<number, number>

/** The arm of a scenario with these parameters; undefined without. */
export function armOf(
  run: Run,
  scenario: string,
  where: Readonly<Record<string, string>> = {},
): ArmRecord | undefined {
  return run.arms.find(
    (arm) =>
      arm.scenario === scenario &&
      Object.entries(where).every(([name, value]) => arm.parameters[name] === value),
  )
}

/** A metric of an arm by block, at its own connections; empty where it was not measured. */
export function valuesOf(run: Run, arm: ArmRecord | undefined, metric: MetricName): Values {
  if (arm === undefined) return new Map()
  return blockValues(readArm(measuredBlocks(run.blocks), arm.id, ownConnections(arm)), metric)
}

/** Server CPU per request, and the authorization server's on top where it took part. */
export function totalCpu(
  run: Run,
  scenario: string,
  where: Readonly<Record<string, string>> = {},
): Values {
  const arm = armOf(run, scenario, where)
  const issuer = valuesOf(run, arm, 'issuerCpuUsPerRequest')
  return combine([valuesOf(run, arm, 'cpuUsPerRequest')], ([own = 0], block) => {
    return own + (issuer.get(block) ?? 0)
  })
}

/** CPU of a new connection beyond its requests, by block, of a run with `--load churn`. */
export function handshakeCpu(
  run: Run,
  arm: ArmRecord | undefined,
  policy: 'full' | 'resumed',
): Values {
  if (arm === undefined) return new Map()
  const own = cellsOf(run.blocks).filter((cell) => cell.arm === arm.id)
  const each = costs(own, { policy, requestsPerConnection: 1 })
  const stays = costs(own, { policy: 'keep-alive', requestsPerConnection: null })
  return combine([each, stays], ([one = 0, kept = 0]) => one - kept)
}

/** p50 in µs of the responses of an arm under offered load, by block. */
export function windowP50(run: Run, arm: ArmRecord | undefined): Values {
  return new Map(
    measuredBlocks(run.blocks).flatMap(({ index, windows = [] }): [number, number][] => {
      const own = windows.find((window) => window.arm === arm?.id)
      const p50 =
        own === undefined ? null : percentileUs(decodeHistogram(own.histograms.response), 50)
      return p50 === null ? [] : [[index, p50]]
    }),
  )
}

/** A function of values of the same blocks; a block that lacks one of them is left out. */
export function combine(
  values: readonly Values[],
  valueOf: (values: readonly number[], block: number) => number,
): Values {
  const [first = new Map<number, number>(), ...others] = values
  const combined = new Map<number, number>()
  for (const [block, value] of first) {
    const rest = others.map((other) => other.get(block))
    if (rest.includes(undefined)) continue
    combined.set(block, valueOf([value, ...rest.map((one) => one ?? Number.NaN)], block))
  }
  return combined
}

/** Over blocks, 99 % or what so many blocks reach; null without any. */
export function over(values: Values): Estimate | null {
  return signedRankInterval([...values.values()].filter(Number.isFinite), DEFAULT_LEVEL)
}

/** First less second, over blocks. */
export function difference(first: Values, second: Values): Estimate | null {
  return over(combine([first, second], ([a = 0, b = 0]) => a - b))
}

/** First over second, over blocks. */
export function ratio(first: Values, second: Values): Estimate | null {
  return over(combine([first, second], ([a = 0, b = 0]) => a / b))
}

/** Refusals of the case that has these parameters. */
export function preflightOf(
  run: Run,
  scenario: string,
  where: Readonly<Record<string, string>> = {},
): Preflight | null {
  return armOf(run, scenario, where)?.preflight ?? null
}

/** Ids of a preflight, each with whether it was refused as it must be. */
export function refusedIds({ refusals }: Preflight): ReadonlyMap<string, boolean> {
  return new Map(
    refusals
      .filter(({ kind }) => kind === 'refuse')
      .flatMap(({ id, sameAs, passed }) => [id, ...sameAs].map((one) => [one, passed])),
  )
}
