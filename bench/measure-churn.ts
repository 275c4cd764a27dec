import {
  repeatBlocks,
  sessionSeed,
  startTogether,
  whileAlive,
  type BlockLimits,
  type OutsideWorld,
} from './blocks.ts'
import { createHistogram, encodeHistogram, sampleCount, type Histogram } from './load/histogram.ts'
import type { ConnectionPolicy } from './load/churn.ts'
import { warm, type Arm, type WarmUp } from './measure.ts'
import { createRandom, shuffle, type Random } from './random.ts'
import type { Block, ChurnCell, ChurnSlice } from './results.ts'

/** What a client does with its connections: one cell of what is measured of every arm. */
export interface ConnectionUse {
  readonly policy: ConnectionPolicy
  /** Null: connections stay, and no new one is opened. */
  readonly requestsPerConnection: number | null
  /** A reconnect storm: so many new connections at once; absent: as many at a time as the case has. */
  readonly clients?: number
}

/** One slice of a use, as it is asked of every arm alike. */
export interface ChurnRequest extends ConnectionUse {
  /** New connections; null where they stay. */
  readonly connections: number | null
  readonly requests: number
}

/** What one slice measured, without its place; null = not a figure of this use. */
export interface ChurnSliceReading {
  readonly slice: Omit<ChurnSlice, 'position'>
  readonly histograms: Readonly<Record<keyof ChurnCell['histograms'], Histogram>>
}

/** An arm whose connections can be opened anew. */
export interface ChurnArm extends Arm {
  churn(request: ChurnRequest): Promise<ChurnSliceReading>
}

/** Something that slices of new connections are measured of: fresh processes at each start. */
export interface ChurnArmSource {
  readonly id: string
  start(): Promise<ChurnArm>
}

/** Slices of each use for each arm, in blocks. */
export interface ChurnPlan extends BlockLimits, WarmUp {
  readonly seed: number
  readonly uses: readonly ConnectionUse[]
  /** Slices of each use and arm in a block, a multiple of 2. */
  readonly slices: number
  /** Requests that a slice should have, and new connections between which it must. */
  readonly sliceRequests: number
  readonly minConnections: number
  readonly maxConnections: number
  /** New connections of each policy before the first recorded slice. */
  readonly warmupConnections: number
}

/**
 * Measures blocks of slices in which connections are used in several ways, over arms that are all alive.
 * What is compared, uses of an arm and arms in one use, lies in the same seconds: each round runs all of
 * them in random order, then in the reverse.
 */
export async function measureChurn(
  sources: readonly ChurnArmSource[],
  plan: ChurnPlan,
  context: OutsideWorld,
): Promise<Block[]> {
  const random = createRandom(sessionSeed(plan.seed, context))
  return repeatBlocks(plan, context, {
    begin() {
      const startOrder = shuffle(sources, random)
      const cells = createCells()
      return {
        startOrder: startOrder.map(({ id }) => id),
        content: () => ({ slices: [], histograms: [], churn: cells.finish() }),
        async measure() {
          await using stack = new AsyncDisposableStack()
          const running = await startTogether(startOrder, stack)
          const arms = running.map(({ arm }) => arm)
          context.onEvent({ kind: 'warming', arms: arms.length })
          for (const arm of arms) await warmAll(arm, plan, context)
          for (const arm of arms) arm.pin()
          await runSlices(orderOf(arms, plan, random), { plan, context, cells })
        },
      }
    },
  })
}

/** How many new connections a slice opens, and requests it sends. */
export function churnRequest(
  use: ConnectionUse,
  plan: Pick<ChurnPlan, 'sliceRequests' | 'minConnections' | 'maxConnections'>,
): ChurnRequest {
  const { requestsPerConnection: each, clients } = use
  if (clients !== undefined) return { ...use, connections: clients, requests: clients }
  if (each === null) return { ...use, connections: null, requests: plan.sliceRequests }
  const wanted = Math.round(plan.sliceRequests / each)
  const connections = Math.min(plan.maxConnections, Math.max(plan.minConnections, wanted))
  return { ...use, connections, requests: connections * each }
}

