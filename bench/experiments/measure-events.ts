import type { EventRecord } from '../events.ts'
import { createScene } from '../preflight/scene.ts'
import { createServerStarter } from '../processes.ts'
import type { Scenario } from '../scenario.ts'
import { caseOf } from './case-of.ts'
import type { Experiment } from './experiment.ts'
import { probe } from './probe.ts'

/**
 * Measures events, a few at once, each on processes of its own that end with it: they ask so little that none
 * keeps another waiting, and those that load the machine come last and alone. Records are in the order of
 * what was chosen.
 */
export async function measureEvents(
  chosen: readonly Experiment[],
  {
    scenarios,
    lifetimeMs,
    signal,
    onEvent,
  }: {
    readonly scenarios: readonly Scenario[]
    /** Of the credentials whose end is an event; not below the shortest. */
    readonly lifetimeMs: number
    readonly signal: AbortSignal
    readonly onEvent: (record: EventRecord, done: number) => void
  },
): Promise<EventRecord[]> {
  const records = new Map<string, EventRecord>()
  const work = async (queue: Experiment[]) => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      signal.throwIfAborted()
      const record = await measureOne(next, { scenarios, lifetimeMs, signal })
      records.set(next.name, record)
      onEvent(record, records.size)
    }
  }
  const together = chosen.filter(({ isAlone = false }) => !isAlone)
  await settleAll(Array.from({ length: atOnce }, () => work(together)))
  await work(chosen.filter(({ isAlone = false }) => isAlone))
  return chosen.flatMap(({ name }) => records.get(name) ?? [])
}

async function measureOne(
  { name, scenario, parameters, what, plan, expires, create }: Experiment,
  {
    scenarios,
    lifetimeMs,
    signal,
  }: {
    readonly scenarios: readonly Scenario[]
    readonly lifetimeMs: number
    readonly signal: AbortSignal
  },
): Promise<EventRecord> {
  await using start = createServerStarter(signal)
  await using owned = new AsyncDisposableStack()
  const scene = await createScene(caseOf(scenario, parameters, scenarios), start.server, owned)
  const subject = await create(scene, owned, lifetimeMs)
  const reading = await probe(subject, plan, signal)
  return { name, scenario, what, ...(expires === true ? { lifetimeMs } : {}), ...reading }
}

/** How long events take in all, in ms. */
export function durationMs(chosen: readonly Experiment[], lifetimeMs: number): number {
  const ownMs = ({ plan, expires }: Experiment) =>
    plan.beforeMs + plan.afterMs + startMs + (expires === true ? lifetimeMs : 0)
  const sum = (events: readonly Experiment[]) => events.reduce((ms, event) => ms + ownMs(event), 0)
  const alone = chosen.filter(({ isAlone = false }) => isAlone)
  return sum(alone) + (sum(chosen) - sum(alone)) / atOnce
}

/** Waits for all, also where one fails: nothing may go on when this has ended. */
async function settleAll(all: readonly Promise<void>[]): Promise<void> {
  const failed = (await Promise.allSettled(all)).find(({ status }) => status === 'rejected')
  if (failed?.status === 'rejected') throw failed.reason
}

/** Each is a server and an issuer that serve 50 requests a second: a twentieth of a core. */
const atOnce = 4
/** Servers and credentials of an event. */
const startMs = 4_000
