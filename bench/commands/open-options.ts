import type { Command } from 'commander'
import { BenchError } from '../errors.ts'
import type { Arrivals } from '../load/schedule.ts'
import type { OpenMeasurePlan } from '../measure-open.ts'
import type { Mode } from '../results.ts'
import { dashed, durationMs, type PlanOptions } from './plan-options.ts'

/** Options of `bench --load open`. */
export interface OpenCommandOptions {
  readonly rate?: string
  readonly arrivals?: string
  readonly duration?: string
  readonly blocks?: string
  readonly connections?: string
  readonly maxConnections?: string
  readonly timeout?: string
  readonly generators?: string
}

/** Adds the options that say what is offered. */
export function addOpenOptions(command: Command): Command {
  return command
    .option('--rate <number>', 'open: requests per second')
    .option('--arrivals <poisson|constant>', 'open: how they are spread (default: poisson)')
    .option(
      '--duration <time>',
      'open: length of a window, as 30s or 2m (default: 10s; of a curve: 4s)',
    )
    .option(
      '--blocks <number>',
      'open: windows of each case, with fresh processes (default: 1; of a curve: 4 at each rate)',
    )
    .option(
      '--connections <number>',
      'open, targets: connections to begin with, of all generators or seats together (default: 8, and of open loops as many as there may be)',
    )
    .option(
      '--max-connections <number>',
      'open, targets: no more than so many, of all together (default: 64)',
    )
    .option('--timeout <time>', 'open, targets: after this a request is given up (default: 10s)')
    .option(
      '--generators <number>',
      'open: processes that offer the schedule together (default: 1, this one)',
    )
}

/** What is offered, and how often; throws usage errors. */
export function openPlanOf(
  options: OpenCommandOptions & PlanOptions,
  { mode, seed }: { readonly mode: Mode; readonly seed: number },
): OpenMeasurePlan {
  const { rate, arrivals = 'poisson' } = options
  for (const name of closedOnly) {
    if (options[name] !== undefined)
      throw new BenchError('usage', `--${name} is for closed loops: give --duration and --blocks`)
  }
  if (rate === undefined)
    throw new BenchError('usage', '--load open: give --rate, requests per second')
  const ratePerSecond = Number(rate)
  if (!/^\d+(\.\d+)?$/.test(rate) || ratePerSecond < 0.1 || ratePerSecond > 1e6)
    throw new BenchError('usage', `--rate ${rate}: expected 0.1 to 1000000 requests per second`)
  if (!isArrivals(arrivals))
    throw new BenchError('usage', `--arrivals ${arrivals}: expected poisson or constant`)
  // A pool that grows while it is measured offers handshakes too, each the work of many requests: p99 of jwt at
  // half of capacity was 40 to 100 ms so, and 2 to 5 ms with connections that were there before.
  const { maxConnections: most = '64', connections: first = most } = options
  const { connections, maxConnections, timeoutMs } = connectionLimits({
    ...options,
    connections: first,
    maxConnections: most,
  })
  const generators = whole('--generators', options.generators ?? '1', 64)
  if (generators > connections) {
    throw new BenchError(
      'usage',
      `--generators ${generators}: each needs a connection, and --connections is ${connections}`,
    )
  }
  const blocks = whole('--blocks', options.blocks ?? '1', 1_000)
  const wantedMs = durationMs('--duration', options.duration ?? '10s')
  return {
    blocks: mode === 'smoke' ? 1 : blocks,
    request: {
      ratePerSecond,
      arrivals,
      durationMs: mode === 'smoke' ? smokeMs : wantedMs,
      seed,
      connections,
      maxConnections,
      timeoutMs,
      ...(generators === 1 ? {} : { generators }),
    },
  }
}

/** Connections and patience, of open loops and of targets; throws usage errors. */
export function connectionLimits(options: OpenCommandOptions): {
  readonly connections: number
  readonly maxConnections: number
  readonly timeoutMs: number
} {
  const maxConnections = whole('--max-connections', options.maxConnections ?? '64', 100_000)
  const usual = String(Math.min(usualConnections, maxConnections))
  const connections = whole('--connections', options.connections ?? usual, 100_000)
  if (maxConnections < connections) {
    throw new BenchError(
      'usage',
      `--max-connections ${maxConnections}: fewer than --connections ${connections}`,
    )
  }
  const timeoutMs = durationMs('--timeout', options.timeout ?? '10s')
  return { connections, maxConnections, timeoutMs }
}

/** The same options as arguments, for the `command` of a run. */
export function openArguments(options: OpenCommandOptions): string[] {
  return openOnly.flatMap((name) => {
    const value = options[name]
    return value === undefined ? [] : [`--${dashed(name)}`, value]
  })
}

function isArrivals(text: string): text is Arrivals {
  return text === 'poisson' || text === 'constant'
}

function whole(option: string, text: string, most: number): number {
  const value = Number(text)
  if (/^\d{1,7}$/.test(text) && value >= 1 && value <= most) return value
  throw new BenchError('usage', `${option} ${text}: expected a whole number from 1 to ${most}`)
}

const smokeMs = 200
const usualConnections = 8
const closedOnly = ['quick', 'full', 'precision', 'budget'] as const
/** Options that only an open loop takes. */
export const openOnly = [
  'rate',
  'arrivals',
  'duration',
  'blocks',
  'connections',
  'maxConnections',
  'timeout',
  'generators',
] as const
