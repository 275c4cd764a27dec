import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import { demandOfLog, readAccessLogs, type LogFigures } from '../demand/access-log.ts'
import { mergeDemands, resolveDemand } from '../demand/resolve.ts'
import { parseDemand, type Demand, type DemandInput } from '../demand.ts'
import { BenchError } from '../errors.ts'
import { parseSettings } from '../cases.ts'
import type { Scenario } from '../scenario.ts'
import { findScenario } from '../scenarios.ts'
import { collect } from './io.ts'
import { dashed } from './plan-options.ts'

/** Options of `size` that say what a gateway must carry. */
export interface DemandOptions {
  readonly demand?: string
  readonly log: readonly string[]
  readonly logFormat?: string
  readonly scenario?: string
  readonly mix?: string
  readonly set: readonly string[]
  readonly rate?: string
  readonly meanRate?: string
  readonly burst?: string
  readonly requestsPerConnection?: string
  readonly newConnections?: string
  readonly resumed?: string
  readonly connections?: string
  readonly clients?: string
  readonly tokenLifetime?: string
  readonly hitRatio?: string
  readonly issuerLatency?: string
  readonly p99?: string
  readonly errors?: string
  readonly timeout?: string
  readonly headroom?: string
  readonly spare?: string
  readonly coresPerInstance?: string
  readonly memoryPerInstance?: string
  readonly connectionsPerInstance?: string
  readonly instances?: string
  readonly issuerCores?: string
  readonly price?: string
  readonly scaling?: string
  readonly cpuFactor?: string
  readonly balancing?: string
}

/** Adds the options that say what a gateway must carry. */
export function addDemandOptions(command: Command): Command {
  return command
    .option('--demand <file>', 'a demand as JSON, by the schema of --schema; options say more')
    .option(
      '--log <file>',
      'an access log, also compressed by gzip; several in their order',
      collect,
      [],
    )
    .option(
      '--log-format <format>',
      'auto, combined, haproxy, or the text of an nginx log_format (default: auto)',
    )
    .option('--scenario <name>', 'what every request brings, as combined')
    .option('--mix <name=share,…>', 'what requests bring, as jwt=0.7,mtls=0.3')
    .option('--set <name=value>', 'a parameter of the scenarios, as alg=RS256', collect, [])
    .option('--rate <number>', 'requests per second at peak')
    .option('--mean-rate <number>', 'requests per second on average')
    .option('--burst <factor>', 'rate of bursts over the peak (default: 1)')
    .option('--requests-per-connection <number>', 'default: connections stay')
    .option('--new-connections <number>', 'new connections per second at peak, instead')
    .option('--resumed <share>', 'of new connections, those that resume a session (default: 0)')
    .option('--connections <number>', 'connections open at a time (default: one a client)')
    .option('--clients <number>', 'clients, of which each fetches a token once a lifetime')
    .option('--token-lifetime <time>', 'as 5m')
    .option('--hit-ratio <share>', 'of tokens, those that a cache answers for (default: no cache)')
    .option('--issuer-latency <time>', 'of an introspection, beyond what it takes on loopback')
    .option('--p99 <time>', 'objective: 99 % of requests take at most this, as 25ms')
    .option('--errors <share>', 'objective: at most so many requests time out, as 0.1%')
    .option('--timeout <time>', 'after this a request has failed (default: 10s)')
    .option('--headroom <share>', 'CPU that peaks leave free (default: 30%)')
    .option('--spare <number>', 'instances that may be lost at peak: 1, or N+1 (default: 0)')
    .option('--cores-per-instance <number>', 'default: 1')
    .option('--memory-per-instance <amount>', 'as 16GiB')
    .option('--connections-per-instance <number>', 'the most that one instance may have open')
    .option('--instances <number>', 'a fleet that is given, instead of the smallest that will do')
    .option('--issuer-cores <number>', 'cores that the authorization server has')
    .option('--price <number>', 'of an instance and hour')
    .option(
      '--scaling <share>',
      'what the processes of an instance do over as many times one: ASSUMED',
    )
    .option(
      '--cpu-factor <number>',
      'CPU time there over that of the runs: ASSUMED, for another CPU',
    )
    .option(
      '--balancing <connection|least-loaded>',
      'how requests find a process (default: connection)',
    )
}

/** A demand, and the log that it may be from. */
export interface ReadDemand {
  readonly demand: Demand
  readonly log: LogFigures | null
}

