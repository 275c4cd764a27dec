import * as oauth from 'openid-client'
import { Agent } from 'undici'
import { createSecureContext, rootCertificates } from 'node:tls'
import { fetchBy } from '../../servers/issuer-fetch.ts'
import { BenchError } from '../errors.ts'
import { readAssertionKey, readNamedFile, readSecret, type ClientIdentity } from './credentials.ts'
import { describeFault } from './faults.ts'
import type { ClientAuthMethod, RequestSettings, SecretRef } from './settings.ts'
import type { FetchedToken } from './tokens.ts'
import { isLoopback, parseWebUrl, storableUrl } from './url.ts'

/** Fetches access tokens by client credentials (RFC 6749 section 4.4). */
export interface TokenIssuer extends AsyncDisposable {
  /** Where tokens come from, as it may be shown. */
  readonly shownUrl: string
  /** Rejects with one line about what was wrong, that repeats no secret. */
  fetch(): Promise<FetchedToken>
}

/** The issuer of the settings; throws usage errors, and asks nothing of it yet. */
export async function createIssuer(
  settings: RequestSettings,
  identity: ClientIdentity | null,
  timeoutMs: number,
): Promise<TokenIssuer> {
  const { option, url } = placeOf(settings)
  const { clientId } = settings
  if (clientId === undefined)
    throw new BenchError('usage', `${option} needs --client-id: whose token is it?`)
  const authentication = await authenticationOf(settings, identity)
  const agent = createAgent(settings, identity)
  const seen = createWitness()
  const request = requestOf(settings)
  const connect = once(() =>
    configure({ option, url, clientId, timeoutMs, ...authentication }, (target, options) =>
      seen.watch(fetchBy(agent, target, options)),
    ),
  )
  const shownUrl = storableUrl(url)
  return {
    shownUrl,
    async fetch() {
      try {
        seen.forget()
        const configuration = await connect()
        seen.forget()
        return tokenOf(await oauth.clientCredentialsGrant(configuration, request))
      } catch (error) {
        throw new BenchError(
          'preflight-failed',
          `${option === '--issuer' ? 'issuer' : 'token endpoint'} ${shownUrl}: ${failureOf(error, seen.last(), timeoutMs)}`,
          { cause: error },
        )
      }
    },
    // Not `close`, which would wait for a fetch under way.
    [Symbol.asyncDispose]: () => agent.destroy(),
  }
}

function placeOf({ issuer, tokenUrl }: RequestSettings) {
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
  return { option, url }
}

interface Authentication {
  readonly by: oauth.ClientAuth
  /** Of servers that have endpoints of their own for client certificates (RFC 8705 section 5). */
  readonly usesCertificate: boolean
}

async function authenticationOf(
  settings: RequestSettings,
  identity: ClientIdentity | null,
): Promise<Authentication> {
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

function createAgent(settings: RequestSettings, identity: ClientIdentity | null): Agent {
  const { issuerCa, ca } = settings
  const [option, path] = issuerCa === undefined ? ['--ca', ca] : ['--issuer-ca', issuerCa]
  // An authorization server is often a service of somebody else, with a certificate that all know.
  const anchors = path === undefined ? null : readNamedFile(option, path).toString('latin1')
  const trusted =
    anchors === null ? {} : { ca: option === '--ca' ? [...rootCertificates, anchors] : anchors }
  // Made once: to parse all anchors anew for each connection would be felt by the load beside it.
  const secureContext = createSecureContext({ ...trusted, ...(identity ?? {}) })
  return new Agent({ connect: { secureContext }, keepAliveTimeout: keepAliveMs })
}

function configure(
  {
    option,
    url,
    clientId,
    timeoutMs,
    by,
    usesCertificate,
  }: Authentication & {
    readonly option: string
    readonly url: URL
    readonly clientId: string
    readonly timeoutMs: number
  },
  fetch: oauth.CustomFetch,
): Promise<oauth.Configuration> {
  const metadata = { use_mtls_endpoint_aliases: usesCertificate }
  const permits = url.protocol === 'http:' ? [permitPlain] : []
  const timeout = timeoutMs / msPerSecond
  if (option === '--token-url') {
    // Without an issuer, assertions are for the token endpoint itself (RFC 7523 section 3).
    const server = { issuer: url.href, token_endpoint: url.href }
    const configuration = new oauth.Configuration(server, clientId, metadata, by)
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

function requestOf({ scope, resource, audience }: RequestSettings): Record<string, string> {
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
function once<T>(create: () => Promise<T>): () => Promise<T> {
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
const keepAliveMs = 60_000
const msPerSecond = 1_000
