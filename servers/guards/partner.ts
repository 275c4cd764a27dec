import type { PartnersConfig } from '../config.ts'
import type { Exchange, Guard, Refusal } from './guard.ts'

/** The tenant that the caller's credential names; null where there is none. */
export function partnerOf({ caller: { certificate, token } }: Exchange): string | null {
  return token?.orgId ?? certificate?.orgId ?? null
}

/** Lets a partner do what was agreed with it, whatever the scopes of its credential; who is no partner, nothing. */
export function createPartnerGuard({ partners }: PartnersConfig): Guard {
  const scopesOf = new Map(
    Object.entries(partners).map(([orgId, { scopes }]) => [orgId, new Set(scopes)]),
  )
  return (exchange) => {
    const orgId = partnerOf(exchange)
    const scopes = orgId === null ? undefined : scopesOf.get(orgId)
    if (scopes === undefined) return refuse('not_a_partner')
    return scopes.has(exchange.requires.scope) ? null : refuse('not_agreed')
  }
}

function refuse(reason: string): Refusal {
  return { status: 403, reason }
}
