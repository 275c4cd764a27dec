import { resources } from '../../servers/config.ts'
import { BenchError } from '../errors.ts'
import { handClientOf } from '../lab-credentials.ts'
import { labSettings } from '../lab-settings.ts'
import { measuredRequest, type MeasuredRequest } from '../measured-request.ts'
import type { Case, Credentials } from '../scenario.ts'

/** What is offered, and what is expected of the server. */
export interface K6Load {
  readonly ratePerSecond: number
  readonly durationSeconds: number
  /** 99 % of requests take at most this. */
  readonly sloP99Ms: number
  /** Share of requests that may fail, be answered wrongly or not be sent. */
  readonly errorShare: number
  /** Runners that offer the rate together. */
  readonly seats: number
}

/** Whose tokens are fetched where, as the user says; what is left out is that of the reference server. */
export interface K6Issuer {
  readonly tokenUrl?: URL
  readonly clientId?: string
  readonly scope?: string
  readonly resource?: string
}

/** All in which a script differs from those of other cases and users. */
export interface K6Plan {
  readonly case: Case
  /** Null: a variable says it when the script runs. */
  readonly url: URL | null
  /** The body is null where what the user's own path answers is not known. */
  readonly request: Omit<MeasuredRequest, 'body'> & { readonly body: string | null }
  /** Null for plain HTTP. */
  readonly tlsVersion: '1.2' | '1.3' | null
  /** Whether its clients have a certificate. */
  readonly certificate: boolean
  readonly token: K6Token | null
  readonly load: K6Load
  readonly virtualUsers: { readonly preAllocated: number; readonly most: number }
  /** Requests that may be dropped by one runner. */
  readonly mostDropped: number
}

/** The access token that each virtual user fetches (RFC 6749 section 4.4). */
export interface K6Token {
  /** How the client proves itself: a secret, or its certificate (RFC 8705 section 2). */
  readonly authentication: 'secret' | 'certificate'
  /** Null: a variable says it when the script runs. */
  readonly url: URL | null
  /** Empty: a variable says it when the script runs. */
  readonly clientId: string
  /** Empty: none is asked for. */
  readonly scope: string
  /** Resource indicator (RFC 8707); empty: none. */
  readonly resource: string
  /** Whether it is bound to a key, of which each request brings a proof (RFC 9449). */
  readonly proof: boolean
}

/** Files that the script reads, out of a folder that is named when it runs; one of `npm run server` has them all. */
export const credentialFiles = {
  certificate: 'client-chain.pem',
  key: 'client-key.pem',
  secret: 'client-secret',
} as const

/** Plans a script; throws usage errors where k6 cannot do what the case is about. */
export function k6Plan(
  trial: Case,
  {
    target,
    issuer,
    load,
  }: { readonly target: URL | null; readonly issuer: K6Issuer; readonly load: K6Load },
): K6Plan {
  const credentials = trial.scenario.credentials(trial.parameters)
  const settings = labSettings(trial.parameters)
  const obstacle = obstacleOf(trial, credentials)
  if (obstacle !== null) throw new BenchError('usage', `${trial.scenario.name}: ${obstacle}`)
  assertScheme(trial, target)
  const { body, ...request } = measuredRequest(trial.scenario, settings)
  const hasOwnPath = target !== null && `${target.pathname}${target.search}` !== '/'
  const { ratePerSecond, durationSeconds, sloP99Ms, errorShare, seats } = load
  // Little's law: as many are under way as arrive in the time that each takes.
  const underWay = (ratePerSecond * sloP99Ms) / 1_000
  const preAllocated = Math.max(seats, Math.ceil(underWay * firstIteration))
  return {
    case: trial,
    url: target === null || hasOwnPath ? target : new URL(request.path, target),
    request: { ...request, body: hasOwnPath ? null : body.toString() },
    tlsVersion: trial.scenario.tls ? settings.version : null,
    certificate: credentials.certificate,
    token: credentials.token === 'none' ? null : tokenOf(credentials, credentials.token, issuer),
    load,
    virtualUsers: { preAllocated, most: preAllocated * overload },
    mostDropped: Math.floor((ratePerSecond * durationSeconds * errorShare) / seats),
  }
}

/** Files that the script of a plan reads. */
export function credentialFilesOf({ certificate, token }: K6Plan): string[] {
  return [
    ...(certificate ? [credentialFiles.certificate, credentialFiles.key] : []),
    ...(token?.authentication === 'secret' ? [credentialFiles.secret] : []),
  ]
}

/** Variables that must be set when the script of a plan runs. */
export function variablesOf(plan: K6Plan): string[] {
  const { url, token } = plan
  return [
    ...(url === null ? ['TARGET_URL'] : []),
    ...(token?.url === null ? ['TOKEN_URL'] : []),
    ...(token?.clientId === '' ? ['CLIENT_ID'] : []),
    ...(credentialFilesOf(plan).length > 0 ? ['CREDENTIALS'] : []),
  ]
}

/** A URL such as the script of a plan asks, for those who give it when it runs. */
export function exampleUrl({ tlsVersion, request }: K6Plan): string {
  return `${tlsVersion === null ? 'http' : 'https'}://gw.example${request.path}`
}

/** Why k6 cannot stand in for the clients of a case; null if it can. */
function obstacleOf({ parameters }: Case, credentials: Credentials): string | null {
  const { clients, tokens, hitRatio } = labSettings(parameters)
  if (credentials.partners === true)
    return 'every connection is another partner, and a k6 process has one certificate and one client; take mtls or jwt'
  if (credentials.issuance !== undefined)
    return 'it measures the authorization server itself, of which k6 tells no CPU; npm run bench measures it'
  if (clients > 1)
    return `clients=${clients}: a k6 process has one certificate and one client, leave it out`
  if (tokens > 1 || hitRatio !== null)
    return 'tokens and hitRatio: a k6 script fetches one token a virtual user, leave them out'
  return null
}

function assertScheme({ scenario }: Case, target: URL | null): void {
  const wanted = scenario.tls ? 'https:' : 'http:'
  if (target === null || target.protocol === wanted) return
  throw new BenchError(
    'usage',
    `--target ${target.origin}: ${scenario.name} is asked by ${wanted}//, give such a URL`,
  )
}

/** The reference server's own where the user names no other. */
function tokenOf(
  credentials: Credentials,
  form: 'jwt' | 'opaque',
  { tokenUrl, clientId, scope, resource }: K6Issuer,
): K6Token {
  const ours =
    tokenUrl === undefined
      ? {
          clientId: handClientOf(credentials),
          scope: 'payments:read payments:write',
          resource: resources[form],
        }
      : { clientId: '', scope: '', resource: '' }
  return {
    authentication: credentials.bound ? 'certificate' : 'secret',
    url: tokenUrl ?? null,
    clientId: clientId ?? ours.clientId,
    scope: scope ?? ours.scope,
    resource: resource ?? ours.resource,
    proof: credentials.proof === true,
  }
}

/** As long as the open loop of trustbench waits. */
export const requestTimeoutSeconds = 10
/** The first iteration of a virtual user takes longer: it connects, and fetches a token. */
const firstIteration = 2
/** Virtual users for a server that misses its objective: its latency is seen up to this factor. */
const overload = 4
