import { resources, type AuthorizationConfig, type ServerConfig } from '../servers/config.ts'
import { runSlice } from './arm-slices.ts'
import { createTargets, digest } from './arm-targets.ts'
import { BenchError } from './errors.ts'
import { issuerNeeds, needsIssuer, startCase } from './hops.ts'
import type { Lab } from './lab.ts'
import { proofClient } from './lab-credentials.ts'
import { createChurnClient, type ChurnClient } from './load/churn.ts'
import { openConnections } from './load/connection.ts'
import { warmOn } from './load/warm-up.ts'
import type { LoadTarget } from './load/target.ts'
import { measureChurnSlice } from './churn-slices.ts'
import type { ChurnArm } from './measure-churn.ts'
import type { CurveArm } from './measure-curve.ts'
import type { Pinning } from './pinning.ts'
import { pinTree } from './pinning.ts'
import { processesOf, type ServerProcess, type StartServer } from './processes.ts'
import type { Case } from './scenario.ts'
import { createSliceSensors } from './slice-sensors.ts'
import { createTokenPool, type TokenPool } from './token-pool.ts'
import { measureServerWindow } from './windows.ts'

/** What an arm is made of: a Case out of one source tree, with the credentials of a lab. */
export interface ArmOptions {
  readonly id: string
  readonly case: Case
  readonly lab: Lab
  readonly pinning: Pinning | null
  readonly start: StartServer
  /** Root of the source tree that the servers come from; default: this one. */
  readonly sourceRoot?: string
}

/** An arm with the digest of what it answers. */
export interface StartedArm extends ChurnArm, CurveArm {
  /** SHA-256 of the response body. */
  readonly responseDigest: string
}

/**
 * Starts the processes of a case (its authorization server, its server), fetches a token as a real
 * client would, and opens connections. Throws `arm-failed` or `measurement-failed`.
 */
export async function startArm(options: ArmOptions): Promise<StartedArm> {
  await using started = new AsyncDisposableStack()
  const { issuer, server, tokens } = await startProcesses(options, started)
  const targets = await createTargets(options, { port: server.port, tokens })
  const [target] = targets
  const connections = Number(options.case.parameters['connections'])
  const pool = started.use(await openConnections(targets, connections))
  const single = started.use(await openConnections(target, 1))
  // A product tells of a handshake with the first request that follows it.
  const settled = () => settledConnections(server, target, connections + 1)
  if (server.product === undefined) await settled()
  // A server may cut off a connection on which nothing was ever asked, while other arms are being warmed.
  await pool.run(connections)
  await single.run(1)
  if (server.product !== undefined) await settled()
  const sensors = createSliceSensors(server, issuer)
  const pin = () => {
    const { pinning } = options
    if (pinning === null) return
    for (const { pid } of [...processesOf(server), ...(issuer === null ? [] : [issuer])]) {
      pinTree(pid, pinning.serverCpus)
    }
  }
  const { hitRatio } = options.lab.settings
  const churnClient = once(() => seededClient(targets))
  const owned = started.move()
  return {
    id: options.id,
    connections,
    died: issuer === null ? server.died : AbortSignal.any([server.died, issuer.died]),
    responseDigest: digest(target.expect.body ?? Buffer.from('another each time')),
    pin,
    slice: (request) => runSlice({ request, target, pool, single, server, sensors, hitRatio }),
    churn: async (request) =>
      measureChurnSlice(
        {
          client: await churnClient(),
          pool,
          concurrency: connections,
          tls: target.tls !== null,
          server,
          sensors,
        },
        request,
      ),
    async settle() {
      const startMs = performance.now()
      while (performance.now() - startMs < settleMs) await pool.run(settleRequests)
      pin()
      await warmOn(targets, settleRatePerSecond, settleMs)
    },
    async capacityPerSecond() {
      const { requests, wallUs } = await pool.run(capacityRequests)
      return (requests / wallUs) * usPerSecond
    },
    window: (request, signal) => measureServerWindow({ targets, server, sensors }, request, signal),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

interface Processes {
  readonly issuer: ServerProcess | null
  readonly server: ServerProcess
  readonly tokens: TokenPool | null
}

async function startProcesses(
  options: ArmOptions,
  started: AsyncDisposableStack,
): Promise<Processes> {
  const { lab, case: trial, pinning } = options
  const source = options.sourceRoot === undefined ? {} : { sourceRoot: options.sourceRoot }
  // This process is pinned and its children would be too: they may start on every core.
  const cpus = pinning === null ? null : [...pinning.clientCpus, ...pinning.serverCpus]
  const launch = async (program: string, config: ServerConfig | AuthorizationConfig) => {
    const configFile = await lab.writeConfig(program, config)
    return started.use(await options.start({ program, configFile, cpus, ...source }))
  }
  const credentials = trial.scenario.credentials(trial.parameters)
  const issuer = needsIssuer(trial)
    ? await launch('authorization', lab.authorizationConfig(issuerNeeds(trial)))
    : null
  const issuerUrl = issuer === null ? null : `https://127.0.0.1:${issuer.port}`
  const server = await startCase({ trial, lab, issuerUrl, launch })
  if (issuerUrl === null || credentials.token === 'none') return { issuer, server, tokens: null }
  const tokens = await createTokenPool(lab, issuerUrl, {
    form: credentials.token,
    tokens: lab.settings.tokens,
    hitRatio: lab.settings.hitRatio,
    resource: resources[credentials.token],
    ...(credentials.proof === true
      ? { client: proofClient, proofKey: lab.proofKey }
      : { client: credentials.bound ? 'acme-billing-bound' : 'acme-billing' }),
  })
  return { issuer, server, tokens }
}

/** A client that has sessions to offer: its first connections, with full handshakes, are in no slice. */
async function seededClient(targets: readonly LoadTarget[]): Promise<ChurnClient> {
  const client = createChurnClient(targets)
  // Twice for each identity: TLS 1.3 gives sessions after the handshake, the first perhaps too late.
  const connections = Math.max(4, 2 * targets.length)
  await client.run({ policy: 'full', requestsPerConnection: 1, connections, concurrency: 1 })
  return client
}

/** Calls it when first asked for, and never again. */
function once<T>(create: () => T): () => T {
  let made: { readonly value: T } | null = null
  return () => (made ??= { value: create() }).value
}

/**
 * A TLS 1.3 client is done before the server is: waits until the server has counted every handshake,
 * so that none is counted in the first slice. Throws `arm-failed` when it refused one.
 */
async function settledConnections(
  server: ServerProcess,
  target: LoadTarget,
  wanted: number,
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const { connectionsOpen, handshakesFull, handshakesFailed } = await server.snapshot()
    const accepted = target.tls === null ? (connectionsOpen ?? wanted) : handshakesFull
    if (accepted >= wanted) return
    if (handshakesFailed > 0 || attempt === settleAttempts) {
      const lastWords = server.stderrTail().slice(-1).join()
      throw new BenchError(
        'arm-failed',
        `server ${server.program} accepted ${accepted} of ${wanted} connections; ${lastWords}`,
      )
    }
  }
}

const settleAttempts = 50
// By then a server of 17 µs a request has had more requests than V8 needs to compile it for good.
const settleMs = 1_000
const settleRequests = 400
/** A third of a second of the slowest of the reference servers. */
const capacityRequests = 2_000
const usPerSecond = 1e6
// Well below what the slowest of the reference servers can do.
const settleRatePerSecond = 300
