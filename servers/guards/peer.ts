import type { Guard } from './guard.ts'

/**
 * Makes a guard of the one that checks a certificate, for a hop whose peer is another hop: the certificate
 * says who forwards the request, not whose it is, so the guards behind it must not take it for the caller's.
 */
export function createPeerGuard(certificate: Guard): Guard {
  return (exchange) =>
    certificate({ ...exchange, caller: { certificate: null, token: exchange.caller.token } })
}
