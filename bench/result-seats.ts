import { Type, type Static } from '@sinclair/typebox'
import { amount, count, nullable, strict, text } from './result-values.ts'

/** Of many clients how many took part, by what was sent of them; null where they have none of their own. */
export const SeenClients = Type.Object(
  {
    configured: count,
    /** Number of the first. */
    first: count,
    /** Distinct client certificates that were presented in full handshakes. */
    certificates: nullable(count),
    /** Clients whose token was sent; several with the very same token count as one. */
    tokens: nullable(count),
  },
  strict,
)

export type SeenClients = Static<typeof SeenClients>

/** Generators on machines of their own. */
export const Seats = Type.Object(
  {
    planned: count,
    /** Of the requests of the schedule, those of the seats that are in these figures. */
    offeredShare: amount,
    /** No two seats began farther apart than this. */
    startSkewUs: amount,
    missing: Type.Array(Type.Object({ index: count, why: text }, strict)),
    each: Type.Array(
      Type.Object(
        {
          index: count,
          requests: count,
          wallUs: amount,
          cpuUs: amount,
          spinUs: amount,
          runQueueUs: nullable(amount),
          eventLoopUtilization: amount,
          latenessP99Us: nullable(amount),
          /** The clock in common minus the seat's own monotonic one, and how far that may be wrong. */
          clockOffsetUs: Type.Number(),
          clockErrorUs: amount,
          clockRoundTripUs: amount,
          /** Between the offset before the start and the one after the window. */
          clockDriftUs: amount,
          /** The seat's wall clock minus the one in common. */
          wallClockOffsetUs: Type.Number(),
          node: text,
          version: text,
          /** Of its host; absent unless it was asked for. */
          name: Type.Optional(text),
          /** Its part of many clients; absent where it is one for all. */
          clients: Type.Optional(SeenClients),
          /** Why its part is no measurement of the server; empty where it is. */
          limits: Type.Array(text),
        },
        strict,
      ),
    ),
  },
  strict,
)
