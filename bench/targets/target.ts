import { createHash } from 'node:crypto'
import { decodeJwt } from 'jose'
import { BenchError } from '../errors.ts'
import { expiredToken, type Renewal } from '../load/renewal.ts'
import { sharedNs } from '../load/stripe.ts'
import type { ClientTls, Endpoint } from '../load/target.ts'
import { clientTls, readIdentity, readNamedFile, readSecret } from './credentials.ts'
import { createIssuer } from './issuer.ts'
import { cpuPlanOf, type CpuPlan } from './cpu.ts'
import type { HeaderSetting, RequestSettings, SecretRef, TargetSettings } from './settings.ts'
import { openTokens, type FetchedToken, type TokenSource } from './tokens.ts'
import { bareHost, isLoopback, parseWebUrl, portOf, storableUrl } from './url.ts'

/** A server that is the user's own, ready to be asked. */
export interface UserTarget {
  /** What its arm is called: its name, or host and path. */
  readonly label: string
  /** As it may be stored. */
  readonly url: string
  /** For messages. */
  readonly host: string
  readonly isLoopback: boolean
  /** Everything but the token. */
  readonly endpoint: Endpoint
  readonly hasCertificate: boolean
  /** Null: no token is sent. */
  readonly token: TokenPlan | null
  /** Null: its CPU is unknown. */
  readonly cpu: CpuPlan | null
  /** SHA-256 of method, path, names of headers, and body. */
  readonly requestDigest: string
}

/** Where a token comes from; targets whose `key` is the same share one. */
export interface TokenPlan {
  readonly key: string
  /** Fetches the first one; rejects with one line that repeats no secret, or when the signal aborts. */
  open(signal: AbortSignal): Promise<TokenSource & AsyncDisposable>
}

/** Reads all that the settings name; throws usage errors, and sends nothing yet. */
export async function resolveTarget(
  settings: TargetSettings,
  timeoutMs: number,
): Promise<UserTarget> {
  const url = parseWebUrl('--target', settings.url)
  const payload =
    settings.bodyFile === undefined ? null : readNamedFile('--body-file', settings.bodyFile)
  const method = methodOf(settings, payload)
  const [status = 200, ...otherStatuses] = settings.expectStatus ?? [200]
  const token = await tokenPlanOf(settings, timeoutMs)
  const headers = headersOf(settings, { url, hasToken: token !== null })
  const endpoint: Endpoint = {
    host: bareHost(url),
    port: portOf(url),
    tls: tlsOf(url, settings),
    path: `${url.pathname}${url.search}`,
    method,
    headers,
    ...(payload === null ? {} : { payload }),
    expect: {
      status,
      body: null,
      ...(otherStatuses.length === 0 ? {} : { otherStatuses }),
      ...(settings.expectBodyDigest === undefined
        ? {}
        : { bodySha256: digestOf(settings.expectBodyDigest) }),
      ...(method === 'HEAD' ? { headOnly: true } : {}),
    },
  }
  return {
    label: settings.name ?? `${url.host}${url.pathname === '/' ? '' : url.pathname}`,
    url: storableUrl(url),
    host: url.host,
    isLoopback: isLoopback(url),
    endpoint,
    hasCertificate: settings.cert !== undefined,
    token,
    cpu: cpuPlanOf(settings, isLoopback(url)),
    requestDigest: requestDigestOf(url, endpoint),
  }
}

/** The endpoint with the token of the moment in each request. */
export function withToken(target: UserTarget, tokens: TokenSource | null): Endpoint {
  if (tokens === null) return target.endpoint
  const { headers } = target.endpoint
  // One that never changes need not be asked for: the request's bytes are then made once.
  return tokens.stats().lifetimeMs === null
    ? { ...target.endpoint, headers: { ...headers, ...bearer(tokens.current()) } }
    : {
        ...target.endpoint,
        ownHeaders: () => bearer(goodToken(tokens)),
        renewal: renewalOf(tokens),
      }
}