interface Turn {
  readonly arm: ChurnArm
  readonly use: ConnectionUse
}

function orderOf(arms: readonly ChurnArm[], { uses, slices }: ChurnPlan, random: Random): Turn[] {
  const turns = arms.flatMap((arm) => uses.map((use): Turn => ({ arm, use })))
  return Array.from({ length: slices / slicesInRound }, () => {
    const there = shuffle(turns, random)
    return [...there, ...there.toReversed()]
  }).flat()
}

/** Handshakes are code of their own, to be compiled and cached like the rest. */
async function warmAll(arm: ChurnArm, plan: ChurnPlan, context: OutsideWorld): Promise<void> {
  await warm(arm, { plan, context })
  for (const { clients: _, ...use } of plan.uses) {
    const connections = use.requestsPerConnection === null ? null : plan.warmupConnections
    const request = { ...use, requestsPerConnection: connections === null ? null : 1, connections }
    await whileAlive(arm.died, context.signal, () =>
      arm.churn({ ...request, requests: plan.warmupConnections }),
    )
  }
}

async function runSlices(
  turns: readonly Turn[],
  {
    plan,
    context,
    cells,
  }: { readonly plan: ChurnPlan; readonly context: OutsideWorld; readonly cells: Cells },
): Promise<void> {
  for (const [position, { arm, use }] of turns.entries()) {
    const request = churnRequest(use, plan)
    const { slice, histograms } = await whileAlive(arm.died, context.signal, () =>
      arm.churn(request),
    )
    cells.add(arm.id, use, { position, ...slice }, histograms)
    context.onEvent({
      kind: 'slice',
      slice: { arm: arm.id, ...slice },
      done: position + 1,
      of: turns.length,
    })
  }
}

type Cells = ReturnType<typeof createCells>

/** Collects slices by arm and use, their histograms merged. */
function createCells() {
  const cells = new Map<
    string,
    {
      readonly arm: string
      readonly use: ConnectionUse
      readonly slices: ChurnSlice[]
      readonly histograms: ChurnSliceReading['histograms']
    }
  >()
  return {
    add(
      arm: string,
      use: ConnectionUse,
      slice: ChurnSlice,
      histograms: ChurnSliceReading['histograms'],
    ): void {
      const key = JSON.stringify([arm, use])
      const cell = cells.get(key) ?? { arm, use, slices: [], histograms: emptyHistograms() }
      cells.set(key, cell)
      cell.slices.push(slice)
      for (const kind of histogramKinds) cell.histograms[kind].add(histograms[kind])
    },
    finish: (): ChurnCell[] =>
      [...cells.values()].map(({ arm, use, slices, histograms }) => ({
        arm,
        policy: use.policy,
        requestsPerConnection: use.requestsPerConnection,
        ...(use.clients === undefined ? {} : { clients: use.clients }),
        slices,
        histograms: {
          tcp: encoded(histograms.tcp),
          tls: encoded(histograms.tls),
          firstByte: encoded(histograms.firstByte),
          response: encodeHistogram(histograms.response),
          served: encoded(histograms.served),
        },
      })),
  }
}

/** Histograms without a sample. */
export function emptyHistograms(): ChurnSliceReading['histograms'] {
  return {
    tcp: createHistogram(),
    tls: createHistogram(),
    firstByte: createHistogram(),
    response: createHistogram(),
    served: createHistogram(),
  }
}

function encoded(histogram: Histogram): string | null {
  return sampleCount(histogram) === 0 ? null : encodeHistogram(histogram)
}

const histogramKinds = ['tcp', 'tls', 'firstByte', 'response', 'served'] as const
/** There and back. */
const slicesInRound = 2
