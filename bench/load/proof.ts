import { createPrivateKey, hash, randomUUID, sign } from 'node:crypto'
import type { JWK } from 'jose'

/** What a client proves: that it has the key, for one method and URL, with one token. */
export interface ProofSubject {
  /** Private, ES256. */
  readonly key: JWK
  readonly method: string
  /** Without query and fragment. */
  readonly url: string
  /** Null at an authorization server, which is to give one. */
  readonly token: string | null
}

/**
 * Makes DPoP proofs (RFC 9449 section 4.2), each of which is good once. Signs on this thread: a client
 * pays for it at every request, and so does this one.
 */
export function createProofs({ key, method, url, token }: ProofSubject): () => string {
  const privateKey = createPrivateKey({ key: { ...key }, format: 'jwk' })
  const { kty, crv, x, y } = key
  const header = encoded({ typ: 'dpop+jwt', alg: 'ES256', jwk: { kty, crv, x, y } })
  const ath = token === null ? {} : { ath: hash('sha256', token, 'base64url') }
  return () => {
    const iat = Math.floor(Date.now() / 1_000)
    const input = `${header}.${encoded({ jti: randomUUID(), htm: method, htu: url, iat, ...ath })}`
    const signature = sign('sha256', Buffer.from(input), {
      key: privateKey,
      dsaEncoding: 'ieee-p1363',
    })
    return `${input}.${signature.toString('base64url')}`
  }
}

function encoded(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}
