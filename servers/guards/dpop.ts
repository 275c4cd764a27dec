import type { IncomingMessage } from 'node:http'
import type { IssuerConfig } from '../config.ts'
import type { Telemetry } from '../telemetry.ts'
import { createJwtCheck } from './bearer-jwt.ts'
import { readBearer } from './bearer.ts'
import { createProofVerifier, dpopChallenge, invalidProof } from './dpop-proof.ts'
import type { Guard, Refusal } from './guard.ts'
import type { RevokedTokens } from './revoked-tokens.ts'

/**
 * Takes access tokens that are bound to a key of the client, and with each request a proof that it has
 * that key (RFC 9449). `host` is what this server is called: the Host header is the client's to write.
 */
export async function createDpopGuard(
  issuer: IssuerConfig,
  host: string,
  telemetry: Telemetry,
  revoked?: RevokedTokens,
): Promise<Guard> {
  const checkToken = await createJwtCheck(issuer, telemetry, revoked)
  const checkProof = createProofVerifier()
  return async ({ request, caller }) => {
    const token = readBearer(request, dpopScheme)
    if (typeof token !== 'string') return inScheme(token)
    const proof = readProof(request.rawHeaders)
    if (typeof proof !== 'string') return proof
    const checked = await checkToken(token)
    if ('reason' in checked) return inScheme(checked)
    const thumbprint = boundKey(checked.confirmation)
    if (typeof thumbprint !== 'string') return inScheme(thumbprint)
    const refusal = await checkProof(proof, {
      method: request.method ?? '',
      url: urlOf(request, host),
      token,
      thumbprint,
    })
    if (refusal !== null) return refusal
    caller.token = checked
    return null
  }
}

/** The one proof of a request (section 4.3, check 1). */
function readProof(rawHeaders: readonly string[]): string | Refusal {
  const proofs: string[] = []
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]
    if (name?.length === 4 && name.toLowerCase() === 'dpop')
      proofs.push(rawHeaders[index + 1] ?? '')
  }
  const [proof, ...others] = proofs
  if (proof === undefined) return invalidProof('no_proof')
  return others.length > 0 ? invalidProof('two_proofs') : proof
}

/** `jkt` where it is the only confirmation: with a second one, both would have to be checked. */
function boundKey(confirmation: unknown): string | Refusal {
  const refuse = (reason: string): Refusal => ({
    status: 401,
    reason,
    challenge: 'Bearer error="invalid_token"',
  })
  if (confirmation === undefined) return refuse('unbound_token')
  if (typeof confirmation !== 'object' || confirmation === null)
    return refuse('malformed_confirmation')
  const [[method, thumbprint] = [], ...others] = Object.entries(confirmation)
  if (others.length > 0 || method !== 'jkt' || typeof thumbprint !== 'string')
    return refuse('malformed_confirmation')
  return thumbprint
}

function urlOf({ url = '', socket }: IncomingMessage, host: string): string {
  const query = url.indexOf('?')
  const path = query === -1 ? url : url.slice(0, query)
  return `https://${host.includes(':') ? `[${host}]` : host}:${socket.localPort ?? 0}${path}`
}

/** The same refusal, its challenge in this scheme (section 7.1). */
function inScheme(refusal: Refusal): Refusal {
  const { challenge } = refusal
  if (challenge === undefined) return refusal
  if (challenge === 'Bearer') return { ...refusal, challenge: dpopChallenge }
  return { ...refusal, challenge: challenge.replace(/^Bearer/, 'DPoP') }
}

/** As for bearer tokens, but for its name (section 7.1). */
const dpopScheme = { scheme: /^dpop(?: |$)/i, credentials: /^dpop +([\w.~+/-]+=*)$/i } as const
