import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { DEFAULT_LEVEL } from '../bench/analysis/stats.ts'
import { expand } from '../bench/cases.ts'
import { readEnvironment } from '../bench/environment.ts'
import { BenchError, exitCodeOf } from '../bench/errors.ts'
import { createLab, type Lab } from '../bench/lab.ts'
import { runOpenLoop } from '../bench/load/open.ts'
import { createSchedule } from '../bench/load/schedule.ts'
import { warmGenerator, warmOn } from '../bench/load/warm-up.ts'
import { acquireLock } from '../bench/lock.ts'
import { pinClient, pinProcess, type Pinning } from '../bench/pinning.ts'
import { createServerStarter, type StartServer } from '../bench/processes.ts'
import { createRandom } from '../bench/random.ts'
import { findScenario, loadScenarios } from '../bench/scenarios.ts'
import { createIssuer } from '../bench/targets/issuer.ts'
import { resolveTarget, withToken } from '../bench/targets/target.ts'
import { openTokens } from '../bench/targets/tokens.ts'
import { resources } from '../servers/config.ts'
import {
  dentsOf,
  describeDents,
  hasNoDent,
  type RefreshPair,
  type RefreshWindow,
} from './refresh-benchmark/report.ts'

// Does a request feel that a token is renewed beside it? Pairs of windows of one schedule on a server that
// verifies JWTs: with tokens of 2 s of a real authorization server, and with one that lasts; in random order.
//   node scripts/refresh-benchmark.ts [--pairs 12] [--seconds 15] [--rate 1000] [--smoke] [--out file.json]

/** How much is measured. */
interface Extent {
  readonly pairs: number
  readonly seconds: number
  readonly rate: number
}

async function run(): Promise<number> {
  const { values } = parseArgs({
    options: {
      pairs: { type: 'string', default: '12' },
      seconds: { type: 'string', default: '15' },
      rate: { type: 'string', default: '1000' },
      smoke: { type: 'boolean', default: false },
      out: { type: 'string' },
    },
  })
  const wanted: Extent = {
    pairs: whole('--pairs', values.pairs, [1, 99]),
    seconds: whole('--seconds', values.seconds, [3, 120]),
    rate: whole('--rate', values.rate, [10, 100_000]),
  }
  const extent = values.smoke ? smoke : wanted
  await using _lock = await acquireLock('refresh-benchmark')
  const { pinning } = pinClient()
  const interrupt = new AbortController()
  process.once('SIGINT', () => {
    interrupt.abort(new BenchError('interrupted', 'interrupted'))
  })
  await using start = createServerStarter(interrupt.signal)
  await warmGenerator()
  const random = createRandom(1)
  const pairs: RefreshPair[] = []
  for (let pair = 1; pair <= extent.pairs; pair++) {
    const task = { extent, seed: pair, signal: interrupt.signal }
    await using own = await startOwn(start.server, pinning)
    pairs.push(await measurePair(own, task, random() < 0.5))
    process.stderr.write(`pair ${pair} of ${extent.pairs}\n`)
  }
  const dents = dentsOf(pairs, DEFAULT_LEVEL)
  const told = [
    ...(values.smoke ? ['SMOKE RUN: no figure here is a measurement.'] : []),
    `${extent.rate} requests/s for ${extent.seconds} s, every one answered`,
    ...describeDents(pairs, dents),
  ]
  process.stdout.write(`${told.join('\n')}\n`)
  if (values.out !== undefined) {
    const environment = readEnvironment(join(import.meta.dirname, '..'), pinning)
    const { smoke: isSmoke } = values
    const data = { schema: 1, environment, isSmoke, extent, dents, pairs }
    writeFileSync(values.out, `${JSON.stringify(data)}\n`)
  }
  return hasNoDent(dents) ? 0 : 1
}

function whole(option: string, text: string, [least, most]: readonly [number, number]): number {
  const value = Number(text)
  if (/^\d{1,6}$/.test(text) && value >= least && value <= most) return value
  throw new BenchError('usage', `${option} ${text}: expected ${least} to ${most}`)
}

/** An authorization server and a server that verifies its tokens, in fresh processes. */
interface Own extends AsyncDisposable {
  readonly lab: Lab
  readonly url: string
  readonly issuerUrl: string
}

