import * as oauth from 'openid-client'
import type { Agent } from 'undici'
import { fetchBy } from '../../servers/issuer-fetch.ts'
import { BenchError } from '../errors.ts'
import { readAssertionKey, readSecret, type ClientIdentity } from './credentials.ts'
import { describeFault } from './faults.ts'
import type { ClientAuthMethod, RequestSettings, SecretRef } from './settings.ts'
import type { FetchedToken } from './tokens.ts'
import { isLoopback, parseWebUrl, storableUrl } from './url.ts'

/** Where tokens come from. */
export interface IssuerPlace {
  readonly option: '--issuer' | '--token-url'
  readonly url: URL
  /** As it may be shown. */
  readonly shownUrl: string
}

/** Who asks for tokens, and how it proves that. */
export interface IssuerClient {
  readonly clientId: string
  readonly by: oauth.ClientAuth
  /** Of servers that have endpoints of their own for client certificates (RFC 8705 section 5). */
  readonly usesCertificate: boolean
}

/** What tokens are asked for with. */
export interface GrantScene {
  readonly place: IssuerPlace
  readonly client: IssuerClient
  readonly agent: Agent
  readonly request: Record<string, string>
  readonly timeoutMs: number
  /** What was discovered before; null: it is discovered with the first token. */
  readonly server: oauth.ServerMetadata | null
}

/** Access tokens of one client, by client credentials (RFC 6749 section 4.4). */
export interface Grants {
  /** Both reject with one line about what was wrong, that repeats no secret. */
  fetch(): Promise<FetchedToken>
  /** What is known of the server. */
  discover(): Promise<oauth.ServerMetadata>
}

/** Tokens of a client; asks nothing of the issuer yet. */
export function createGrants(scene: GrantScene): Grants {
  const { place, agent, request, timeoutMs } = scene
  const seen = createWitness()
  const connect = once(() =>
    configure(scene, (target, options) => seen.watch(fetchBy(agent, target, options))),
  )
  const told = async <T>(ask: (configuration: oauth.Configuration) => T): Promise<Awaited<T>> => {
    try {
      seen.forget()
      const configuration = await connect()
      seen.forget()
      return await ask(configuration)
    } catch (error) {
      throw new BenchError(
        'preflight-failed',
        `${place.option === '--issuer' ? 'issuer' : 'token endpoint'} ${place.shownUrl}: ${failureOf(error, seen.last(), timeoutMs)}`,
        { cause: error },
      )
    }
  }
  return {
    fetch: () =>
      told(async (configuration) =>
        tokenOf(await oauth.clientCredentialsGrant(configuration, request)),
      ),
    discover: () => told((configuration) => configuration.serverMetadata()),
  }
}

/** Where the settings say that tokens come from; throws usage errors. */
export function placeOf({ issuer, tokenUrl }: RequestSettings): IssuerPlace {
  if (issuer !== undefined && tokenUrl !== undefined)
    throw new BenchError('usage', '--issuer and --token-url: give one, an issuer tells the other')
  const option = issuer === undefined ? '--token-url' : '--issuer'
  const url = parseWebUrl(option, issuer ?? tokenUrl ?? '')
  if (url.protocol === 'http:' && !isLoopback(url)) {
    throw new BenchError(
      'usage',
      `${option} ${storableUrl(url)}: secrets go over https:// only, but on this machine`,
    )
  }
  return { option, url, shownUrl: storableUrl(url) }
}

/** The client of the settings, with the secret or key that it proves itself by; throws usage errors. */
export async function issuerClientOf(
  settings: RequestSettings,
  identity: ClientIdentity | null,
): Promise<IssuerClient> {
  const { clientId, issuer } = settings
  if (clientId !== undefined) return { clientId, ...(await authenticationOf(settings, identity)) }
  const option = issuer === undefined ? '--token-url' : '--issuer'
  throw new BenchError('usage', `${option} needs --client-id: whose token is it?`)
}

async function authenticationOf(
  settings: RequestSettings,
  identity: ClientIdentity | null,
): Promise<Omit<IssuerClient, 'clientId'>> {
  const { clientKey } = settings
  const clientSecret = secretOf(settings)
  const usesCertificate = identity !== null
  switch (methodOf(settings, identity)) {
    case 'client_secret_basic':
    case 'client_secret_post': {
      if (clientSecret === undefined) throw needs(settings, '--client-secret-file')
      const secret = readSecret('--client-secret-file', clientSecret)
      const post = settings.clientAuth === 'client_secret_post'
      const by = post ? oauth.ClientSecretPost(secret) : oauth.ClientSecretBasic(secret)
      return { by, usesCertificate }
    }
    case 'private_key_jwt': {
      if (clientKey === undefined) throw needs(settings, '--client-key-file')
      const { key, kid } = await readAssertionKey(clientKey)
      return { by: oauth.PrivateKeyJwt(kid === null ? key : { key, kid }), usesCertificate }
    }
    case 'tls_client_auth':
      if (identity === null) throw needs(settings, '--cert and --key')
      return { by: oauth.TlsClientAuth(), usesCertificate }
  }
}

