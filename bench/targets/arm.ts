import { BenchError } from '../errors.ts'
import { medianUs } from '../load/histogram.ts'
import type { Endpoint } from '../load/target.ts'
import type { ChurnArm } from '../measure-churn.ts'
import type { CurveArm } from '../measure-curve.ts'
import type { WindowReading, WindowRequest } from '../measure-open.ts'
import type { SliceRequest } from '../measure.ts'
import type { SliceReading } from '../recorder.ts'
import { measureTargetWindow, type OfferWindow } from '../windows.ts'
import type { Deadline } from './caps.ts'
import { createTargetChurn, measureTargetChurn } from './churn.ts'
import { openTargetConnections } from './closed.ts'
import type { CpuSource } from './cpu.ts'
import { describeFault } from './faults.ts'
import type { Pace } from './pace.ts'
import { createPools, type TargetPools } from './pools.ts'
import {
  isTooCoarse,
  senseTarget,
  startCounter,
  type BlockCounter,
  type Counted,
} from './target-sensors.ts'

/** What an arm of a target is made of. */
export interface TargetArmOptions {
  readonly label: string
  /** With the token, if there is one; of many clients one after the other. */
  readonly endpoints: readonly Endpoint[]
  readonly connections: number
  readonly timeoutMs: number
  /** Null: as fast as answers come. */
  readonly pace: Pace | null
  /** Of all rates; null: none. */
  readonly maxRatePerSecond: number | null
  readonly cpu: CpuSource | null
  /** Aborted where no request may be sent any more. */
  readonly died: AbortSignal
  readonly deadline: Deadline
  /** Who offers windows; default: processes of this machine. */
  readonly offerWindow?: OfferWindow
  /** Told at the end of a block, where CPU is not known slice by slice. */
  readonly onCounted: (counted: Counted) => void
}

/** An arm of a server that is neither started nor stopped, for every kind of load. */
export type TargetArm = ChurnArm & CurveArm

/** What the loads of an arm share. */
interface Scene extends TargetArmOptions {
  readonly pools: TargetPools
  readonly counter: BlockCounter
}

/** Begins a block on a target; throws why no request may be sent any more. */
export async function startTargetArm(options: TargetArmOptions): Promise<TargetArm> {
  const { label, endpoints, connections, timeoutMs, pace, cpu, died, deadline } = options
  died.throwIfAborted()
  deadline.start()
  const pools = createPools(
    (count) => openTargetConnections(endpoints, { label, connections: count, timeoutMs, pace }),
    connections,
  )
  const counter = await startCounter(label, cpu)
  const scene: Scene = { ...options, pools, counter }
  const churn = once(() => createTargetChurn(endpoints, pace))
  const isTls = endpoints.some(({ tls }) => tls !== null)
  return {
    id: label,
    connections,
    died: AbortSignal.any([died, deadline.signal]),
    pin: () => undefined,
    slice: (request) => measureSlice(scene, request),
    churn: async (request) =>
      measureTargetChurn(
        { label, isTls, client: await churn().readyFor(request.policy), pools, connections, cpu },
        request,
      ),
    // Not one request more than was asked for.
    settle: () => Promise.resolve(),
    capacityPerSecond: () => capacityOf(scene),
    window: (request, signal) => measureWindow(scene, request, signal),
    async [Symbol.asyncDispose]() {
      pools.close()
      const counted = await counter.finish()
      if (counted !== null) options.onCounted(counted)
    },
  }
}

async function measureSlice(
  { pools, counter, cpu, endpoints }: Scene,
  { load, connections, requests }: SliceRequest,
): Promise<SliceReading> {
  const pool = await pools.of(connections)
  const sense = await senseTarget(cpu)
  const { opened, ...reading } = await counter.counting(pool.run(requests))
  return {
    ...reading,
    load,
    connections,
    latencyP50Us: medianUs(reading.latenciesUs),
    ...(await sense()),
    // Those that the target made necessary: the pool's own were open before.
    handshakesFull: endpoints.some(({ tls }) => tls !== null) ? opened : 0,
    handshakesResumed: 0,
  }
}

async function capacityOf({
  pools,
  counter,
  connections,
  maxRatePerSecond: most,
}: Scene): Promise<number> {
  const pool = await pools.of(connections)
  const { requests, wallUs } = await counter.counting(pool.run(capacityRequests))
  const perSecond = (requests * usPerSecond) / wallUs
  // A curve goes past what was found, and must not go past the cap.
  return most === null ? perSecond : Math.min(perSecond, most / highestShare)
}

async function measureWindow(
  { label, endpoints, cpu, offerWindow }: Scene,
  request: WindowRequest,
  signal: AbortSignal,
): Promise<WindowReading> {
  const readCpuUs = () =>
    cpu === null || isTooCoarse(cpu, request.durationMs) ? Promise.resolve(null) : cpu.readUs()
  try {
    const window = await measureTargetWindow(endpoints, request, signal, {
      readCpuUs,
      ...(offerWindow === undefined ? {} : { offerWindow }),
    })
    assertWhole(window)
    return window
  } catch (error) {
    signal.throwIfAborted()
    // Others say themselves who they are.
    if (offerWindow !== undefined && error instanceof BenchError) throw error
    const why = error instanceof BenchError ? error.message : describeFault(error)
    throw new BenchError('measurement-failed', `${label}: ${why}`, { cause: error })
  }
}

/**
 * A request that fails is answered sooner than one that is served: where more than a few do, percentiles would
 * be of failures. Timeouts are no such thing, they count as their own length. Throws `measurement-failed`.
 */
function assertWhole({ plan, requests, errors }: WindowReading): void {
  const reasons = Object.entries(errors)
  const failed = reasons.reduce((sum, [, count]) => sum + count, 0)
  if (failed <= requests * toleratedShare) return
  const told = reasons.map(([why, count]) => `${count} × ${describeFault(new Error(why))}`)
  throw new BenchError(
    'measurement-failed',
    `${failed} of ${requests} requests failed at ${plan.ratePerSecond} requests/s: ${told.join('; ')}`,
  )
}

/** Calls it when first asked for, and never again. */
function once<T>(create: () => T): () => T {
  let made: { readonly value: T } | null = null
  return () => (made ??= { value: create() }).value
}

const usPerSecond = 1e6
const capacityRequests = 400
/** The highest share of its capacity at which a curve offers load. */
const highestShare = 1.2
/** Few failures move a p99 by little, and are told beside it. */
const toleratedShare = 0.01
