import { createPublicKey } from 'node:crypto'
import type { webcrypto } from 'node:crypto'
import type { IssuerConfig } from '../config.ts'
import { createIssuerClient } from '../guards/issuer-client.ts'
import { StartError } from '../process.ts'
import type { IssuerKey } from './product.ts'

/**
 * The issuer's keys of the algorithms that are allowed, for products that take keys from their configuration:
 * a key that comes later needs a reload. Throws a StartError where the key set cannot be had.
 */
export async function fetchIssuerKeys(issuer: IssuerConfig): Promise<IssuerKey[]> {
  const ask = createIssuerClient(issuer.caFile)
  const headers = { accept: 'application/jwk-set+json, application/json' }
  const answer = await ask({
    url: issuer.jwksUri,
    method: 'GET',
    headers,
    timeoutMs: keySetTimeoutMs,
  })
  if (answer.status !== 200) {
    throw new StartError(
      `key set ${issuer.jwksUri} answered ${answer.status}: start the authorization server first`,
    )
  }
  return readKeySet(answer.body, issuer.algorithms)
}

/** Keys of a JWK set (RFC 7517) of these algorithms, in the forms that products take. */
export function readKeySet(text: string, algorithms: readonly string[]): IssuerKey[] {
  const set: unknown = JSON.parse(text)
  const keys = typeof set === 'object' && set !== null && 'keys' in set ? set.keys : []
  if (!Array.isArray(keys)) return []
  return keys.flatMap((jwk: unknown) => (isUsable(jwk, algorithms) ? [keyOf(jwk)] : []))
}

type NamedKey = webcrypto.JsonWebKey & { readonly kid: string; readonly alg: string }

function isUsable(jwk: unknown, algorithms: readonly string[]): jwk is NamedKey {
  if (typeof jwk !== 'object' || jwk === null) return false
  if (!('kid' in jwk) || !('alg' in jwk)) return false
  const { kid, alg } = jwk
  // Names go into configurations: nothing that could mean anything there.
  if (typeof kid !== 'string' || !/^[\w-]+$/.test(kid)) return false
  return typeof alg === 'string' && algorithms.includes(alg)
}

function keyOf(jwk: NamedKey): IssuerKey {
  const key = createPublicKey({ key: jwk, format: 'jwk' })
  return {
    kid: jwk.kid,
    algorithm: jwk.alg,
    spki: key.export({ type: 'spki', format: 'der' }).toString('base64'),
    pem: key.export({ type: 'spki', format: 'pem' }),
    jwk: JSON.stringify({
      ...key.export({ format: 'jwk' }),
      kid: jwk.kid,
      alg: jwk.alg,
      use: 'sig',
    }),
  }
}

const keySetTimeoutMs = 5_000
