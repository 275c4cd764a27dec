import type { Block, Slice } from '../results.ts'

/** What disturbed one block, as shares of the time in which its requests ran; null = not told by the platform. */
export interface BlockNoise {
  /** From 0. */
  readonly block: number
  /** Of a core, taken by the hypervisor. */
  readonly steal: number | null
  /** Of the servers' threads, runnable without a core. */
  readonly runQueue: number | null
  /** Of a core, used by programs outside the run; from 10 ms ticks, so it may fall below zero. */
  readonly foreignCpu: number | null
  /** Of the client's event loop: near 1 it is the limit. */
  readonly clientEventLoop: number
}

/** Noise of every block in which a request was measured, whatever the load. */
export function noiseOf(blocks: readonly Block[]): BlockNoise[] {
  return blocks.flatMap((block) => {
    const readings = readingsOf(block)
    const wallUs = total(readings, (reading) => reading.wallUs)
    if (wallUs === 0) return []
    return [
      {
        block: block.index,
        steal: share(readings, ({ stealUs }) => stealUs),
        runQueue: share(readings, ({ runQueueUs }) => runQueueUs),
        foreignCpu: share(readings, ({ foreignCpuUs }) => foreignCpuUs),
        clientEventLoop:
          total(readings, (reading) => reading.clientEventLoopUtilization * reading.wallUs) /
          wallUs,
      },
    ]
  })
}

/** What slices and windows have in common. */
type Sensed = Pick<
  Slice,
  'wallUs' | 'stealUs' | 'runQueueUs' | 'foreignCpuUs' | 'clientEventLoopUtilization'
>

function readingsOf({ slices, windows = [], churn = [] }: Block): Sensed[] {
  return [...slices, ...windows, ...churn.flatMap((cell) => cell.slices)]
}

/** Of the readings in which it is known. */
function share(
  readings: readonly Sensed[],
  valueOf: (reading: Sensed) => number | null,
): number | null {
  const known = readings.filter((reading) => valueOf(reading) !== null)
  const wallUs = total(known, (reading) => reading.wallUs)
  return wallUs === 0 ? null : total(known, (reading) => valueOf(reading) ?? 0) / wallUs
}

function total(readings: readonly Sensed[], valueOf: (reading: Sensed) => number): number {
  return readings.reduce((sum, reading) => sum + valueOf(reading), 0)
}