/** As told, or by what there is: a key before a secret before the certificate. */
function methodOf(settings: RequestSettings, identity: ClientIdentity | null): ClientAuthMethod {
  const { clientAuth, clientKey, clientId = '' } = settings
  if (clientAuth !== undefined) return clientAuth
  if (clientKey !== undefined) return 'private_key_jwt'
  if (secretOf(settings) !== undefined) return 'client_secret_basic'
  if (identity !== null) return 'tls_client_auth'
  throw new BenchError(
    'usage',
    `--client-id ${clientId}: how does it prove that? Give --client-secret-file, the variable ${secretVariable}, --client-key-file, or --cert and --key`,
  )
}

/** As told, or out of the environment: arguments can be read by all users of a machine. */
function secretOf({ clientSecret }: RequestSettings): SecretRef | undefined {
  if (clientSecret !== undefined) return clientSecret
  return process.env[secretVariable] === undefined
    ? undefined
    : { kind: 'env', name: secretVariable }
}

function needs({ clientAuth }: RequestSettings, what: string): BenchError {
  return new BenchError('usage', `--client-auth ${clientAuth ?? 'of the client'} needs ${what}`)
}

function configure(
  { place: { option, url }, client, timeoutMs, server }: GrantScene,
  fetch: oauth.CustomFetch,
): Promise<oauth.Configuration> {
  const { clientId, by } = client
  const metadata = { use_mtls_endpoint_aliases: client.usesCertificate }
  const permits = url.protocol === 'http:' ? [permitPlain] : []
  const timeout = timeoutMs / msPerSecond
  // Without an issuer, assertions are for the token endpoint itself (RFC 7523 section 3).
  const known = option === '--token-url' ? { issuer: url.href, token_endpoint: url.href } : server
  if (known !== null) {
    const configuration = new oauth.Configuration(known, clientId, metadata, by)
    configuration[oauth.customFetch] = fetch
    configuration.timeout = timeout
    for (const permit of permits) permit(configuration)
    return Promise.resolve(configuration)
  }
  const discover = (algorithm: 'oidc' | 'oauth2') =>
    oauth.discovery(url, clientId, metadata, by, {
      algorithm,
      timeout,
      execute: permits,
      [oauth.customFetch]: fetch,
    })
  // Some publish RFC 8414 metadata alone.
  return discover('oidc').catch((error: unknown) => {
    if (error instanceof oauth.ClientError && error.code === 'OAUTH_RESPONSE_IS_NOT_CONFORM')
      return discover('oauth2')
    throw error
  })
}

/** On this machine alone: see `placeOf`. The library calls it deprecated so that it stands out. */
function permitPlain(configuration: oauth.Configuration): void {
  // eslint-disable-next-line @typescript-eslint/no-deprecated
  oauth.allowInsecureRequests(configuration)
}

/** What the settings ask for beside the token itself. */
export function requestOf({ scope, resource, audience }: RequestSettings): Record<string, string> {
  return {
    ...(scope === undefined ? {} : { scope }),
    ...(resource === undefined ? {} : { resource }),
    ...(audience === undefined ? {} : { audience }),
  }
}

function tokenOf(answer: oauth.TokenEndpointResponse): FetchedToken {
  const { access_token: value, token_type: type, expires_in: seconds } = answer
  if (type !== 'bearer') throw new Error(`gives a token of type ${type}, not Bearer`)
  if (seconds === undefined) return { value, lifetimeMs: null }
  // Whole seconds: one of 2 s may be over after 1.001 s, as the clock of the issuer stands.
  const lifetimeMs = (seconds - 1) * msPerSecond
  if (lifetimeMs <= 0) throw new Error(`gives tokens of ${seconds} s, which are over before use`)
  return { value, lifetimeMs }
}

interface Seen {
  readonly status: number
  readonly type: string
}

/** Remembers the last answer: errors of the library do not tell its status. */
function createWitness() {
  let last: Seen | null = null
  return {
    last: () => last,
    forget() {
      last = null
    },
    async watch(answer: Promise<Response>): Promise<Response> {
      const response = await answer
      const [type = ''] = (response.headers.get('content-type') ?? 'no content type').split(';')
      last = { status: response.status, type }
      return response
    },
  }
}

function failureOf(error: unknown, seen: Seen | null, timeoutMs: number): string {
  if (error instanceof oauth.ResponseBodyError) {
    // RFC 6749 section 5.2 has words there; what a server echoes may be anything.
    const word = /^[\w.-]{1,60}$/.test(error.error) ? ` ${error.error}` : ''
    return `answers ${error.status}${word}`
  }
  if (error instanceof oauth.WWWAuthenticateChallengeError) return `answers ${error.status}`
  const code = error instanceof oauth.ClientError ? error.code : undefined
  if (code === 'OAUTH_TIMEOUT') return `does not answer within ${timeoutMs / msPerSecond} s`
  if (seen === null || code === undefined) return describeFault(error)
  if (code === 'OAUTH_RESPONSE_IS_NOT_JSON')
    return `answers ${seen.status} with ${seen.type}, not JSON`
  if (code === 'OAUTH_RESPONSE_IS_NOT_CONFORM') return `answers ${seen.status}`
  if (code === 'OAUTH_PARSE_ERROR') return `answers ${seen.status} with what is not JSON`
  return `answers ${seen.status}, and not as an authorization server does (${describeFault(error)})`
}

/** Calls it until it has once succeeded, and never again. */
export function once<T>(create: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | null = null
  return () => {
    made ??= create().catch((error: unknown) => {
      made = null
      throw error
    })
    return made
  }
}

const secretVariable = 'TRUSTBENCH_CLIENT_SECRET'
const msPerSecond = 1_000
