import { timingSafeEqual } from 'node:crypto'
import { invalidToken } from './bearer.ts'
import type { Guard } from './guard.ts'

/** The token must be bound to the certificate of this very connection (RFC 8705 section 3). */
export const certificateBinding: Guard = ({ caller: { certificate, token } }) => {
  if (token === null) return invalidToken('no_token')
  if (token.confirmation === undefined) return invalidToken('unbound_token')
  const expected = thumbprintOf(token.confirmation)
  if (expected === null) return invalidToken('malformed_confirmation')
  if (certificate === null) return invalidToken('bound_token_without_certificate')
  if (!equal(expected, certificate.thumbprint)) return invalidToken('binding_mismatch')
  return null
}

/** A server that cannot check a confirmation must not take the token as a bearer token. */
export const bearerOnly: Guard = ({ caller: { token } }) => {
  if (token === null) return invalidToken('no_token')
  if (token.confirmation !== undefined) return invalidToken('bound_token')
  return null
}

/** `x5t#S256` where it is the only confirmation: with a second one, both would have to be checked. */
function thumbprintOf(confirmation: unknown): string | null {
  if (typeof confirmation !== 'object' || confirmation === null) return null
  const [[method, thumbprint] = [], ...others] = Object.entries(confirmation)
  if (others.length > 0) return null
  return method === 'x5t#S256' && typeof thumbprint === 'string' ? thumbprint : null
}

/** Text against text: another encoding of the same digest is another value. */
function equal(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)]
  return left.length === right.length && timingSafeEqual(left, right)
}