async function startOwn(start: StartServer, pinning: Pinning | null): Promise<Own> {
  await using stack = new AsyncDisposableStack()
  const root = join(import.meta.dirname, '..')
  const [trial] = expand(findScenario('jwt', await loadScenarios(root)), {})
  if (trial === undefined) throw new BenchError('usage', 'jwt: no case')
  const lab = stack.use(await createLab({ parameters: trial.parameters }))
  const cpus = pinning?.serverCpus ?? null
  const launch = async (program: string, config: Parameters<Lab['writeConfig']>[1]) => {
    const configFile = await lab.writeConfig(program, config)
    const { pid, port } = stack.use(await start({ program, configFile, cpus }))
    if (cpus !== null) pinProcess(pid, cpus)
    return `https://127.0.0.1:${port}`
  }
  const issuerUrl = await launch('authorization', lab.authorizationConfig())
  const serverUrl = await launch(trial.scenario.server, lab.serverConfig(trial, issuerUrl))
  const held = stack.move()
  return {
    lab,
    issuerUrl,
    url: `${serverUrl}/v1/orgs/acme/payments/pay_1001`,
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  }
}

interface Task {
  readonly extent: Extent
  readonly seed: number
  readonly signal: AbortSignal
}

async function measurePair(own: Own, task: Task, renewedFirst: boolean): Promise<RefreshPair> {
  const measure = (isRenewed: boolean) => measureWindow(own, task, isRenewed)
  const first = await measure(renewedFirst)
  const second = await measure(!renewedFirst)
  return renewedFirst
    ? { withRenewals: first, without: second }
    : { withRenewals: second, without: first }
}

/** One window as `bench --target` measures it; throws `measurement-failed` unless every request is answered. */
async function measureWindow(
  { lab, url, issuerUrl }: Own,
  { extent: { rate, seconds }, seed, signal }: Task,
  isRenewed: boolean,
): Promise<RefreshWindow> {
  const secretFile = lab.clients.find((client) => client.clientId === clientId)?.secretFile ?? ''
  const settings = {
    url,
    ca: lab.caFile,
    issuer: issuerUrl,
    clientId,
    clientSecret: { kind: 'file', path: secretFile },
    resource: isRenewed ? resources.shortJwt : resources.jwt,
    scope: 'payments:read',
  } as const
  await using issuer = await createIssuer(settings, null, timeoutMs)
  const fetches: { fromMs: number; toMs: number }[] = []
  using tokens = await openTokens(async () => {
    const fromMs = performance.now()
    const token = await issuer.fetch(0)
    fetches.push({ fromMs, toMs: performance.now() })
    return token
  })
  const endpoint = withToken(
    await resolveTarget(settings, {
      timeoutMs,
      signal: new AbortController().signal,
      tell: () => undefined,
    }),
    tokens,
  )
  await warmOn(endpoint, rate, warmMs)
  const schedule = createSchedule({
    ...{ ratePerSecond: rate, arrivals: 'poisson', durationMs: seconds * 1_000, seed },
  })
  const responses = new Float64Array(schedule.length)
  let startMs = 0
  const reading = await runOpenLoop(endpoint, {
    ...{ schedule, connections: 8, maxConnections: 64, timeoutMs },
    signal: AbortSignal.any([signal, tokens.lost]),
    startsAtMs: () => Promise.resolve((startMs = performance.now())),
    onSettled: (request, responseMs) => (responses[request] = responseMs),
  })
  if (reading.answered !== reading.requests) {
    throw new BenchError(
      'measurement-failed',
      `${reading.answered} of ${reading.requests} requests were answered: ${JSON.stringify(reading.errors)}`,
    )
  }
  const renewals = fetches
    .filter(({ fromMs }) => fromMs >= startMs)
    .map(({ fromMs, toMs }) => ({ askedMs: fromMs - startMs, tookMs: toMs - fromMs }))
  if (renewals.length > 0 !== isRenewed)
    throw new BenchError('measurement-failed', `${renewals.length} tokens were renewed`)
  return { dueMs: [...schedule], responseMs: [...responses], renewals }
}

const smoke: Extent = { pairs: 1, seconds: 3, rate: 100 }
const clientId = 'acme-terminal'
const timeoutMs = 10_000
const warmMs = 2_000

if (import.meta.main) {
  process.exitCode = await run().catch((error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
    return exitCodeOf(error)
  })
}
