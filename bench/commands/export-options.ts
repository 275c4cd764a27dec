import type { Command } from 'commander'
import { shareOf, timeUsOf, wholeOf } from '../demand/quantities.ts'
import { BenchError } from '../errors.ts'
import { requestTimeoutSeconds, type K6Issuer, type K6Load } from '../export/k6-plan.ts'
import { isLoopback, parseWebUrl, storableUrl } from '../targets/url.ts'
import { durationMs } from './plan-options.ts'

/** Options of `export` that say what a script does. */
export interface ScriptOptions {
  readonly target?: string
  readonly rate: string
  readonly duration: string
  readonly slo: string
  readonly errors: string
  readonly seats: string
  readonly tokenUrl?: string
  readonly clientId?: string
  readonly scope?: string
  readonly resource?: string
}

/** Adds the options that say what a script does. */
export function addScriptOptions(command: Command): Command {
  return command
    .option(
      '--target <url>',
      'what is asked; without a path that of the scenario (default: variable TARGET_URL of the script)',
    )
    .option('--rate <number>', 'requests per second', '100')
    .option('--duration <time>', 'as 30s or 5m', '1m')
    .option('--slo <time>', 'objective: 99 % of requests take at most this', '100ms')
    .option('--errors <share>', 'objective: at most so many fail, or are not sent', '0.1%')
    .option('--seats <number>', 'runners of k6-operator that offer the rate together', '1')
    .option('--token-url <url>', 'token endpoint (default: variable TOKEN_URL of the script)')
    .option(
      '--client-id <id>',
      'whose tokens (default: of the reference server; with --token-url variable CLIENT_ID)',
    )
    .option('--scope <scope>', 'scope of the tokens')
    .option('--resource <uri>', 'resource indicator of the tokens (RFC 8707)')
}

/** The URL of `--target`, null without; throws usage errors. */
export function targetOf({ target }: ScriptOptions): URL | null {
  return target === undefined ? null : parseWebUrl('--target', target)
}

/** What is offered and expected; throws usage errors. */
export function loadOf({ rate, duration, slo, errors, seats }: ScriptOptions): K6Load {
  const sloP99Ms = timeUsOf('--slo', slo) / 1_000
  if (sloP99Ms < leastSloMs || sloP99Ms > requestTimeoutSeconds * 1_000) {
    throw new BenchError(
      'usage',
      `--slo ${slo}: expected ${leastSloMs}ms to ${requestTimeoutSeconds}s, after which a request is given up`,
    )
  }
  return {
    ratePerSecond: wholeOf('--rate', rate, { least: 1, most: 1_000_000 }),
    durationSeconds: durationMs('--duration', duration) / 1_000,
    sloP99Ms,
    errorShare: shareOf('--errors', errors),
    seats: wholeOf('--seats', seats, { least: 1, most: 1_000 }),
  }
}

/** Whose tokens are fetched where; throws usage errors. */
export function issuerOf({ tokenUrl, clientId, scope, resource }: ScriptOptions): K6Issuer {
  return {
    ...(tokenUrl === undefined ? {} : { tokenUrl: parseTokenUrl(tokenUrl) }),
    ...(clientId === undefined ? {} : { clientId }),
    ...(scope === undefined ? {} : { scope }),
    ...(resource === undefined ? {} : { resource }),
  }
}

function parseTokenUrl(text: string): URL {
  const url = parseWebUrl('--token-url', text)
  if (url.protocol === 'https:' || isLoopback(url)) return url
  throw new BenchError(
    'usage',
    `--token-url ${storableUrl(url)}: secrets go over https:// only, but on this machine`,
  )
}

/** Less is no objective that a client over a network could judge. */
const leastSloMs = 0.1
