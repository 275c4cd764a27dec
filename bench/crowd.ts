import { randomUUID } from 'node:crypto'
import type { JWK } from 'jose'
import type { ClientTrust } from '../servers/config.ts'
import type { Identity } from '../servers/pki.ts'
import { signerOf } from './preflight/forge.ts'

/** One of many clients: its tenant, and its name as URI and as OAuth client. */
export interface CrowdMember {
  readonly orgId: string
  readonly uri: string
  readonly clientId: string
}

/** So many clients, each of a tenant of its own; none where there is but the one. */
export function crowdOf(clients: number): CrowdMember[] {
  if (clients === 1) return []
  return Array.from({ length: clients }, (_, index) => {
    const orgId = `tenant-${index + 1}`
    return {
      orgId,
      uri: `spiffe://trustbench.test/${orgId}/billing`,
      clientId: `${orgId}-billing`,
    }
  })
}

/** Entries of a list of allowed clients. */
export function allowedCrowd(clients: number): ClientTrust['allowed'] {
  return Object.fromEntries(crowdOf(clients).map(({ uri, orgId }) => [uri, { orgId }]))
}

/**
 * A member's JWT: the good client's, which the authorization server made, in the member's name and bound to
 * its certificate if the good one is; signed with the server's key.
 */
export function tokenOfMember(
  { signingKeys: [key = {}] }: { readonly signingKeys: readonly JWK[] },
  good: string,
  { member, identity }: { readonly member: CrowdMember; readonly identity: Identity | null },
): string {
  const [header = '', payload = ''] = good.split('.')
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as { cnf?: unknown }
  const changed = {
    ...claims,
    sub: member.clientId,
    client_id: member.clientId,
    org_id: member.orgId,
    jti: randomUUID(),
    ...(claims.cnf === undefined || identity === null
      ? {}
      : { cnf: { 'x5t#S256': identity.thumbprintS256 } }),
  }
  const input = `${header}.${Buffer.from(JSON.stringify(changed)).toString('base64url')}`
  return `${input}.${signerOf(key)(input).toString('base64url')}`
}
