import type { Guard, Refusal } from './guard.ts'

/** Every tenant the caller's credentials name, and at least one, must be the tenant that the route touches. */
export const tenant: Guard = ({ caller: { certificate, token }, requires }) => {
  const orgIds = [certificate, token].flatMap((credential) => credential?.orgId ?? [])
  if (orgIds.length === 0 || token?.orgId === null) return wrongTenant
  return orgIds.every((orgId) => orgId === requires.orgId) ? null : wrongTenant
}

const wrongTenant: Refusal = { status: 403, reason: 'wrong_tenant' }
