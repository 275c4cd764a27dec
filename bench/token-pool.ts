import { randomUUID } from 'node:crypto'
import { BenchError } from './errors.ts'
import type { Lab } from './lab.ts'
import { fetchTokens, type TokenRequest } from './lab-tokens.ts'
import { signerOf } from './preflight/forge.ts'
import { coldTokens } from './token-pool-sizes.ts'

/** Access tokens of one client, all different, and which of them comes next. */
export interface TokenPool {
  /** The token of the first request; the authorization server itself made it. */
  readonly first: string
  /** The token of each further request; null where every request brings the first. */
  readonly next: (() => string) | null
}

/** How many tokens there are to be, and how they are presented. */
export interface PoolRequest extends TokenRequest {
  readonly form: 'jwt' | 'opaque'
  readonly tokens: number
  /** Share of requests that bring the first token, the others one that no cache has; null = all in turn. */
  readonly hitRatio: number | null
}

/**
 * Fetches a client's tokens. Of JWTs only the first comes from the authorization server: the others are the
 * same but for `jti`, and signed with its key, since a hundred thousand would take it half a minute.
 */
export async function createTokenPool(
  lab: Lab,
  issuerUrl: string,
  { form, tokens, hitRatio, ...request }: PoolRequest,
): Promise<TokenPool> {
  const count = hitRatio === null ? tokens : coldTokens + 1
  if (form === 'opaque' && count > mostOpaque) {
    throw new BenchError(
      'usage',
      `tokens=${tokens}: opaque tokens are fetched one by one, at most ${mostOpaque} of them`,
    )
  }
  const fetched = await fetchTokens(lab, issuerUrl, request, form === 'jwt' ? 1 : count)
  const [first = '', ...others] = fetched
  if (count === 1) return { first, next: null }
  const further = form === 'jwt' ? Array.from({ length: count - 1 }, reissue(lab, first)) : others
  return {
    first,
    next: hitRatio === null ? inTurn([first, ...further]) : mixed(first, further, hitRatio),
  }
}

/** Each token as often as any other. */
function inTurn(tokens: readonly string[]): () => string {
  let index = 0
  return () => {
    index = (index + 1) % tokens.length
    return tokens[index] ?? ''
  }
}

/** The hot token in exactly this share of requests, spread evenly; the cold ones in turn. */
export function mixed(hot: string, cold: readonly string[], hitRatio: number): () => string {
  const nextCold = inTurn(cold)
  let requests = 0
  return () => {
    const before = Math.floor(requests * (1 - hitRatio) + rounding)
    requests += 1
    return Math.floor(requests * (1 - hitRatio) + rounding) > before ? nextCold() : hot
  }
}

/** Makes the same token anew, under another `jti`. */
function reissue({ signingKeys: [key = {}] }: Lab, token: string): () => string {
  const sign = signerOf(key)
  const [header = '', payload = ''] = token.split('.')
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as object
  return () => {
    const changed = Buffer.from(JSON.stringify({ ...claims, jti: randomUUID() }))
    const input = `${header}.${changed.toString('base64url')}`
    return `${input}.${sign(input).toString('base64url')}`
  }
}

const mostOpaque = 1_000
/** 0.1 is a little more in binary, and ten of them a little less. */
const rounding = 1e-9
