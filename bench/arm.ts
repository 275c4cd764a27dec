import { createHash } from 'node:crypto'
import { resources, type AuthorizationConfig, type ServerConfig } from '../servers/config.ts'
import type { Snapshot } from '../servers/telemetry.ts'
import { BenchError } from './errors.ts'
import { fetchToken, type Lab } from './lab.ts'
import { saturate, type SaturateReading } from './load/closed.ts'
import { createChurnClient, type ChurnClient } from './load/churn.ts'
import { openConnections, type Connections } from './load/connection.ts'
import { medianUs } from './load/histogram.ts'
import { warmOn } from './load/warm-up.ts'
import type { LoadTarget } from './load/target.ts'
import type { SliceRequest } from './measure.ts'
import { measureChurnSlice } from './churn-slices.ts'
import type { ChurnArm } from './measure-churn.ts'
import type { CurveArm } from './measure-curve.ts'
import type { SliceReading } from './recorder.ts'
import type { Pinning } from './pinning.ts'
import { pinProcess } from './pinning.ts'
import type { ServerProcess, StartServer } from './processes.ts'
import type { Case } from './scenario.ts'
import { createSliceSensors, type SliceSensors } from './slice-sensors.ts'
import { clientTlsOptions } from './preflight/client.ts'
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
  const { issuer, server, token } = await startProcesses(options, started)
  const target = createTarget(options, server, token)
  const connections = Number(options.case.parameters['connections'])
  const pool = started.use(await openConnections(target, connections))
  const single = started.use(await openConnections(target, 1))
  await settledConnections(server, target, connections + 1)
  const sensors = createSliceSensors(server, issuer)
  const pin = () => {
    const { pinning } = options
    if (pinning === null) return
    for (const { pid } of issuer === null ? [server] : [server, issuer]) {
      pinProcess(pid, pinning.serverCpus)
    }
  }
  const churnClient = once(() => seededClient(target))
  const owned = started.move()
  return {
    id: options.id,
    connections,
    died: issuer === null ? server.died : AbortSignal.any([server.died, issuer.died]),
    responseDigest: digest(target.expect.body),
    pin,
    slice: (request) => runSlice({ request, target, pool, single, server, sensors }),
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
      await warmOn(target, settleRatePerSecond, settleMs)
    },
    async capacityPerSecond() {
      const { requests, wallUs } = await pool.run(capacityRequests)
      return (requests / wallUs) * usPerSecond
    },
    window: (request, signal) => measureServerWindow({ target, server, sensors }, request, signal),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

/** SHA-256 of what is asked of every arm: method, path and header names; ports and secrets differ by design. */
export function requestDigest(): string {
  return digest(Buffer.from(`GET ${measuredPath} HTTP/1.1 accept`, 'latin1'))
}

interface Processes {
  readonly issuer: ServerProcess | null
  readonly server: ServerProcess
  readonly token: string | null
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
  const issuer =
    credentials.token === 'none' ? null : await launch('authorization', lab.authorizationConfig())
  const issuerUrl = issuer === null ? null : `https://127.0.0.1:${issuer.port}`
  const server = await launch(trial.scenario.server, lab.serverConfig(trial, issuerUrl))
  if (issuerUrl === null || credentials.token === 'none') return { issuer, server, token: null }
  const token = await fetchToken(lab, issuerUrl, {
    resource: resources[credentials.token],
    client: credentials.bound ? 'acme-billing-bound' : 'acme-billing',
  })
  return { issuer, server, token }
}

function createTarget(
  { case: trial, lab }: ArmOptions,
  server: ServerProcess,
  token: string | null,
): LoadTarget {
  const { certificate } = trial.scenario.credentials(trial.parameters)
  return {
    host: '127.0.0.1',
    port: server.port,
    tls: trial.scenario.tls ? clientTlsOptions(lab, certificate ? lab.good : null) : null,
    path: measuredPath,
    headers: {
      accept: 'application/json',
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
    },
    expect: { status: 200, body: expectedBody },
  }
}

