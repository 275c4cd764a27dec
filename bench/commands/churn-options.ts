import type { Command } from 'commander'
import { BenchError } from '../errors.ts'
import type { ConnectionPolicy } from '../load/churn.ts'
import type { ChurnPlan, ConnectionUse } from '../measure-churn.ts'
import type { Plan } from '../measure.ts'
import type { Mode } from '../results.ts'
import type { Scenario } from '../scenario.ts'

/** Options of `bench --load churn`. */
export interface ChurnCommandOptions {
  readonly policy?: string
  readonly requestsPerConnection?: string
  readonly storm?: string
}

/** Adds the options that say how connections are used. */
export function addChurnOptions(command: Command): Command {
  return command
    .option(
      '--policy <full|resumed|keep-alive>',
      'churn: TLS sessions that clients offer; several by comma (default: full)',
    )
    .option(
      '--requests-per-connection <number,…>',
      `churn: requests on each connection, inf where it stays (default: ${defaultRequests})`,
    )
    .option(
      '--storm <clients,…>',
      'churn: so many clients connect at once, and how long until all are served',
    )
}

/** How connections are used, and how often that is measured; throws usage errors. */
export function churnPlanOf(
  options: ChurnCommandOptions,
  {
    mode,
    plan,
    scenarios,
    hasBudget,
  }: {
    readonly mode: Mode
    readonly plan: Plan
    readonly scenarios: readonly Pick<Scenario, 'name' | 'tls'>[]
    readonly hasBudget: boolean
  },
): ChurnPlan {
  const policies = listOf(options.policy ?? 'full').map(parsePolicy)
  const plain = scenarios.find(({ tls }) => !tls)
  if (policies.includes('resumed') && plain !== undefined) {
    throw new BenchError(
      'usage',
      `--policy resumed: ${plain.name} speaks no TLS, so it has no session to resume; leave it out`,
    )
  }
  return {
    seed: plan.seed,
    minBlocks: plan.minBlocks,
    maxBlocks: plan.maxBlocks === plan.minBlocks ? plan.maxBlocks : mostBlocks,
    // A block of four cases and six uses takes a quarter of a minute: the mode's own budget would hold few.
    budgetMs: hasBudget || plan.budgetMs === null ? plan.budgetMs : plan.budgetMs * budgetFactor,
    warmupRequests: plan.warmupRequests,
    slowRequestUs: plan.slowRequestUs,
    slowWarmupCpuMs: plan.slowWarmupCpuMs,
    maxSliceRequests: plan.maxSliceRequests,
    uses: usesOf(policies, options),
    ...(mode === 'smoke' ? smoke : measured),
  }
}

/** The same options as arguments, for the `command` of a run. */
export function churnArguments(options: ChurnCommandOptions): string[] {
  const { policy, requestsPerConnection, storm } = options
  return [
    ...(policy === undefined ? [] : ['--policy', policy]),
    ...(requestsPerConnection === undefined
      ? []
      : ['--requests-per-connection', requestsPerConnection]),
    ...(storm === undefined ? [] : ['--storm', storm]),
  ]
}

function usesOf(
  policies: readonly ConnectionPolicy[],
  { requestsPerConnection: requests, storm }: ChurnCommandOptions,
): ConnectionUse[] {
  const anew = policies.filter((policy) => policy !== 'keep-alive')
  if (anew.length === 0 && requests !== undefined && requests !== 'inf') {
    throw new BenchError(
      'usage',
      `--requests-per-connection ${requests}: --policy keep-alive opens no new connection, leave it out`,
    )
  }
  if (anew.length === 0 && storm !== undefined) {
    throw new BenchError(
      'usage',
      `--storm ${storm}: --policy keep-alive opens no new connection, give full or resumed`,
    )
  }
  // A storm is told beside connections that stay, from which its connections' cost is taken.
  const counts = listOf(requests ?? (storm === undefined ? defaultRequests : 'inf')).map(
    parseRequests,
  )
  const uses = counts.flatMap((each) =>
    each === null
      ? []
      : anew.map((policy): ConnectionUse => ({ policy, requestsPerConnection: each })),
  )
  const storms = (storm === undefined ? [] : listOf(storm)).flatMap((text) => {
    const clients = parseClients(text)
    return anew.map((policy): ConnectionUse => ({ policy, requestsPerConnection: 1, clients }))
  })
  const stays: ConnectionUse = { policy: 'keep-alive', requestsPerConnection: null }
  const stay = policies.includes('keep-alive') || counts.includes(null) ? [stays] : []
  return [...uses, ...storms, ...stay]
}

function listOf(text: string): string[] {
  return [...new Set(text.split(','))]
}

function parsePolicy(text: string): ConnectionPolicy {
  if (text === 'full' || text === 'resumed' || text === 'keep-alive') return text
  throw new BenchError('usage', `--policy ${text}: expected full, resumed or keep-alive`)
}

function parseRequests(text: string): number | null {
  if (text === 'inf') return null
  if (/^[1-9]\d{0,3}$/.test(text)) return Number(text)
  throw new BenchError(
    'usage',
    `--requests-per-connection ${text}: expected numbers from 1 to 9999, or inf, as ${defaultRequests}`,
  )
}

function parseClients(text: string): number {
  const clients = Number(text)
  if (/^[1-9]\d{0,4}$/.test(text) && clients >= 2 && clients <= mostClients) return clients
  throw new BenchError(
    'usage',
    `--storm ${text}: expected numbers of clients from 2 to ${mostClients}, as 10,100,1000`,
  )
}

const defaultRequests = '1,2,5,10,100,inf'
const measured = {
  slices: 4,
  sliceRequests: 400,
  minConnections: 8,
  maxConnections: 40,
  warmupConnections: 100,
} as const
const smoke = {
  slices: 2,
  sliceRequests: 8,
  minConnections: 2,
  maxConnections: 4,
  warmupConnections: 4,
} as const
/** Beyond this a storm from one address runs out of ports and file descriptors before it hurts the server. */
const mostClients = 10_000
/** `full` goes on to precision in closed loops; here each block is four times as long. */
const mostBlocks = 24
const budgetFactor = 3
