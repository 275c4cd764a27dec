import { decodeJwt } from 'jose'
import { BenchError } from '../errors.ts'
import type { ClientList } from './clients.ts'
import { readIdentity, readSecret } from './credentials.ts'
import type { Crowd, Watched } from './crowd.ts'
import { createIssuer, type TokenIssuer } from './issuer.ts'
import { createIssuerOfMany } from './issuer-many.ts'
import type { RequestSettings, SecretRef } from './settings.ts'
import { openTokens, type FetchedToken, type TokenSource } from './tokens.ts'
import { openTokensOfMany } from './tokens-many.ts'

/** Where a token comes from; targets whose `key` is the same share one. */
export interface TokenPlan {
  readonly key: string
  /** Whether each of many clients has a token of its own. */
  readonly ofMany: boolean
  /** Fetches the first ones; rejects with one line that repeats no secret, or when the signal aborts. */
  open(opening: Opening): Promise<TokenSource & AsyncDisposable>
}

/** What ends the fetching of first tokens, who is told of it, and by what chance they are renewed. */
export interface Opening extends Watched {
  readonly seed: number
}

/** Distinct clients, as they were told and read. */
export interface Many {
  readonly list: ClientList
  readonly crowd: Crowd
}

/** The tokens of the settings, of one client or of many; null where none is sent. Throws usage errors. */
export async function tokenPlanOf(
  given: RequestSettings,
  many: Many | null,
  limits: Watched & { readonly timeoutMs: number },
): Promise<TokenPlan | null> {
  const settings = many?.list.of(0) ?? given
  const { token, tokenUrl, issuer } = settings
  if (tokenUrl === undefined && issuer === undefined) {
    const foreign = tokenOnly.find(([key]) => settings[key] !== undefined)
    if (foreign !== undefined)
      throw new BenchError('usage', `${foreign[1]} needs --issuer or --token-url`)
    return token === undefined ? null : planOf(given, many, fixedTokens(many, token))
  }
  if (token !== undefined)
    throw new BenchError('usage', '--token-file: tokens are fetched from the issuer, leave one out')
  return planOf(
    given,
    many,
    many === null
      ? await createIssuer(settings, readIdentity(settings), limits.timeoutMs)
      : await createIssuerOfMany(many.list, many.crowd, limits),
  )
}

function planOf(settings: RequestSettings, many: Many | null, issuer: TokenIssuer): TokenPlan {
  const own = many?.list.ownTokens === true ? many : null
  return {
    key: keyOf(settings),
    ofMany: own !== null,
    open: (opening) =>
      opened(issuer, opening.signal, () =>
        own === null
          ? openTokens(() => issuer.fetch(0))
          : openTokensOfMany((client) => issuer.fetch(client), { clients: own.list, ...opening }),
      ),
  }
}

/** Two targets with the same clients share their tokens; the paths stand for what they hold. */
function keyOf(settings: RequestSettings): string {
  return JSON.stringify(tokenSettings.map((name) => settings[name] ?? null))
}

/** Tokens out of files, which are read anew before they expire: something else may renew them. */
function fixedTokens(many: Many | null, common: SecretRef): TokenIssuer {
  return {
    fetch: (client) =>
      Promise.resolve().then(() => readToken(many?.list.of(client).token ?? common)),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
}

function readToken(ref: SecretRef): FetchedToken {
  const value = readSecret('--token-file', ref).trim()
  // RFC 6750 section 2.1: what a Bearer token may look like.
  if (!/^[A-Za-z0-9._~+/-]+=*$/.test(value))
    throw new BenchError('usage', '--token-file: holds no token, expected one and nothing else')
  const lifetimeMs = lifetimeOf(value)
  if (lifetimeMs !== null && lifetimeMs <= 0)
    throw new BenchError('preflight-failed', '--token-file: the token in it has expired')
  return { value, lifetimeMs }
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
  issuer: TokenIssuer,
  signal: AbortSignal,
  open: () => Promise<TokenSource>,
): Promise<TokenSource & AsyncDisposable> {
  const dispose = () => issuer[Symbol.asyncDispose]()
  // What hangs in a fetch ends with the connection.
  const onAbort = () => void dispose()
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    const source = await open()
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
const tokenSettings = [
  'tokenUrl',
  'issuer',
  'token',
  'cert',
  'ca',
  'issuerCa',
  'clientId',
  'clientAuth',
  'clientSecret',
  'clientKey',
  'scope',
  'resource',
  'audience',
  'clients',
  'firstClient',
  'identities',
] as const
const msPerSecond = 1_000
