import { hash, randomUUID } from 'node:crypto'
import type { JWK } from 'jose'
import { secondsFromNow, signerOf, type Signer } from './forge.ts'

/** What a forged proof says otherwise than a good one; a claim set to undefined is left out. */
export interface ProofForgery {
  readonly header?: Readonly<Record<string, unknown>>
  readonly claims?: Readonly<Record<string, unknown>>
  /** Claims that follow from the good ones. */
  readonly change?: (good: { readonly htu: string }) => Readonly<Record<string, unknown>>
  /** Token whose hash is in it; default: the one presented. */
  readonly token?: () => string
  /** Default: the client's own key. */
  readonly signer?: Signer
}

/** What a good proof is about. */
export interface ProofFacts {
  readonly method: string
  readonly url: string
  /** Null where no token is presented. */
  readonly token: string | null
}

/**
 * Makes DPoP proofs (RFC 9449 section 4.2) with the key of the good client. Shares no code with the server's
 * verifier, nor with the load's.
 */
export function createProofForge(key: JWK): (facts: ProofFacts, forgery?: ProofForgery) => string {
  const ownSigner = signerOf(key)
  const { kty, crv, x, y } = key
  return ({ method, url, token }, { header, claims, change, token: other, signer } = {}) => {
    const hashed = other?.() ?? token
    const good = {
      jti: randomUUID(),
      htm: method,
      htu: url,
      iat: secondsFromNow(0),
      ...(hashed === null ? {} : { ath: hash('sha256', hashed, 'base64url') }),
    }
    const input = [
      { typ: 'dpop+jwt', alg: key.alg, jwk: { kty, crv, x, y }, ...header },
      { ...good, ...change?.(good), ...claims },
    ]
      .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
      .join('.')
    return `${input}.${(signer ?? ownSigner)(input).toString('base64url')}`
  }
}
