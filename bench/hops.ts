import { resources } from '../servers/config.ts'
import type { AuthorizationConfig, ServerConfig, UpstreamConfig } from '../servers/config.ts'
import type { ServerSnapshot } from '../servers/gateways/messages.ts'
import { programOf } from './gateways.ts'
import { allowedPeers, edgeClients } from './lab-credentials.ts'
import type { IssuerNeeds } from './lab-configurations.ts'
import type { Lab } from './lab.ts'
import type { HopProcess, ServerProcess } from './processes.ts'
import type { Case, Hop } from './scenario.ts'

/** Starts a program of `servers/` with a configuration. */
export type Launch = (
  program: string,
  config: ServerConfig | AuthorizationConfig,
) => Promise<ServerProcess>

/** What the servers of a case are started with. */
export interface CaseSetting {
  readonly trial: Case
  readonly lab: Lab
  /** Null where there is no authorization server. */
  readonly issuerUrl: string | null
  readonly launch: Launch
  /** Of the server that clients call; default: any free one. */
  readonly port?: number
}

/** Whether a case needs an authorization server beside its own: for its clients, or for one of its hops. */
export function needsIssuer({ scenario, parameters }: Case): boolean {
  const { token } = scenario.credentials(parameters)
  const isNeededByHop = scenario.hops?.some(
    (hop) => hop.token !== 'none' || hop.brings === 'own-token',
  )
  return token !== 'none' || isNeededByHop === true
}

/** Which clients the authorization server of a case has to know. */
export function issuerNeeds({ scenario, parameters }: Case): IssuerNeeds {
  const { proof = false } = scenario.credentials(parameters)
  return { proofs: proof, gateway: scenario.hops !== undefined }
}

/**
 * Starts what answers the clients of a case: its server, or all of its hops, back to front, each knowing
 * where the next one is. As one process, the first: that is what clients, counters and refusals are about.
 */
export async function startCase(setting: CaseSetting): Promise<ServerProcess> {
  const { trial, lab, issuerUrl, launch, port = 0 } = setting
  const { scenario, parameters } = trial
  if (scenario.hops === undefined) {
    const { issuance } = scenario.credentials(parameters)
    const config =
      issuance === undefined ? lab.serverConfig(trial, issuerUrl) : lab.authorizationConfig()
    return launch(programOf(trial), { ...config, port })
  }
  const started: HopProcess[] = []
  for (const [index, hop] of [...scenario.hops.entries()].toReversed()) {
    const next = started[0] ?? null
    const isEdge = index === 0
    const { gateway, ...config } = await hopConfig(setting, hop, next)
    const process = await launch(isEdge ? programOf(trial) : hop.program, {
      ...config,
      port: isEdge ? port : 0,
      // A product is what clients call; behind it are servers of ours.
      gateway: isEdge ? gateway : null,
    })
    started.unshift({ hop, process, takesSpans: config.spans && process.product === undefined })
  }
  return joinHops(started)
}

/** Configuration of one hop; `next` is what it passes requests on to. */
async function hopConfig(
  { trial, lab, issuerUrl }: CaseSetting,
  hop: Hop,
  next: HopProcess | null,
): Promise<ServerConfig> {
  const issuer = issuerUrl ?? ''
  return {
    ...lab.serverConfig(trial, issuerUrl),
    tls: hop.peers === 'plain' ? null : lab.serverTls(),
    clients: clientsOf(hop, lab),
    token: hop.token,
    issuer: hop.token === 'none' ? null : lab.issuerConfig(issuer),
    upstream: next === null ? null : await upstreamOf(hop, next, { lab, issuer }),
    spans: trial.parameters['spans'] !== 'off',
  }
}

function clientsOf({ peers }: Hop, { trust }: Lab): ServerConfig['clients'] {
  switch (peers) {
    case 'clients':
      return trust
    case 'gateway':
      return { ...trust, allowed: allowedPeers }
    case 'nobody':
    case 'plain':
      return null
  }
}

