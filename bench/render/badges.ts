import type { Summary } from '../analysis/summary.ts'
import type { ArmRecord } from '../results.ts'
import type { DecidedClaim } from './claims-text.ts'

/** A badge as the endpoint of shields.io reads it (shields.io/badges/endpoint-badge). */
export interface Badge {
  readonly schemaVersion: 1
  readonly label: string
  readonly message: string
  readonly color: string
}

/** Badges of a report, by the name that their files get. */
export function badgesOf(
  summary: Summary,
  {
    attacked,
    claims,
  }: { readonly attacked: readonly ArmRecord[]; readonly claims: readonly DecidedClaim[] },
): Readonly<Record<'cost' | 'refused' | 'claims', Badge>> {
  return { cost: costBadge(summary), refused: refusedBadge(attacked), claims: claimsBadge(claims) }
}

/** What the first case costs over its baseline. */
function costBadge({ comparisons }: Summary): Badge {
  const first = comparisons.find(
    ({ metric, difference }) => metric === 'cpuUsPerRequest' && difference !== null,
  )
  const [name = 'trust'] = (first?.case ?? '').split('/')
  const [against = ''] = (first?.against ?? '').split('/')
  const us = first?.difference?.estimate
  return {
    schemaVersion: 1,
    label: first === undefined ? 'trustbench' : `${name} over ${against}`,
    message:
      us === undefined ? 'not measured' : `${us >= 0 ? '+' : ''}${us.toFixed(0)} µs CPU/request`,
    color: us === undefined ? 'lightgrey' : 'blue',
  }
}

/** Bad credentials refused of those tried, over all modes. */
function refusedBadge(attacked: readonly ArmRecord[]): Badge {
  // Of our own servers: what products let in is told with their numbers.
  const preflights = attacked.flatMap(({ preflight }) =>
    preflight === null || preflight.product !== undefined ? [] : preflight,
  )
  const tried = preflights.reduce((sum, preflight) => sum + preflight.tried, 0)
  const refused = preflights.reduce((sum, preflight) => sum + preflight.refused, 0)
  return {
    schemaVersion: 1,
    label: 'bad credentials refused',
    message: tried === 0 ? 'not tried' : `${refused} of ${tried}`,
    color: tried === 0 ? 'lightgrey' : refused === tried ? 'brightgreen' : 'red',
  }
}

/** How many claims have a verdict. */
function claimsBadge(claims: readonly DecidedClaim[]): Badge {
  const open = ['not measured', 'undecided', 'not testable']
  const decided = claims.filter(({ decision }) => !open.includes(decision.verdict)).length
  return {
    schemaVersion: 1,
    label: 'claims decided',
    message: `${decided} of ${claims.length}`,
    color: decided === 0 ? 'lightgrey' : 'blue',
  }
}
