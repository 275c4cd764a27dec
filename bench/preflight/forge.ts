import { constants, createHmac, createPrivateKey, randomUUID, sign } from 'node:crypto'
import type { JWK } from 'jose'

/** What a forged token says otherwise than a good one; a claim set to undefined is left out. */
export interface Forgery {
  readonly header?: Readonly<Record<string, unknown>>
  readonly claims?: Readonly<Record<string, unknown>>
  /** Signs `header.payload`; default: the issuer's own key. */
  readonly signer?: Signer
}

/** Signs bytes; the result is not yet encoded. */
export type Signer = (input: string) => Buffer

/**
 * Makes access tokens with the key of the issuer, each different from a good one in what is told only.
 * Shares no code with the servers' verifier.
 */
export interface Forge {
  token(forgery?: Forgery): string
}

/** Creates a forge; `claims` are those a good token has beside the times and `jti`. */
export function createForge({
  key,
  claims,
}: {
  key: JWK
  claims: Readonly<Record<string, unknown>>
}): Forge {
  const ownSigner = signerOf(key)
  return {
    token({ header = {}, claims: changed = {}, signer = ownSigner } = {}) {
      const nowSeconds = secondsFromNow(0)
      const input = [
        { alg: key.alg, typ: 'at+jwt', kid: key.kid, ...header },
        { ...claims, iat: nowSeconds, exp: nowSeconds + ttlSeconds, jti: randomUUID(), ...changed },
      ]
        .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
        .join('.')
      return `${input}.${signer(input).toString('base64url')}`
    },
  }
}

/** NumericDate (RFC 7519 section 2) some seconds from now. */
export function secondsFromNow(seconds: number): number {
  return Math.floor(Date.now() / 1_000) + seconds
}

/** Signs as the `alg` of a private JWK says (RFC 7518 section 3, RFC 8037). */
export function signerOf(jwk: JWK): Signer {
  const { alg = '', k } = jwk
  if (k !== undefined) return hmacSigner(Buffer.from(k, 'base64url'))
  const key = createPrivateKey({ key: { ...jwk }, format: 'jwk' })
  if (alg === 'EdDSA') return (input) => sign(null, Buffer.from(input), key)
  const digest = `sha${alg.slice(2)}`
  const padding = alg.startsWith('PS')
    ? { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }
    : {}
  return (input) => sign(digest, Buffer.from(input), { key, dsaEncoding: 'ieee-p1363', ...padding })
}

/** Signs by HMAC SHA-256 (HS256) with any bytes as secret. */
export function hmacSigner(secret: string | Buffer): Signer {
  return (input) => createHmac('sha256', secret).update(input).digest()
}

/** Longer than any preflight. */
const ttlSeconds = 300
