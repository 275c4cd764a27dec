import type { Guard } from './guard.ts'

/** The token must carry the scope that the route requires (RFC 6750 section 3.1). */
export const scope: Guard = ({ caller: { token }, requires }) => {
  if (token?.scopes.includes(requires.scope)) return null
  return {
    status: 403,
    reason: 'insufficient_scope',
    challenge: `Bearer error="insufficient_scope", scope="${requires.scope}"`,
  }
}