/** The demand of a command line: an access log says least, then a file, then options. Throws usage errors. */
export async function readDemand(
  options: DemandOptions,
  { all, signal }: { readonly all: readonly Scenario[]; readonly signal: AbortSignal },
): Promise<ReadDemand> {
  if (options.logFormat !== undefined && options.log.length === 0)
    throw new BenchError('usage', `--log-format ${options.logFormat}: needs --log`)
  const given = demandOfOptions(options, all)
  const file = options.demand === undefined ? {} : readDemandFile(options.demand)
  const { logFormat: format } = options
  const log =
    options.log.length === 0
      ? null
      : await readAccessLogs(options.log, { ...(format === undefined ? {} : { format }), signal })
  const layers = [log === null ? {} : demandOfLog(log), file, given]
  return { demand: resolveDemand(mergeDemands(layers)), log }
}

/** The first option that says something of a demand, as it is typed; null without. */
export function demandWordOf(options: DemandOptions): string | null {
  const named = (['demand', 'scenario', 'mix', 'logFormat', ...demandNames] as const).find(
    (name) => options[name] !== undefined,
  )
  if (named !== undefined) return `--${dashed(named)} ${options[named] ?? ''}`
  const listed = (['log', 'set'] as const).find((name) => options[name].length > 0)
  return listed === undefined ? null : `--${listed} ${options[listed].join(' ')}`
}

function readDemandFile(file: string): DemandInput {
  try {
    return parseDemand(JSON.parse(readFileSync(file, 'utf8')), file)
  } catch (error) {
    if (error instanceof BenchError) throw error
    const why = error instanceof Error ? error.message : String(error)
    throw new BenchError('usage', `--demand ${file}: cannot be read as JSON: ${why}`, {
      cause: error,
    })
  }
}

function demandOfOptions(options: DemandOptions, all: readonly Scenario[]): DemandInput {
  const mechanisms = mechanismsOf(options, all)
  const given = demandNames.flatMap((name) => {
    const value = options[name]
    return value === undefined ? [] : [[name, value] as const]
  })
  return parseDemand(
    { ...(mechanisms === null ? {} : { mechanisms }), ...Object.fromEntries(given) },
    'options',
  )
}

/** Each mechanism gets what it has a parameter for; what none has is refused. */
function mechanismsOf(
  { scenario, mix, set }: DemandOptions,
  all: readonly Scenario[],
): DemandInput['mechanisms'] | null {
  if (scenario !== undefined && mix !== undefined)
    throw new BenchError('usage', `--scenario ${scenario} and --mix ${mix}: give one of them`)
  const named =
    scenario === undefined ? (mix === undefined ? null : sharesOf(mix)) : [[scenario, '1'] as const]
  if (named === null) {
    if (set.length === 0) return null
    throw new BenchError('usage', `--set ${set.join(' ')}: needs --scenario or --mix`)
  }
  const scenarios = named.map(([name]) => findScenario(name, all))
  const settings = Object.entries(parseSettings(set, scenarios)).map(([name, values]) => {
    const [value, ...others] = values
    if (value !== undefined && others.length === 0) return [name, value] as const
    throw new BenchError('usage', `--set ${name}=${values.join(',')}: a demand has one value`)
  })
  return named.map(([name, share], index) => ({
    scenario: name,
    share,
    parameters: Object.fromEntries(
      settings.filter(([key]) => scenarios[index]?.parameters[key] !== undefined),
    ),
  }))
}

function sharesOf(mix: string): (readonly [name: string, share: string])[] {
  return mix.split(',').map((part) => {
    const [, name, share] = /^([a-z][a-z0-9-]*)=(\d+(?:\.\d+)?%?)$/.exec(part) ?? []
    if (name !== undefined && share !== undefined) return [name, share]
    throw new BenchError('usage', `--mix ${mix}: expected names with shares, as jwt=0.7,mtls=0.3`)
  })
}

const demandNames = [
  ...(['rate', 'meanRate', 'burst', 'requestsPerConnection', 'newConnections'] as const),
  ...(['resumed', 'connections', 'clients', 'tokenLifetime', 'hitRatio'] as const),
  ...(['issuerLatency', 'p99', 'errors', 'timeout', 'headroom', 'spare'] as const),
  ...(['coresPerInstance', 'memoryPerInstance', 'connectionsPerInstance'] as const),
  ...(['instances', 'issuerCores', 'price', 'scaling', 'cpuFactor', 'balancing'] as const),
] as const