async function upstreamOf(
  { brings }: Hop,
  next: HopProcess,
  { lab, issuer }: { readonly lab: Lab; readonly issuer: string },
): Promise<UpstreamConfig> {
  const isPlain = next.hop.peers === 'plain'
  const url = `${isPlain ? 'http' : 'https'}://127.0.0.1:${next.process.port}`
  const { certificateFile, keyFile } = brings === 'nothing' ? noFiles : await lab.gateway()
  return {
    url,
    caFile: isPlain ? null : lab.caFile,
    identity: brings === 'nothing' ? null : { certificateFile, keyFile },
    ownTokens:
      brings === 'own-token'
        ? {
            issuer,
            caFile: lab.caFile,
            clientIds: edgeClients,
            resource: resources.jwt,
            scope: 'payments:read payments:write',
          }
        : null,
  }
}

/** Hops as one process: the first, with what all of them use, and what each of them counted. */
function joinHops(hops: readonly HopProcess[]): ServerProcess {
  const [edge] = hops
  if (edge === undefined) throw new Error('a scenario with hops has one at least')
  const processes = hops.map(({ process }) => process)
  const stop = async () => {
    await Promise.all(processes.map((process) => process.stop()))
  }
  return {
    ...edge.process,
    hops,
    died: AbortSignal.any(processes.map(({ died }) => died)),
    async snapshot() {
      const snapshots = await Promise.all(processes.map((process) => process.snapshot()))
      return joinSnapshots(hops, snapshots)
    },
    stderrTail: () => processes.toReversed().flatMap((process) => process.stderrTail()),
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

function joinSnapshots(
  hops: readonly HopProcess[],
  snapshots: readonly ServerSnapshot[],
): ServerSnapshot {
  const [edge] = snapshots
  if (edge === undefined) throw new Error('a scenario with hops has one at least')
  const sum = (valueOf: (snapshot: ServerSnapshot) => number) =>
    snapshots.reduce((total, snapshot) => total + valueOf(snapshot), 0)
  // What one of them does not know, nobody knows of all.
  const sumKnown = (valueOf: (snapshot: ServerSnapshot) => number | null) =>
    snapshots.reduce<number | null>((total, snapshot) => plus(total, valueOf(snapshot)), 0)
  const passed = snapshots.map((_, index) => passedOn(hops, snapshots, index))
  const counted = hops.map(({ hop }, index) => [passedAt(hop.name), passed[index] ?? 0] as const)
  return {
    ...edge,
    handlerCalls: passed[0] ?? 0,
    cpuUs: sumKnown(({ cpuUs }) => cpuUs),
    eventLoopActiveUs: sumKnown(({ eventLoopActiveUs }) => eventLoopActiveUs),
    eventLoopIdleUs: sumKnown(({ eventLoopIdleUs }) => eventLoopIdleUs),
    gcUs: sumKnown(({ gcUs }) => gcUs),
    rssBytes: sum(({ rssBytes }) => rssBytes),
    heapUsedBytes: sumKnown(({ heapUsedBytes }) => heapUsedBytes),
    counters: { ...edge.counters, ...Object.fromEntries(counted) },
  }
}

/** Requests that a hop has admitted. A product tells of its answers alone: what it passed on the next hop knows. */
function passedOn(
  hops: readonly HopProcess[],
  snapshots: readonly ServerSnapshot[],
  index: number,
): number {
  const isProduct = hops[index]?.process.product !== undefined
  const own = snapshots[index]?.handlerCalls ?? 0
  return isProduct ? (snapshots[index + 1]?.requests ?? own) : own
}

function plus(a: number | null, b: number | null): number | null {
  return a === null || b === null ? null : a + b
}

/** Counter of the requests that a hop has admitted, in the joint snapshot of all hops. */
export function passedAt(hop: string): string {
  return `passedAt:${hop}`
}

const noFiles = { certificateFile: '', keyFile: '' } as const
