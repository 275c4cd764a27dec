import { hash } from 'node:crypto'
import { compactVerify, errors, importJWK } from 'jose'
import type { CryptoKey, JWK } from 'jose'
import type { Refusal } from './guard.ts'
import { parseObject, splitToken, TokenError } from './jwt-verifiers.ts'
import { createReplayStore } from './replay-store.ts'

/** What a proof must be about. */
export interface ProofContext {
  readonly method: string
  /** Scheme, authority and path of the request, by what this server is called and not by its Host header. */
  readonly url: string
  readonly token: string
  /** Thumbprint of the key that the token is bound to (RFC 7638). */
  readonly thumbprint: string
}

/** Why a proof is refused; null when it is good, and this was its one use. */
export type ProofVerifier = (proof: string, context: ProofContext) => Promise<Refusal | null>

/**
 * Checks DPoP proofs (RFC 9449 section 4.3). A proof is remembered only when everything else about it is
 * right, so that strangers cannot fill the memory.
 */
export function createProofVerifier(): ProofVerifier {
  const use = createReplayStore({ ttlMs: (maxAgeSeconds + maxSkewSeconds) * 1_000 })
  const keyOf = createKeys()
  return async (proof, context) => {
    try {
      const header = readHeader(proof)
      if (header.thumbprint !== context.thumbprint)
        return { status: 401, reason: 'binding_mismatch', challenge: invalidTokenChallenge }
      const { payload } = await compactVerify(proof, await keyOf(header), {
        algorithms: [...proofAlgorithms],
      })
      const { jti } = checkClaims(JSON.parse(utf8.decode(payload)), context)
      const usage = use(`${header.thumbprint}.${jti}`)
      if (usage === 'first') return null
      return usage === 'replayed'
        ? invalidProof('proof_replayed')
        : { status: 503, reason: 'replay_store_full', retryAfterSeconds: 1 }
    } catch (error) {
      return invalidProof(reasonOf(error))
    }
  }
}

/** Refusal for the proof itself (RFC 9449 section 7.1). */
export function invalidProof(reason: string): Refusal {
  return { status: 401, reason, challenge: 'DPoP error="invalid_dpop_proof"' }
}

interface ProofHeader {
  readonly alg: string
  readonly jwk: JWK
  readonly thumbprint: string
}

function readHeader(proof: string): ProofHeader {
  const { typ, alg, jwk, crit } = parseObject(splitToken(proof).header)
  if (typ !== 'dpop+jwt') throw new TokenError('proof_wrong_type')
  if (crit !== undefined) throw new TokenError('proof_unknown_critical')
  if (typeof alg !== 'string' || !proofAlgorithms.includes(alg))
    throw new TokenError('proof_algorithm_not_allowed')
  if (typeof jwk !== 'object' || jwk === null) throw new TokenError('proof_without_key')
  if (privateMembers.some((member) => Object.hasOwn(jwk, member)))
    throw new TokenError('proof_private_key')
  return { alg, jwk, thumbprint: thumbprintOf(jwk) }
}

/** RFC 7638: the required members in alphabetical order, nothing else. */
function thumbprintOf(jwk: JWK): string {
  const members = requiredMembers.get(jwk.kty ?? '') ?? []
  const values = members.map((member): [string, unknown] => [member, jwk[member as keyof JWK]])
  if (values.length === 0 || values.some(([, value]) => typeof value !== 'string'))
    throw new TokenError('proof_malformed_key')
  return hash('sha256', JSON.stringify(Object.fromEntries(values)), 'base64url')
}

/** Importing a key takes as long as a third of a verification: those seen lately are kept. */
function createKeys(): (header: ProofHeader) => Promise<CryptoKey> {
  const keys = new Map<string, Promise<CryptoKey>>()
  return ({ alg, jwk, thumbprint }) => {
    const name = `${alg} ${thumbprint}`
    const known = keys.get(name)
    keys.delete(name)
    const key = known ?? importPublic(jwk, alg)
    keys.set(name, key)
    key.catch(() => keys.delete(name))
    const [oldest] = keys.keys()
    if (keys.size > mostKeys && oldest !== undefined) keys.delete(oldest)
    return key
  }
}

async function importPublic(jwk: JWK, alg: string): Promise<CryptoKey> {
  const key = await importJWK(jwk, alg).catch(() => null)
  if (key instanceof CryptoKey && key.type === 'public') return key
  throw new TokenError('proof_malformed_key')
}

function checkClaims(value: unknown, { method, url, token }: ProofContext): { jti: string } {
  const claims: Readonly<Record<string, unknown>> =
    typeof value === 'object' && value !== null ? { ...value } : {}
  const { jti, htm, htu, iat, ath } = claims
  if (typeof jti !== 'string' || jti === '' || jti.length > mostJtiLength)
    throw new TokenError('proof_malformed_jti')
  if (htm !== method) throw new TokenError('proof_wrong_method')
  if (typeof htu !== 'string' || withoutQuery(htu) !== url) throw new TokenError('proof_wrong_url')
  const ageSeconds = typeof iat === 'number' ? Date.now() / 1_000 - iat : Number.NaN
  if (!(ageSeconds <= maxAgeSeconds)) throw new TokenError('proof_stale')
  if (ageSeconds < -maxSkewSeconds) throw new TokenError('proof_from_future')
  if (ath !== hash('sha256', token, 'base64url')) throw new TokenError('proof_of_another_token')
  return { jti }
}

/** Section 4.3: query and fragment of `htu` are not looked at; all else is normalised (RFC 3986 section 6.2). */
function withoutQuery(htu: string): string | null {
  const url = URL.parse(htu)
  return url === null || url.username !== '' || url.password !== ''
    ? null
    : `${url.origin}${url.pathname}`
}

function reasonOf(error: unknown): string {
  if (error instanceof TokenError)
    return error.reason === 'malformed_token' ? 'proof_malformed' : error.reason
  if (error instanceof errors.JWSSignatureVerificationFailed) return 'proof_bad_signature'
  return 'proof_malformed'
}

/** Asymmetric only (section 4.2). */
const proofAlgorithms: readonly string[] = ['ES256', 'ES384', 'RS256', 'PS256', 'EdDSA']
/** For the challenge to who brings nothing. */
export const dpopChallenge = `DPoP algs="${proofAlgorithms.join(' ')}"`
const invalidTokenChallenge = 'DPoP error="invalid_token"'
/** RFC 7518 section 6, RFC 8037 section 2. */
const privateMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k']
const requiredMembers: ReadonlyMap<string, readonly string[]> = new Map([
  ['EC', ['crv', 'kty', 'x', 'y']],
  ['RSA', ['e', 'kty', 'n']],
  ['OKP', ['crv', 'kty', 'x']],
])
const utf8 = new TextDecoder('utf-8', { fatal: true })
/** Long enough for a request that was queued, short enough for the memory of replays. */
const maxAgeSeconds = 60
const maxSkewSeconds = 5
const mostJtiLength = 256
const mostKeys = 10_000
