import type { SanPolicy } from '../config.ts'
import type { Guard, Refusal } from './guard.ts'

/** What a workload's name says (SPIFFE ID: trust domain and path). */
export interface WorkloadName {
  readonly tenant: string
  readonly service: string
}

/**
 * Reads `spiffe://trust-domain/tenant/service`, and no other spelling: nothing is decoded, folded or
 * resolved, so that no two names are the same one. Null for any other text.
 */
export function parseWorkload(uri: string, { trustDomain }: SanPolicy): WorkloadName | null {
  const { domain, tenant, service } = workloadName.exec(uri)?.groups ?? {}
  if (domain !== trustDomain || tenant === undefined || service === undefined) return null
  return { tenant, service }
}

/** Lets a caller do what its service may, whoever's it is; whose payments those are is the tenant guard's. */
export function createSanAuthorization(policy: SanPolicy): Guard {
  const scopesOf = new Map(
    Object.entries(policy.services).map(([service, scopes]) => [service, new Set<string>(scopes)]),
  )
  return ({ caller: { certificate }, requires }) => {
    const workload = certificate === null ? null : parseWorkload(certificate.uri, policy)
    const scopes = workload === null ? undefined : scopesOf.get(workload.service)
    if (scopes === undefined) return refuse('identity_not_allowed')
    return scopes.has(requires.scope) ? null : refuse('insufficient_rights')
  }
}

function refuse(reason: string): Refusal {
  return { status: 403, reason }
}

const workloadName =
  /^spiffe:\/\/(?<domain>[a-z0-9.-]+)\/(?<tenant>[a-z0-9-]+)\/(?<service>[a-z0-9-]+)$/
