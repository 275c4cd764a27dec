import type { EventRecord } from '../events.ts'
import { createScene } from '../preflight/scene.ts'
import { createServerStarter } from '../processes.ts'
import { expand, type Case, type Scenario } from '../scenario.ts'
import { findScenario } from '../scenarios.ts'
import type { Experiment } from './experiment.ts'
import { probe } from './probe.ts'

/** Measures events, one after the other, each on processes of its own that end with it. */
export async function measureEvents(
  chosen: readonly Experiment[],
  {
    scenarios,
    signal,
    onEvent,
  }: {
    readonly scenarios: readonly Scenario[]
    readonly signal: AbortSignal
    readonly onEvent: (record: EventRecord, done: number) => void
  },
): Promise<EventRecord[]> {
  const records: EventRecord[] = []
  for (const experiment of chosen) {
    signal.throwIfAborted()
    const record = await measureOne(experiment, scenarios, signal)
    records.push(record)
    onEvent(record, records.length)
  }
  return records
}

async function measureOne(
  { name, scenario, parameters, what, plan, create }: Experiment,
  scenarios: readonly Scenario[],
  signal: AbortSignal,
): Promise<EventRecord> {
  await using start = createServerStarter(signal)
  await using owned = new AsyncDisposableStack()
  const scene = await createScene(caseOf(scenario, parameters, scenarios), start.server, owned)
  const subject = await create(scene, owned)
  return { name, scenario, what, ...(await probe(subject, plan, signal)) }
}

function caseOf(
  name: string,
  parameters: Experiment['parameters'],
  scenarios: readonly Scenario[],
): Case {
  const settings = Object.fromEntries(
    Object.entries(parameters).map(([parameter, value]) => [parameter, [value]]),
  )
  const [trial] = expand(findScenario(name, scenarios), settings)
  if (trial === undefined) throw new Error(`scenario ${name} has no case`)
  return trial
}
