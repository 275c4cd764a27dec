import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { readEnvironment } from '../bench/environment.ts'
import { BenchError, exitCodeOf } from '../bench/errors.ts'
import { createLab, type Lab } from '../bench/lab.ts'
import { fetchToken } from '../bench/lab-tokens.ts'
import type { LoadTarget } from '../bench/load/target.ts'
import { acquireLock } from '../bench/lock.ts'
import { sliceOrder } from '../bench/slice-order.ts'
import { pinClient, pinProcess, type Pinning } from '../bench/pinning.ts'
import { clientTlsOptions } from '../bench/preflight/client.ts'
import { createServerStarter, type ServerProcess, type StartServer } from '../bench/processes.ts'
import { createRandom, type Random } from '../bench/random.ts'
import { expand } from '../bench/cases.ts'
import type { Case } from '../bench/scenario.ts'
import { findScenario, loadScenarios } from '../bench/scenarios.ts'
import { resources } from '../servers/config.ts'
import { startNodeClient, startWrk, wrkVersion, type ClientArm } from './driver-benchmark/arms.ts'
import {
  armTable,
  claim,
  claimTable,
  clientCpu,
  latencyP50,
  ratio,
  serverCpu,
  type ArmName,
  type Claim,
  type PlacedSlice,
  type SliceBlock,
} from './driver-benchmark/report.ts'

// What does our load generator cost beside the common ones, and does it see what they see?
//   node scripts/driver-benchmark.ts [--blocks 12] [--out file.json]

/** One of the two experiments: a server, and the loads that take turns on it. */
interface Experiment {
  readonly scenario: string
  readonly settings: Readonly<Record<string, readonly string[]>>
  readonly arms: readonly ArmName[]
  /** Slices of each arm in a block; even, since they come as ABBA. */
  readonly slices: number
  readonly sliceRequests: number
  /** Before the first slice, for each arm. */
  readonly warmupRequests: number
}

/**
 * What a request costs the client: against the cheapest HTTPS server, so that as little of the time
 * as possible is spent waiting. Below 30,000 requests the clients' own code is still being compiled.
 */
const costs: Experiment = {
  scenario: 'reference',
  settings: {},
  arms: ['ours', 'autocannon', 'undici', 'wrk'],
  slices: 8,
  sliceRequests: 3_000,
  warmupRequests: 30_000,
}

/**
 * Whether two clients see the same: against a server that is the limit for both. Before a faster
 * server closed loops differ by design, since each request waits for its own client too.
 */
const agreement: Experiment = {
  scenario: 'jwt',
  settings: { alg: ['ES256'] },
  arms: ['ours', 'autocannon'],
  slices: 4,
  // autocannon's window opens while the server runs, and up to a tick of its CPU is then counted too much:
  // 4 to 10 ms, which must be little beside a slice.
  sliceRequests: 6_000,
  warmupRequests: 6_000,
}

async function run(): Promise<number> {
  const { values } = parseArgs({
    options: { blocks: { type: 'string', default: '12' }, out: { type: 'string' } },
  })
  const blocks = Number(values.blocks)
  if (!/^\d{1,3}$/.test(values.blocks) || blocks < 1)
    throw new BenchError('usage', `--blocks ${values.blocks}: expected 1 to 999`)
  await using _lock = await acquireLock('driver-benchmark')
  const { pinning } = pinClient()
  if (pinning === null)
    throw new BenchError('unfit', 'clients and server share cores: Linux and two cores are needed')
  const interrupt = new AbortController()
  process.once('SIGINT', () => {
    interrupt.abort(new BenchError('interrupted', 'interrupted'))
  })
  await using start = createServerStarter(interrupt.signal)
  const wrk = wrkVersion()
  const missing = wrk === null ? { wrk: 'wrk is not installed' } : {}
  const random = createRandom(1)
  const task = { pinning, start: start.server, random, signal: interrupt.signal, wrk: wrk !== null }
  const measured: Record<'costs' | 'agreement', SliceBlock[]> = { costs: [], agreement: [] }
  for (let block = 1; block <= blocks; block++) {
    measured.costs.push(await measureBlock(costs, task))
    measured.agreement.push(await measureBlock(agreement, task))
    process.stderr.write(`block ${block} of ${blocks}\n`)
  }
  const claims = claimsOf(measured)
  process.stdout.write(
    [
      `${costs.scenario}: ${connections} connections, ${intervalText(claims[0])}`,
      '',
      ...armTable(measured.costs, costs.arms, missing),
      '',
      `${agreement.scenario} ES256: a server that is the limit for both`,
      '',
      ...armTable(measured.agreement, agreement.arms, {}),
      '',
      ...claimTable(claims),
      '',
    ].join('\n'),
  )
  const environment = readEnvironment(join(import.meta.dirname, '..'), pinning)
  if (values.out !== undefined)
    writeFileSync(
      values.out,
      `${JSON.stringify({ schema: 1, wrk, environment, connections, claims, measured })}\n`,
    )
  return claims.some(({ holds }) => holds === false) ? 1 : 0
}

