import { BenchError } from '../errors.ts'

/** How much load a host of somebody else is sent at most. */
export interface Cap {
  readonly ratePerSecond: number
  readonly durationMs: number
  readonly connections: number
}

/** What a run is about to send. */
export interface Wanted {
  /** The highest of all rates; null where the load has none, and is paced. */
  readonly ratePerSecond: number | null
  /** Of all load together; null where it is not known, and is cut off. */
  readonly durationMs: number | null
  readonly connections: number
}

/**
 * What is sent to another host unless more is asked for: enough for a p99 in seconds, and little enough
 * that a mistyped URL is no attack.
 */
export const defaultCap: Cap = { ratePerSecond: 1_000, durationMs: 60_000, connections: 64 }

/** Refuses what is beyond the cap, with the option that raises it. Throws usage errors. */
export function assertWithin(cap: Cap, wanted: Wanted, host: string): void {
  const { ratePerSecond: rate, durationMs, connections } = wanted
  if (rate !== null && rate > cap.ratePerSecond) {
    throw new BenchError(
      'usage',
      `${count(rate)} requests/s to ${host}: at most ${count(cap.ratePerSecond)} are sent to a target, --max-rate ${rate} raises that if it may take them`,
    )
  }
  if (durationMs !== null && durationMs > cap.durationMs) {
    const seconds = Math.ceil(durationMs / msPerSecond)
    throw new BenchError(
      'usage',
      `${seconds} s of load to ${host}: at most ${Math.floor(cap.durationMs / msPerSecond)} s are sent to a target, --max-duration ${seconds}s raises that`,
    )
  }
  if (connections > cap.connections) {
    throw new BenchError(
      'usage',
      `${count(connections)} connections to ${host}: at most ${count(cap.connections)} are opened to a target, --max-connections ${connections} raises that`,
    )
  }
}

/** Aborts so long after `start()` is first called: what a plan did not foresee ends here. */
export interface Deadline extends Disposable {
  start(): void
  readonly signal: AbortSignal
}

/** A deadline that has not begun; null = none. */
export function createDeadline(cap: Cap | null): Deadline {
  const passed = new AbortController()
  let timer: NodeJS.Timeout | undefined
  return {
    signal: passed.signal,
    start() {
      if (cap === null) return
      timer ??= setTimeout(() => {
        passed.abort(
          new BenchError(
            'measurement-failed',
            `${cap.durationMs / msPerSecond} s of load are over, which is all that is sent to a target; --max-duration raises that`,
          ),
        )
      }, cap.durationMs)
    },
    [Symbol.dispose]() {
      clearTimeout(timer)
    },
  }
}

function count(value: number): string {
  return value.toLocaleString('en')
}

const msPerSecond = 1_000
