import { Type, type Static } from '@sinclair/typebox'
import { BenchError } from '../errors.ts'
import { clientRange, type ClientRange } from '../load/client-range.ts'
import type { SeenClients } from '../result-seats.ts'
import { count, strict } from '../result-values.ts'
import { clientsOf } from '../targets/clients.ts'
import type { TargetSettings } from '../targets/settings.ts'
import { countMarks } from '../targets/witness.ts'
import type { SeatResult } from './seat-result.ts'

// Many clients are one range of numbers over all seats, of which each has a part that no other has. Their
// certificates, keys and tokens are where the seat is.

/** Numbers of clients in a plan. */
export const PlannedClients = Type.Object(
  { first: count, count: Type.Integer({ minimum: 1 }) },
  strict,
)

type Planned = Static<typeof PlannedClients>

/** The clients that a coordinator was told of; null where it is one, without a number. Throws usage errors. */
export function plannedClients(settings: TargetSettings): Planned | null {
  const list = clientsOf(settings)
  return list === null ? null : { first: list.first, count: list.count }
}

/** The part of one of so many seats: none has less than a client. Throws a usage error where there are too few. */
export function clientsOfSeat(clients: Planned, index: number, of: number): ClientRange {
  if (clients.count < of) {
    throw new BenchError(
      'usage',
      `--clients ${clients.count}: each of ${of} seats has clients of its own, give one a seat at least`,
    )
  }
  const { first, count: own } = clientRange(clients.count, index, of)
  return { first: clients.first + first, count: own }
}

/**
 * Of the clients of the plan, those of this seat. Throws usage errors where the seat was told of others: seats that
 * count differently would share some of them.
 */
export function withOwnClients(
  settings: TargetSettings,
  planned: Planned | null,
  { index, of }: { readonly index: number; readonly of: number },
): TargetSettings {
  const { clients, firstClient, identities } = settings
  if (planned === null) {
    if (clients === undefined && identities === undefined) return settings
    const option = identities === undefined ? `--clients ${clients ?? ''}` : '--identities'
    throw new BenchError(
      'usage',
      `${option}: the plan is for one client, give it there or leave it`,
    )
  }
  const isOther = (own: number | undefined, told: number) => own !== undefined && own !== told
  if (isOther(clients, planned.count) || isOther(firstClient, planned.first)) {
    throw new BenchError(
      'usage',
      `--clients ${clients ?? planned.count} from ${firstClient ?? planned.first}: the plan has ${planned.count} from ${planned.first}, leave it out here`,
    )
  }
  const own = clientsOfSeat(planned, index, of)
  return { ...settings, clients: own.count, firstClient: own.first }
}

/**
 * Clients of all seats together; null where the plan has none. What two seats have sent alike is one, and what a
 * missing seat has sent is in no count.
 */
export function allClients(
  planned: Planned | null,
  seats: readonly Pick<SeatResult, 'marks'>[],
): SeenClients | null {
  if (planned === null) return null
  const different = (kind: keyof SeatResult['marks']) => {
    const lists = seats.flatMap(({ marks }) => marks[kind] ?? [])
    if (lists.length === 0) return null
    return countMarks(lists.map((marks) => Buffer.from(marks, 'base64')))
  }
  return {
    configured: planned.count,
    first: planned.first,
    certificates: different('certificates'),
    tokens: different('tokens'),
  }
}
