import { decodeHistogram } from '../load/histogram.ts'
import { createRandom } from '../random.ts'
import type { Block, ChurnCell, ChurnSlice } from '../results.ts'
import { mapMetrics, type MetricName, type Metrics } from './metrics.ts'
import { mergedPercentile, tabulate } from './percentiles.ts'
import { measuredBlocks } from './reading.ts'
import { mapEstimate, signedRankInterval, type Estimate } from './stats.ts'

/** What a client does with its connections; `clients` only of a reconnect storm. */
export type Use = Pick<ChurnCell, 'policy' | 'requestsPerConnection' | 'clients'>

/** What one arm costs when its connections are used in one way. */
export interface ChurnFigures extends Use {
  readonly arm: string
  readonly metrics: Metrics
  readonly concurrency: number
  readonly connections: number
  readonly requests: number
  readonly connectionsRefused: number
  /** Null where the server does not tell. */
  readonly handshakesFailed: number | null
  /** Connect to the end of the TCP handshake; from there to that of TLS; request to the first byte of its answer. */
  readonly tcpP50Us: Estimate | null
  readonly tcpP99Us: Estimate | null
  readonly tlsP50Us: Estimate | null
  readonly tlsP99Us: Estimate | null
  readonly firstByteP50Us: Estimate | null
  readonly firstByteP99Us: Estimate | null
  /** From connect to the end of the first answer. */
  readonly servedP50Us: Estimate | null
  readonly servedP99Us: Estimate | null
  /** Of a reconnect storm: from its first connect until every client has its answer; else null. */
  readonly recoveryUs: Estimate | null
  readonly blocks: number
}

interface Options {
  readonly level: number
  readonly seed: number
}

/** Figures of every arm in every use, in the order of the run's arms; empty without new connections. */
export function churnFigures(
  blocks: readonly Block[],
  arms: readonly string[],
  options: Options,
): ChurnFigures[] {
  const cells = cellsOf(blocks)
  return arms.flatMap((arm) => {
    const own = cells.filter((cell) => cell.arm === arm)
    const stay = costs(own, { policy: 'keep-alive', requestsPerConnection: null })
    return usesOf(own).map((use) => figuresOf(arm, use, { own, stay, options }))
  })
}

/** The uses that occur, as measured most first. */
export function usesOf(cells: readonly ChurnCell[]): Use[] {
  const uses = new Map(
    cells.map(({ policy, requestsPerConnection, clients }): [string, Use] => [
      JSON.stringify([policy, requestsPerConnection, clients]),
      { policy, requestsPerConnection, ...(clients === undefined ? {} : { clients }) },
    ]),
  )
  return [...uses.values()].sort(
    (a, b) =>
      (a.clients ?? 0) - (b.clients ?? 0) ||
      policies.indexOf(a.policy) - policies.indexOf(b.policy) ||
      (a.requestsPerConnection ?? Infinity) - (b.requestsPerConnection ?? Infinity),
  )
}

/** A cell of the measured blocks, with its block. */
export interface PlacedCell extends ChurnCell {
  readonly block: number
}

/** All cells of the blocks that count. */
export function cellsOf(blocks: readonly Block[]): PlacedCell[] {
  return measuredBlocks(blocks).flatMap(({ index, churn = [] }) =>
    churn.map((cell) => ({ ...cell, block: index })),
  )
}

/** Server CPU in µs per request by block, of one use. */
export function costs(cells: readonly PlacedCell[], use: Use): Map<number, number> {
  return perBlock(cells, use, ({ slices }) => ratio(slices, ({ cpuUs }) => cpuUs))
}