/** A client that has sessions to offer: its first connections, with full handshakes, are in no slice. */
async function seededClient(target: LoadTarget): Promise<ChurnClient> {
  const client = createChurnClient(target)
  await client.run({ policy: 'full', requestsPerConnection: 1, connections: 4, concurrency: 1 })
  return client
}

/** Calls it when first asked for, and never again. */
function once<T>(create: () => T): () => T {
  let made: { readonly value: T } | null = null
  return () => (made ??= { value: create() }).value
}

interface SliceTask {
  readonly request: SliceRequest
  readonly target: LoadTarget
  readonly pool: Connections
  readonly single: Connections
  readonly server: ServerProcess
  readonly sensors: SliceSensors
}

async function runSlice(task: SliceTask): Promise<SliceReading> {
  const { request, server, sensors } = task
  const before = await server.snapshot()
  let started = await sensors.start()
  const { requestsInAll, ...reading } = await applyLoad(task, () => {
    started = sensors.readNow() ?? started
  })
  const ended = await sensors.end()
  const after = await settledSnapshot(server, before, requestsInAll)
  crossCheck(request, before, after, requestsInAll)
  return {
    ...reading,
    load: request.load,
    connections: request.connections,
    latencyP50Us: medianUs(reading.latenciesUs),
    ...sensors.between(started, ended, before, after),
  }
}

async function applyLoad(
  { request, target, pool, single }: SliceTask,
  onWarm: () => void,
): Promise<SaturateReading> {
  const { connections, requests } = request
  switch (request.load) {
    case 'duet': {
      const reading = await (connections === 1 ? single : pool).run(requests)
      return { ...reading, requestsInAll: reading.requests }
    }
    case 'saturation':
      return saturate(target, { connections, requests, onWarm })
  }
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
    const accepted = target.tls === null ? connectionsOpen : handshakesFull
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

/** The server counts a response a moment after the client has read it: asks until it has counted them all. */
async function settledSnapshot(
  server: ServerProcess,
  before: Snapshot,
  requests: number,
): Promise<Snapshot> {
  for (let attempt = 1; ; attempt++) {
    const after = await server.snapshot()
    if (answers(after) - answers(before) >= requests || attempt === settleAttempts) return after
  }
}

/** The load's own counts against the server's: they must agree to the last request and handshake. */
function crossCheck(
  request: SliceRequest,
  before: Snapshot,
  after: Snapshot,
  requests: number,
): void {
  const handshakes =
    after.handshakesFull +
    after.handshakesResumed -
    before.handshakesFull -
    before.handshakesResumed
  const faults = [
    differs('answers with 200', answers(after) - answers(before), requests),
    differs('requests', after.requests - before.requests, requests),
    differs('handler calls', after.handlerCalls - before.handlerCalls, requests),
    differs('handshakes resumed', after.handshakesResumed - before.handshakesResumed, 0),
    request.load === 'duet' ? differs('handshakes', handshakes, 0) : null,
  ].filter((fault) => fault !== null)
  if (faults.length > 0) {
    throw new BenchError(
      'measurement-failed',
      `client and server disagree in a ${request.load} slice: ${faults.join(', ')}`,
    )
  }
}

function differs(what: string, seen: number, expected: number): string | null {
  return seen === expected ? null : `the server counted ${seen} ${what} instead of ${expected}`
}

function answers({ responses }: Snapshot): number {
  return responses['200'] ?? 0
}

function digest(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}

const measuredPath = '/v1/orgs/acme/payments/pay_1001'
// What a client expects, stated here once more and not imported: a server that changes it must fail.
const expectedBody = Buffer.from(
  '{"id":"pay_1001","org_id":"acme","amount":"129.95","currency":"EUR","state":"settled"}',
)
const settleAttempts = 50
// By then a server of 17 µs a request has had more requests than V8 needs to compile it for good.
const settleMs = 1_000
const settleRequests = 400
/** A third of a second of the slowest of the reference servers. */
const capacityRequests = 2_000
const usPerSecond = 1e6
// Well below what the slowest of the reference servers can do.
const settleRatePerSecond = 300
