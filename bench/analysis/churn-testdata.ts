import { createHistogram, encodeHistogram, recordAll } from '../load/histogram.ts'
import { createRandom } from '../random.ts'
import type { Block, ChurnCell, ChurnSlice } from '../results.ts'
import type { Use } from './churn.ts'
import { normal } from './testdata.ts'

// Synthetic blocks with new connections: what a request and a connection truly cost is known.

/** True costs of a synthetic arm in µs of server CPU. */
export interface ChurnCosts {
  readonly arm: string
  readonly requestUs: number
  readonly connectionUs: number
}

/** Blocks of one slice for each arm and use; noise is a share of each cost, from block to block. */
export function churnBlocks(
  arms: readonly ChurnCosts[],
  uses: readonly Use[],
  { blocks = 12, sd = 0, seed = 1 }: { blocks?: number; sd?: number; seed?: number } = {},
): Block[] {
  const random = createRandom(seed)
  return Array.from({ length: blocks }, (_, index) => ({
    index,
    startedAt: '2025-01-01T00:00:00.000Z',
    startOrder: arms.map(({ arm }) => arm),
    outcome: 'measured' as const,
    reason: null,
    slices: [],
    histograms: [],
    churn: arms.flatMap((costs) =>
      uses.map((use) => cellOf(costs, use, Math.exp(sd * normal(random)))),
    ),
  }))
}

function cellOf({ arm, requestUs, connectionUs }: ChurnCosts, use: Use, noise: number): ChurnCell {
  const { policy, requestsPerConnection: each } = use
  const connections = each === null ? 0 : 20
  const requests = each === null ? 400 : connections * each
  const cpuUs = noise * (requests * requestUs + connections * connectionUs)
  return {
    arm,
    ...use,
    slices: [
      {
        ...quietSlice,
        connections,
        requests,
        cpuUs,
        handshakesFull: policy === 'full' ? connections : 0,
        handshakesResumed: policy === 'resumed' ? connections : 0,
      },
    ],
    histograms: {
      tcp: each === null ? null : encoded(connections, 40),
      tls: each === null ? null : encoded(connections, 900),
      firstByte: each === null ? null : encoded(connections, 300),
      response: encoded(requests, 300),
      served: each === null ? null : encoded(connections, 1_300),
    },
  }
}

function encoded(samples: number, us: number): string {
  const histogram = createHistogram()
  recordAll(histogram, new Float64Array(samples).fill(us))
  return encodeHistogram(histogram)
}

/** One round of everything that costs nothing. */
const quietSlice: ChurnSlice = {
  position: 0,
  connections: 0,
  concurrency: 8,
  requests: 0,
  wallUs: 100_000,
  cpuUs: 0,
  issuerCpuUs: null,
  clientCpuUs: 50_000,
  runQueueUs: 0,
  stealUs: 0,
  foreignCpuUs: 0,
  clientRunQueueUs: 0,
  eventLoopUtilization: 1,
  clientEventLoopUtilization: 0.5,
  gcUs: 0,
  rssBytes: 100_000_000,
  handshakesFull: 0,
  handshakesResumed: 0,
  connectionsRefused: 0,
  handshakesFailed: 0,
  bytesReceived: 1_000,
}