function figuresOf(
  arm: string,
  use: Use,
  {
    own,
    stay,
    options: { level, seed },
  }: {
    readonly own: readonly PlacedCell[]
    readonly stay: ReadonlyMap<number, number>
    readonly options: Options
  },
): ChurnFigures {
  const cells = own.filter((cell) => isUse(cell, use))
  const slices = cells.flatMap((cell) => cell.slices)
  const over = (valueOf: (cell: ChurnCell) => number | null): Estimate | null =>
    signedRankInterval([...perBlock(cells, use, valueOf).values()], level)
  const perRequest = (valueOf: (slice: ChurnSlice) => number | null) =>
    over((cell) => ratio(cell.slices, valueOf))
  const percentile = (kind: keyof ChurnCell['histograms'], at: number, minimumSamples: number) => {
    const table = tabulate(
      cells.flatMap(({ histograms }) => {
        const encoded = histograms[kind]
        return encoded == null ? [] : [decodeHistogram(encoded)]
      }),
    )
    return table.samples < minimumSamples
      ? null
      : mergedPercentile(table, at, { random: createRandom(seed), level })
  }
  const cpuUsPerHandshake = perConnection(cells, use, stay, level)
  const sum = (valueOf: (slice: ChurnSlice) => number) =>
    slices.reduce((total, slice) => total + valueOf(slice), 0)
  const resumed = ({ slices: all }: ChurnCell) => {
    const count = total(all, (slice) => slice.handshakesFull + slice.handshakesResumed)
    return count === 0 ? null : total(all, (slice) => slice.handshakesResumed) / count
  }
  const measured: Partial<Record<MetricName, Estimate | null>> = {
    cpuUsPerRequest: perRequest(({ cpuUs }) => cpuUs),
    issuerCpuUsPerRequest: perRequest(({ issuerCpuUs }) => issuerCpuUs),
    clientCpuUsPerRequest: perRequest(({ clientCpuUs }) => clientCpuUs),
    bytesPerRequest: perRequest(({ bytesReceived }) => bytesReceived),
    requestsPerSecond: over(({ slices: all }) => {
      const wallUs = total(all, (slice) => slice.wallUs)
      return wallUs === 0 ? null : (total(all, ({ requests }) => requests) / wallUs) * usPerSecond
    }),
    latencyP50Us: percentile('response', 50, 1),
    latencyP90Us: percentile('response', 90, 100),
    latencyP99Us: percentile('response', 99, 1_000),
    latencyP999Us: percentile('response', 99.9, 10_000),
    handshakesFull: over(({ slices: all }) => total(all, (slice) => slice.handshakesFull)),
    handshakesResumed: over(({ slices: all }) => total(all, (slice) => slice.handshakesResumed)),
    resumedShare: over(resumed),
    rssBytes: over(({ slices: all }) => {
      const known = all.flatMap(({ rssBytes }) => rssBytes ?? [])
      return known.length === 0 ? null : Math.max(...known)
    }),
    cpuUsPerHandshake,
    handshakesPerCoreSecond:
      cpuUsPerHandshake === null || (cpuUsPerHandshake.low ?? cpuUsPerHandshake.estimate) <= 0
        ? null
        : mapEstimate(cpuUsPerHandshake, (us) => usPerSecond / us),
  }
  const requests = sum((slice) => slice.requests)
  return {
    arm,
    ...use,
    // CPU per request beyond that is a rate of the core, whatever the client reached.
    metrics: mapMetrics((metric, name) => {
      const value = measured[name]
      if (value !== undefined) return value
      if (metric.source.kind !== 'derived') return null
      const from = measured[metric.source.from] ?? null
      return from === null ? null : mapEstimate(from, metric.source.monotone)
    }),
    concurrency: slices[0]?.concurrency ?? 0,
    connections: sum((slice) => slice.connections),
    requests,
    connectionsRefused: sum((slice) => slice.connectionsRefused),
    handshakesFailed: slices.some((slice) => slice.handshakesFailed === null)
      ? null
      : sum((slice) => slice.handshakesFailed ?? 0),
    tcpP50Us: percentile('tcp', 50, 1),
    tcpP99Us: percentile('tcp', 99, 1_000),
    tlsP50Us: percentile('tls', 50, 1),
    tlsP99Us: percentile('tls', 99, 1_000),
    firstByteP50Us: percentile('firstByte', 50, 1),
    firstByteP99Us: percentile('firstByte', 99, 1_000),
    servedP50Us: percentile('served', 50, 1),
    servedP99Us: percentile('served', 99, 1_000),
    recoveryUs:
      use.clients === undefined
        ? null
        : over(({ slices: all }) => median(all.map(({ wallUs }) => wallUs))),
    blocks: cells.length,
  }
}

/**
 * What a new connection costs the server beyond its requests, all of it: TCP, TLS, the objects of HTTP, and
 * the end. Per block, CPU of a connection less that of as many requests on connections that stay.
 */
function perConnection(
  cells: readonly PlacedCell[],
  use: Use,
  stay: ReadonlyMap<number, number>,
  level: number,
): Estimate | null {
  const { requestsPerConnection: each } = use
  if (each === null) return null
  const values = [...costs(cells, use)].flatMap(([block, cost]) => {
    const kept = stay.get(block)
    return kept === undefined ? [] : [each * (cost - kept)]
  })
  return signedRankInterval(values, level)
}

function perBlock(
  cells: readonly PlacedCell[],
  use: Use,
  valueOf: (cell: ChurnCell) => number | null,
): Map<number, number> {
  return new Map(
    cells
      .filter((cell) => isUse(cell, use))
      .flatMap((cell): [number, number][] => {
        const value = valueOf(cell)
        return value === null ? [] : [[cell.block, value]]
      }),
  )
}

function isUse(cell: Use, { policy, requestsPerConnection, clients }: Use): boolean {
  return (
    cell.policy === policy &&
    cell.requestsPerConnection === requestsPerConnection &&
    cell.clients === clients
  )
}

/** The middle one; of two the upper: every storm of a block counts, and one that met a hiccup alone does not. */
function median(values: readonly number[]): number | null {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? null
}

/** The sum over requests; null where one is unknown. */
function ratio(
  slices: readonly ChurnSlice[],
  valueOf: (slice: ChurnSlice) => number | null,
): number | null {
  const values = slices.map(valueOf)
  const requests = total(slices, (slice) => slice.requests)
  if (requests === 0 || values.includes(null)) return null
  return values.reduce<number>((sum, value) => sum + (value ?? 0), 0) / requests
}

function total(slices: readonly ChurnSlice[], valueOf: (slice: ChurnSlice) => number): number {
  return slices.reduce((sum, slice) => sum + valueOf(slice), 0)
}

const usPerSecond = 1e6
const policies: readonly Use['policy'][] = ['full', 'resumed', 'keep-alive']
