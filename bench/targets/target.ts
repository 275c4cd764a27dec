import { createHash } from 'node:crypto'
import { BenchError } from '../errors.ts'
import { expiredToken, type Renewal } from '../load/renewal.ts'
import { sharedNs } from '../load/stripe.ts'
import type { ClientTls, Endpoint } from '../load/target.ts'
import { clientsOf } from './clients.ts'
import { clientTls, readIdentity, readNamedFile, readSecret } from './credentials.ts'
import { readCrowd, type Crowd, type Watched } from './crowd.ts'
import { cpuPlanOf, type CpuPlan } from './cpu.ts'
import type { HeaderSetting, RequestSettings, TargetSettings } from './settings.ts'
import { tokenPlanOf, type TokenPlan } from './token-plan.ts'
import type { TokenSource } from './tokens.ts'
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
  /** Everything but the token; of many clients the first. */
  readonly endpoint: Endpoint
  /** Null: one client, without a number. */
  readonly crowd: Crowd | null
  readonly hasCertificate: boolean
  /** Null: no token is sent. */
  readonly token: TokenPlan | null
  /** Null: its CPU is unknown. */
  readonly cpu: CpuPlan | null
  /** SHA-256 of method, path, names of headers, and body. */
  readonly requestDigest: string
}

/** Reads all that the settings name; throws usage errors, and sends nothing yet. */
export async function resolveTarget(
  given: TargetSettings,
  limits: Watched & { readonly timeoutMs: number },
): Promise<UserTarget> {
  const list = clientsOf(given)
  const settings = { ...given, ...list?.of(0) }
  const url = parseWebUrl('--target', settings.url)
  const payload =
    settings.bodyFile === undefined ? null : readNamedFile('--body-file', settings.bodyFile)
  const method = methodOf(settings, payload)
  const [status = 200, ...otherStatuses] = settings.expectStatus ?? [200]
  const crowd = list === null ? null : await readCrowd(list, limits)
  const many = list === null || crowd === null ? null : { list, crowd }
  const token = await tokenPlanOf(given, many, limits)
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
    crowd,
    hasCertificate: settings.cert !== undefined,
    token,
    cpu: cpuPlanOf(settings, isLoopback(url)),
    requestDigest: requestDigestOf(url, endpoint),
  }
}

/** What is asked in turn: of many clients each with its own certificate, and its own token. */
export function endpointsOf(target: UserTarget, tokens: TokenSource | null): readonly Endpoint[] {
  const { crowd, token, endpoint } = target
  const { tls } = endpoint
  const many = token?.ofMany === true ? tokens : null
  const common = many === null ? withToken(target, tokens) : endpoint
  const ofClient = (clientOf: () => number) =>
    many === null ? {} : { ownHeaders: () => bearer(goodToken(many, clientOf())) }
  if (crowd?.identities != null && tls !== null) {
    return crowd.identities.map((identity, client) => ({
      ...common,
      ...ofClient(() => client),
      tls: { ...tls, ...identity },
      onPresented: () => crowd.presented?.saw(client),
    }))
  }
  // Nothing of a connection says whose it is: each carries the requests of all clients in turn.
  let next = 0
  return [{ ...common, ...ofClient(() => next++ % (crowd?.count ?? 1)) }]
}

/** The endpoint with the token of the moment in each request; of many clients the first. */
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
function goodToken(tokens: TokenSource, client = 0): string {
  const token = tokens.current(client)
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