/** What other processes are told of the tokens: the clock of one of them is no other's. */
function renewalOf(tokens: TokenSource): Renewal {
  const current = () => {
    const endMs = tokens.expiresAtMs()
    const goodUntilNs = endMs === null ? null : sharedNs(endMs)
    return { headers: bearer(tokens.current()), goodUntilNs }
  }
  return {
    current,
    onRenewed: (tell) =>
      tokens.onRenewed(() => {
        tell(current())
      }),
  }
}

function bearer(token: string): { readonly authorization: string } {
  return { authorization: `Bearer ${token}` }
}

/** Throws where there is none: then no request is sent at all. */
function goodToken(tokens: TokenSource): string {
  const token = tokens.current()
  if (token === '') throw expiredToken()
  return token
}

function methodOf({ method }: RequestSettings, payload: Buffer | null): string {
  if (method === undefined) return payload === null ? 'GET' : 'POST'
  const upper = method.toUpperCase()
  if (/^[A-Z]{3,16}$/.test(upper) && upper !== 'CONNECT') return upper
  throw new BenchError('usage', `--method ${method}: expected an HTTP method, as PUT`)
}

function digestOf(text: string): string {
  const [, digest] = /^(?:sha256:)?([0-9a-f]{64})$/i.exec(text) ?? []
  if (digest !== undefined) return digest.toLowerCase()
  throw new BenchError(
    'usage',
    `--expect-body-digest ${text}: expected the SHA-256 of the body, 64 hexadecimal digits`,
  )
}

function tlsOf(url: URL, settings: RequestSettings): ClientTls | null {
  const { cert, ca } = settings
  const identity = readIdentity(settings)
  if (url.protocol === 'http:') {
    // They may still be for the issuer.
    const isOfIssuer = settings.issuer !== undefined || settings.tokenUrl !== undefined
    const given = cert === undefined ? (ca === undefined ? null : '--ca') : '--cert'
    if (given !== null && !isOfIssuer)
      throw new BenchError('usage', `${given}: --target ${storableUrl(url)} speaks no TLS`)
    return null
  }
  const anchors = ca === undefined ? null : readNamedFile('--ca', ca).toString('latin1')
  const given = [
    ...(cert === undefined ? [] : ['--cert', '--key']),
    ...(ca === undefined ? [] : ['--ca']),
  ]
  return clientTls(bareHost(url), { identity, anchors, names: given.join(', ') })
}

