import type { ArmRecord, Warning } from '../results.ts'
import type { SeenClients } from '../result-seats.ts'
import { caseId } from '../cases.ts'
import type { Cap } from './caps.ts'
import type { Checked } from './preflight.ts'
import type { UserTarget } from './target.ts'
import type { TokenSource } from './tokens.ts'

/** What an arm's record is made of. */
export interface Recorded {
  readonly target: UserTarget
  readonly checked: Checked
  readonly connections: number
  readonly cap: Cap | null
  readonly tokens: TokenSource | null
  /** Those of many that have taken part by now; null where it is one, without a number. */
  readonly clients: () => SeenClients | null
  /** Label of the target that it is told against; null for the first. */
  readonly against: string | null
}

/** The record of a target: its label and what may be stored, by which another run of it is known. */
export function recordOf(recorded: Recorded): ArmRecord {
  const { target, checked, connections, against } = recorded
  const { label, url, endpoint, requestDigest } = target
  const clients = recorded.clients()
  const parameters = {
    target: label,
    connections: String(connections),
    ...(clients === null ? {} : { clients: String(clients.configured) }),
  }
  return {
    id: label,
    caseId: caseId('target', parameters),
    scenario: 'target',
    parameters,
    role: 'case',
    against,
    parts: [],
    source: { label: url, commit: null, dirty: null },
    requestDigest,
    // What a server of somebody else answers may change from one request to the next.
    responseDigest: endpoint.expect.bodySha256 ?? null,
    outcome: 'skipped',
    reason: null,
    preflight: checked.preflight,
    warnings: [],
    target: factsOf(recorded),
  }
}

/** What a record says of its target now: tokens are fetched as the run goes on. */
export function factsOf({
  target,
  checked,
  cap,
  tokens,
  clients,
}: Recorded): NonNullable<ArmRecord['target']> {
  const { url, endpoint, cpu } = target
  const { expect, method = 'GET' } = endpoint
  return {
    url,
    method,
    expectedStatuses: [expect.status, ...(expect.otherStatuses ?? [])],
    tls: checked.answer.tls,
    cap: cap === null ? null : { ...cap },
    cpu: cpu?.kind ?? 'unknown',
    tokens: tokens === null ? null : tokensOf(tokens),
    ...clientsIn(clients()),
  }
}

function clientsIn(clients: SeenClients | null): Pick<NonNullable<ArmRecord['target']>, 'clients'> {
  return clients === null ? {} : { clients }
}

/** How many of many clients took part by now, by what was sent of them; null where it is one, without a number. */
export function seenOf(
  { crowd, token }: UserTarget,
  tokens: TokenSource | null,
): SeenClients | null {
  if (crowd === null) return null
  return {
    configured: crowd.count,
    first: crowd.first,
    certificates: crowd.presented?.count() ?? null,
    tokens: token?.ofMany === true ? (tokens?.stats().sent ?? null) : null,
  }
}

/** What a reader must know where some clients were clients by name only. */
export function clientWarnings(label: string, clients: SeenClients | null): Warning[] {
  if (clients === null) return []
  const { configured, certificates, tokens: sent } = clients
  const seen = Math.min(certificates ?? configured, sent ?? configured)
  if (seen === configured) return []
  return [
    {
      code: 'idle-clients',
      message: `${label}: ${seen} of ${configured} clients took part`,
      advice: `a connection is one client's, and each needs a request: --connections ${configured} and --max-connections with as many requests, or --load churn with as many connections`,
    },
  ]
}

/** What a reader of a run on targets must know of all of them. */
export function targetWarnings(targets: readonly UserTarget[]): Warning[] {
  const unknown = targets.filter(({ cpu }) => cpu === null).map(({ label }) => label)
  if (unknown.length === 0) return []
  return [
    {
      code: 'target',
      message: `${unknown.join(', ')}: a server that is not ours, whose CPU is unknown: figures are of wall-clock time, network and queues included, and no forged credential was tried on it`,
      advice:
        '--cpu-pid counts CPU of processes of this machine, --prometheus asks where they run; npm run bench -- SCENARIO measures the reference servers with both',
    },
  ]
}

/** What became of tokens while a run went on; empty where every refresh succeeded. */
export function tokenWarnings(label: string, tokens: TokenSource | null): Warning[] {
  const failures = Object.entries(tokens?.stats().failures ?? {})
  if (failures.length === 0) return []
  const told = failures.map(([why, count]) => `${count} × ${why}`)
  return [
    {
      code: 'token-refresh-failed',
      message: `${label}: refreshes of the token failed (${told.join(', ')}); no request was sent with an expired one`,
      advice: 'look at the authorization server: as many fail there for every client',
    },
  ]
}

function tokensOf(tokens: TokenSource): NonNullable<NonNullable<ArmRecord['target']>['tokens']> {
  const { fetched, lifetimeMs, failures } = tokens.stats()
  return { fetched, lifetimeMs, failures: { ...failures } }
}
