import type { Guard } from './guard.ts'

/** The token must carry the scope that the route requires (RFC 6750 section 3.1). */
export function createScopeGuard(scheme: 'Bearer' | 'DPoP'): Guard {
  return ({ caller: { token }, requires }) => {
    if (token?.scopes.includes(requires.scope)) return null
    return {
      status: 403,
      reason: 'insufficient_scope',
      challenge: `${scheme} error="insufficient_scope", scope="${requires.scope}"`,
    }
  }
}

/** For bearer tokens, and those bound to certificates, which are presented alike (RFC 8705 section 3). */
export const scope: Guard = createScopeGuard('Bearer')