function claimsOf({ costs, agreement }: Record<'costs' | 'agreement', SliceBlock[]>): Claim[] {
  const overAutocannon = { of: 'ours', over: 'autocannon' } as const
  const agree = { atLeast: 0.97, atMost: 1.03 }
  return [
    claim('client CPU, ours ÷ autocannon', ratio(costs, overAutocannon, clientCpu), {
      atMost: 0.85,
    }),
    claim('client CPU, ours ÷ wrk', ratio(costs, { of: 'ours', over: 'wrk' }, clientCpu), {
      atMost: 1.5,
    }),
    claim('server CPU agrees', ratio(agreement, overAutocannon, serverCpu), agree),
    claim('p50 agrees', ratio(agreement, overAutocannon, latencyP50), agree),
  ]
}

/** The level that so many blocks reach, never the one that was wished for. */
function intervalText(first: Claim | undefined): string {
  const { blocks, level } = first?.ratio ?? { blocks: 0, level: null }
  if (level === null) return `${blocks} block: no interval`
  return `${blocks} blocks, intervals of ${(Math.floor(level * 1_000) / 10).toFixed(1)} %`
}

interface Task {
  readonly pinning: Pinning
  readonly start: StartServer
  readonly random: Random
  readonly signal: AbortSignal
  readonly wrk: boolean
}

/** Fresh processes for everything, warm-up, then interleaved slices. */
async function measureBlock(experiment: Experiment, task: Task): Promise<SliceBlock> {
  await using stack = new AsyncDisposableStack()
  const { server, target } = await startTarget(experiment, task, stack)
  const options = { target, connections, server, clientCpus: task.pinning.clientCpus }
  const names = experiment.arms.filter((name) => name !== 'wrk' || task.wrk)
  const arms = new Map<ArmName, ClientArm>()
  for (const name of names) {
    const arm = name === 'wrk' ? startWrk(options, wrkSliceMs) : startNodeClient(name, options)
    arms.set(name, stack.use(await arm))
    await arms.get(name)?.slice(experiment.warmupRequests)
  }
  const groups = names.map((name) => ({ ids: [name], repeats: 1 }))
  const slices: PlacedSlice[] = []
  for (const id of sliceOrder(groups, experiment.slices, task.random)) {
    task.signal.throwIfAborted()
    for (const [arm, load] of arms) {
      if (arm !== id) continue
      const reading = await load.slice(experiment.sliceRequests)
      slices.push({ arm, position: slices.length, ...reading })
    }
  }
  return slices
}

async function startTarget(
  { scenario, settings }: Experiment,
  { pinning, start }: Task,
  stack: AsyncDisposableStack,
): Promise<{ server: ServerProcess; target: LoadTarget }> {
  const found = findScenario(scenario, await loadScenarios(join(import.meta.dirname, '..')))
  const [trial] = expand(found, settings)
  if (trial === undefined) throw new BenchError('usage', `${scenario}: no case`)
  const lab = stack.use(await createLab({ parameters: trial.parameters }))
  const launch = async (program: string, config: Parameters<Lab['writeConfig']>[1]) => {
    const configFile = await lab.writeConfig(program, config)
    const started = stack.use(await start({ program, configFile, cpus: pinning.serverCpus }))
    pinProcess(started.pid, pinning.serverCpus)
    return started
  }
  const { token } = trial.scenario.credentials(trial.parameters)
  const issuer = token === 'none' ? null : await launch('authorization', lab.authorizationConfig())
  const issuerUrl = issuer === null ? null : `https://127.0.0.1:${issuer.port}`
  const server = await launch(found.server, lab.serverConfig(trial, issuerUrl))
  const bearer =
    token === 'none' || issuerUrl === null
      ? {}
      : { authorization: `Bearer ${await tokenOf(lab, issuerUrl, resources[token])}` }
  return { server, target: targetOf(lab, server, trial, bearer) }
}

function tokenOf(lab: Lab, issuerUrl: string, resource: string): Promise<string> {
  return fetchToken(lab, issuerUrl, { resource, client: 'acme-billing' })
}

function targetOf(
  lab: Lab,
  { port }: ServerProcess,
  trial: Case,
  bearer: Record<string, string>,
): LoadTarget {
  const { certificate } = trial.scenario.credentials(trial.parameters)
  return {
    host: '127.0.0.1',
    port,
    tls: clientTlsOptions(lab, certificate ? lab.good : null),
    path: '/v1/orgs/acme/payments/pay_1001',
    headers: { accept: 'application/json', ...bearer },
    expect: { status: 200, body },
  }
}

const connections = 8
// About as long as the other slices take.
const wrkSliceMs = 100
const body = Buffer.from(
  '{"id":"pay_1001","org_id":"acme","amount":"129.95","currency":"EUR","state":"settled"}',
)

if (import.meta.main) {
  process.exitCode = await run().catch((error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
    return exitCodeOf(error)
  })
}
