import type { Command } from 'commander'
import { BenchError } from '../errors.ts'
import type { Arrivals } from '../load/schedule.ts'
import type { OpenMeasurePlan } from '../measure-open.ts'
import type { UserTarget } from '../open-target.ts'
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
  readonly target?: string
  readonly iOwnThisTarget?: true
  readonly expectStatus?: string
}

/** Adds the options that say what is offered. */
export function addOpenOptions(command: Command): Command {
  return command
    .option('--rate <number>', 'open: requests per second')
    .option('--arrivals <poisson|constant>', 'open: how they are spread (default: poisson)')
    .option('--duration <time>', 'open: length of a window, as 30s or 2m (default: 10s)')
    .option('--blocks <number>', 'open: windows of each case, with fresh processes (default: 1)')
    .option('--connections <number>', 'open: connections to begin with (default: 8)')
    .option('--max-connections <number>', 'open: no more than so many (default: 64)')
    .option('--timeout <time>', 'open: after this a request is given up (default: 10s)')
    .option(
      '--generators <number>',
      'open: processes that offer the schedule together (default: 1, this one)',
    )
    .option(
      '--target <url>',
      'open: an http:// server of yours on this machine instead of a scenario',
    )
    .option('--i-own-this-target', 'says that load may be sent to --target')
    .option('--expect-status <number>', 'status that --target answers with (default: 200)')
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
  const connections = whole('--connections', options.connections ?? '8', 10_000)
  const maxConnections = whole('--max-connections', options.maxConnections ?? '64', 100_000)
  if (maxConnections < connections) {
    throw new BenchError(
      'usage',
      `--max-connections ${maxConnections}: fewer than --connections ${connections}`,
    )
  }
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
      timeoutMs: durationMs('--timeout', options.timeout ?? '10s'),
      ...(generators === 1 ? {} : { generators }),
    },
  }
}

/** The target of the options; null without. Refuses anything but plain HTTP on this machine. */
export function targetOf(options: OpenCommandOptions): UserTarget | null {
  const { target, iOwnThisTarget, expectStatus = '200' } = options
  if (target === undefined) {
    if (iOwnThisTarget === true || options.expectStatus !== undefined)
      throw new BenchError('usage', '--i-own-this-target and --expect-status need --target')
    return null
  }
  const url = URL.parse(target)
  // Nothing of it is repeated before it is known to hold no password.
  if (url === null)
    throw new BenchError('usage', '--target: not a URL, expected http://127.0.0.1:PORT/path')
  if (url.username !== '' || url.password !== '')
    throw new BenchError('usage', '--target: a URL with a user or password is not taken')
  const shown = `${url.origin}${url.pathname}`
  if (url.protocol !== 'http:')
    throw new BenchError(
      'usage',
      `--target ${shown}: expected http://, other protocols are not taken yet`,
    )
  if (!isLoopback(url.hostname)) {
    throw new BenchError(
      'usage',
      `--target ${shown}: expected 127.0.0.1, [::1] or localhost, load goes to this machine only`,
    )
  }
  if (iOwnThisTarget !== true) {
    throw new BenchError(
      'usage',
      `--target ${shown}: add --i-own-this-target if you may send load to it`,
    )
  }
  return {
    url: `${shown}${url.search === '' ? '' : '?…'}`,
    endpoint: {
      host: url.hostname.replace(/^\[|\]$/g, ''),
      port: url.port === '' ? 80 : Number(url.port),
      tls: null,
      path: `${url.pathname}${url.search}`,
      headers: { accept: '*/*' },
      expect: { status: whole('--expect-status', expectStatus, 599), body: null },
    },
  }
}

/** The same options as arguments, for the `command` of a run; of a target only what may be stored. */
export function openArguments(options: OpenCommandOptions): string[] {
  const target = targetOf(options)
  return openOnly.flatMap((name) => {
    const value = name === 'target' ? target?.url : options[name]
    if (value === undefined) return []
    return value === true ? [`--${dashed(name)}`] : [`--${dashed(name)}`, value]
  })
}

/** 127.0.0.0/8 (RFC 1122 section 3.2.1.3), ::1 (RFC 4291 section 2.5.3), localhost (RFC 6761 section 6.3). */
function isLoopback(hostname: string): boolean {
  return (
    /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(hostname) ||
    hostname === '[::1]' ||
    hostname === 'localhost'
  )
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
  'target',
  'iOwnThisTarget',
  'expectStatus',
] as const