function headersOf(
  { headers = [] }: RequestSettings,
  { url, hasToken }: { readonly url: URL; readonly hasToken: boolean },
): Record<string, string> {
  const all: Record<string, string> = { host: url.host, accept: '*/*' }
  for (const { name, value } of headers) {
    const lower = name.toLowerCase()
    if (!/^[!#$%&'*+.^_`|~\w-]+$/.test(name))
      throw new BenchError('usage', '--header: not a name of a header, expected NAME: VALUE')
    if (ownHeaders.has(lower))
      throw new BenchError('usage', `--header ${lower}: is set by what is sent, leave it out`)
    if (lower === 'authorization' && hasToken)
      throw new BenchError(
        'usage',
        '--header authorization: a token is sent already, leave one out',
      )
    all[lower] = headerValue(lower, value)
  }
  return all
}

function headerValue(name: string, value: HeaderSetting['value']): string {
  const text = typeof value === 'string' ? value : readSecret(`--header ${name}`, value)
  // RFC 9110 section 5.5; anything else could end the head, and is not latin1.
  if (/^[\t\x20-\x7e\x80-\xff]*$/.test(text)) return text.trim()
  throw new BenchError(
    'usage',
    `--header ${name}: its value has characters that no header may have`,
  )
}

async function tokenPlanOf(
  settings: RequestSettings,
  timeoutMs: number,
): Promise<TokenPlan | null> {
  const { token, tokenUrl, issuer } = settings
  if (tokenUrl === undefined && issuer === undefined) {
    const foreign = tokenOnly.find(([key]) => settings[key] !== undefined)
    if (foreign !== undefined)
      throw new BenchError('usage', `${foreign[1]} needs --issuer or --token-url`)
    return token === undefined ? null : fixedToken(token)
  }
  if (token !== undefined)
    throw new BenchError('usage', '--token-file: tokens are fetched from the issuer, leave one out')
  const own = await createIssuer(settings, readIdentity(settings), timeoutMs)
  // Two targets with the same client share its tokens; the paths stand for what they hold.
  const { cert, ca, issuerCa, clientId, clientAuth, clientSecret, clientKey } = settings
  const { scope, resource, audience } = settings
  const parts = [tokenUrl, issuer, cert, ca, issuerCa, clientId, clientAuth, clientSecret]
  return {
    key: JSON.stringify([...parts, clientKey, scope, resource, audience].map((one) => one ?? null)),
    open: (signal) =>
      opened(
        () => own.fetch(),
        async () => {
          await own[Symbol.asyncDispose]()
        },
        signal,
      ),
  }
}

/** A token out of a file, which is read anew before it expires: something else may renew it. */
function fixedToken(ref: SecretRef): TokenPlan {
  const fetch = (): Promise<FetchedToken> =>
    Promise.resolve().then(() => {
      const value = readSecret('--token-file', ref).trim()
      // RFC 6750 section 2.1: what a Bearer token may look like.
      if (!/^[A-Za-z0-9._~+/-]+=*$/.test(value))
        throw new BenchError('usage', '--token-file: holds no token, expected one and nothing else')
      const lifetimeMs = lifetimeOf(value)
      if (lifetimeMs !== null && lifetimeMs <= 0)
        throw new BenchError('preflight-failed', '--token-file: the token in it has expired')
      return { value, lifetimeMs }
    })
  return {
    key: JSON.stringify(ref),
    open: (signal) => opened(fetch, () => Promise.resolve(), signal),
  }
}

/** Of a JWT what is left of it, by this machine's clock; null of anything else. */
function lifetimeOf(token: string): number | null {
  try {
    const { exp } = decodeJwt(token)
    return exp === undefined ? null : exp * msPerSecond - Date.now()
  } catch {
    return null
  }
}

async function opened(
  fetch: () => Promise<FetchedToken>,
  dispose: () => Promise<void>,
  signal: AbortSignal,
): Promise<TokenSource & AsyncDisposable> {
  // What hangs in a fetch ends with the connection.
  const onAbort = () => void dispose()
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    const source = await openTokens(fetch)
    return Object.assign(source, {
      async [Symbol.asyncDispose]() {
        source[Symbol.dispose]()
        await dispose()
      },
    })
  } catch (error) {
    await dispose()
    signal.throwIfAborted()
    throw error
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

function requestDigestOf(
  { pathname }: URL,
  { method = 'GET', headers, payload }: Endpoint,
): string {
  const names = Object.keys(headers).sort().join(' ')
  const hash = createHash('sha256').update(`${method} ${pathname} HTTP/1.1 ${names}`)
  if (payload !== undefined) hash.update(payload)
  return hash.digest('hex')
}

/** Fields that say where a message ends and what becomes of its connection. */
const ownHeaders = new Set(['content-length', 'transfer-encoding', 'connection', 'upgrade', 'te'])
const tokenOnly = [
  ['clientId', '--client-id'],
  ['clientAuth', '--client-auth'],
  ['clientSecret', '--client-secret-file'],
  ['clientKey', '--client-key-file'],
  ['scope', '--scope'],
  ['resource', '--resource'],
  ['audience', '--audience'],
  ['issuerCa', '--issuer-ca'],
] as const
const msPerSecond = 1_000
