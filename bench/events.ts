import { Type, type Static } from '@sinclair/typebox'
import { Ajv } from 'ajv'
import { BenchError } from './errors.ts'
import { RunSchema } from './results.ts'

// The wall for events under load: what passes of them is one JSON file, in the shape below. Times are in ms
// from the first probe, on a monotonic clock.

const strict = { additionalProperties: false } as const
const text = Type.String()
const count = Type.Integer({ minimum: 0 })

/** What became of a probe: served, refused by a status, cut off (also in its handshake), or never answered. */
const Outcome = Type.Union([
  Type.Literal('served'),
  Type.Literal('refused'),
  Type.Literal('closed'),
  Type.Literal('silent'),
])

/** An event under a constant rate of requests, whatever becomes of them. */
const EventRecord = Type.Object(
  {
    name: text,
    scenario: text,
    /** What happened, and to whom requests belong. */
    what: text,
    /** Of the credentials whose end the event was; at its end alone they were used. */
    lifetimeMs: Type.Optional(Type.Number({ exclusiveMinimum: 0 })),
    ratePerSecond: Type.Number({ exclusiveMinimum: 0 }),
    /** When it began and when it was done: what is accepted in between is nobody's fault. */
    eventStartMs: Type.Number(),
    eventEndMs: Type.Number(),
    probes: Type.Array(
      Type.Object(
        {
          /** When it was to be sent. */
          dueMs: Type.Number(),
          /** From then to its answer. */
          latencyMs: Type.Number(),
          outcome: Outcome,
          status: Type.Union([count, Type.Null()]),
        },
        strict,
      ),
    ),
  },
  strict,
)

/** JSON Schema of a file of events. */
export const EventsSchema = Type.Object(
  {
    schema: Type.Literal(1),
    kind: Type.Literal('events'),
    eventsId: text,
    startedAt: text,
    environment: RunSchema.properties.environment,
    events: Type.Array(EventRecord),
  },
  { ...strict, $id: 'events' },
)

export type EventRecord = Static<typeof EventRecord>
export type EventsFile = Static<typeof EventsSchema>
export type Outcome = Static<typeof Outcome>

const validate = new Ajv({ allErrors: false }).compile<EventsFile>(EventsSchema)

/** A file of events out of unknown JSON; throws `results-unreadable` with the first place that does not fit. */
export function parseEvents(value: unknown, origin: string): EventsFile {
  if (validate(value)) return value
  const [first] = validate.errors ?? []
  throw new BenchError(
    'results-unreadable',
    `${origin}: no events of schema 1: ${first?.instancePath ?? ''} ${first?.message ?? ''}`.trimEnd(),
  )
}
