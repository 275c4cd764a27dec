import { isOfTargets } from '../analysis/comparable.ts'
import { compareRuns } from '../analysis/compare.ts'
import { windowOf } from '../analysis/event-windows.ts'
import { historyOf } from '../analysis/history.ts'
import { answerQuestions } from '../analysis/questions.ts'
import { summarise } from '../analysis/summary.ts'
import { listEvents } from '../event-store.ts'
import type { EventRecord } from '../events.ts'
import { BenchError } from '../errors.ts'
import type { OtherRun, ReportedRun } from '../render/page-model.ts'
import type { ReportInput } from '../render/report-html.ts'
import { loneInput } from '../render/run-page.ts'
import type { ArmRecord, Run } from '../results.ts'
import { loadScenarios } from '../scenarios.ts'
import { listSizings } from '../sizing-store.ts'
import { findRun, listRuns, type StoredRun } from '../store.ts'
import { decideStored } from './claims.ts'
import { defaultsOf } from './history.ts'
import type { Io } from './io.ts'

/** What a run measured. */
export type Kind = 'closed' | 'micro' | 'churn' | 'curve' | 'open'

/** What a run measured, by what its blocks hold. */
export function kindOf(run: Run): Kind {
  const block = run.blocks.find(({ outcome }) => outcome === 'measured')
  if (block?.primitives !== undefined) return 'micro'
  if (block?.churn !== undefined) return 'churn'
  if (block?.windows === undefined) return 'closed'
  return block.windows.some(({ stage }) => stage !== undefined) ? 'curve' : 'open'
}

/** All that a report needs, out of the runs and events of a folder; throws `usage` where no run will do. */
export async function gatherReport(
  word: string | undefined,
  results: string,
  io: Io,
): Promise<Omit<ReportInput, 'assets'>> {
  const { runs } = listRuns([results])
  const main = mainRun(word, results, runs)
  if (isOfTargets(main)) {
    const lone = loneInput(reported(main))
    if (word !== undefined) return lone
    const targets = newestTargets(runs.map(({ run }) => run))
    return { ...lone, targets, evidence: targets.map(({ run }) => run) }
  }
  const history = [main, ...runs.map(({ run }) => run).filter(isNot(main))]
  return reportOf(main, { results, runs, history }, io)
}

/** A report of a run beside others; a history needs of its runs no more than slices. */
export async function reportOf(
  main: Run,
  {
    results,
    runs,
    history,
  }: {
    readonly results: string
    readonly runs: readonly StoredRun[]
    readonly history: readonly Run[]
  },
  io: Io,
): Promise<Omit<ReportInput, 'assets'>> {
  const { environment } = main
  // Of the same machine and source alone: figures of others would stand beside these as if they belonged.
  const ofHere = runs
    .map(({ run }) => run)
    .filter(
      (run) =>
        run.environment.machineId === environment.machineId &&
        run.environment.commit === environment.commit &&
        run.runId !== main.runId,
    )
  const kin = ofHere.filter((run) => !isOfTargets(run))
  const targets = newestTargets(ofHere)
  const newest = (kind: Kind) => reportedOrNull(newestOf(kin, kind))
  const declared = defaultsOf(await loadScenarios(io.root))
  const defaults = (scenario: string) => declared.get(scenario) ?? null
  const claims = await decideStored(results, environment, io, runs)
  const events = newestEvents(results, environment)
  const sound = [main, ...kin].filter(({ mode }) => mode !== 'smoke')
  const windows = new Map(events.map((event) => [event.name, windowOf(event)] as const))
  const [micro, curve] = [newest('micro'), newest('curve')]
  const churns = kin.filter((run) => kindOf(run) === 'churn')
  const churn = reportedOrNull(newestOf(churns.filter(hasLastingUses), 'churn'))
  const storm = reportedOrNull(newestOf(churns.filter(hasStorms), 'churn'))
  const rested = new Set(claims.flatMap((claim) => claim.runs))
  const shown = [
    ...new Set([
      main,
      ...[micro, churn, storm, curve, ...targets].flatMap((one) => one?.run ?? []),
    ]),
  ]
  return {
    main: reported(main),
    micro,
    churn,
    storm,
    curve,
    targets,
    others: othersOf(main, runs, defaults),
    events,
    history: historyOf(history, { defaults }),
    claims,
    sizing: newestSizing(results, environment),
    questions: answerQuestions(sound, windows),
    attacked: attackedArms([main, ...kin]),
    evidence: [...shown, ...kin.filter((run) => rested.has(run.runId) && !shown.includes(run))],
  }
}

/** A run and what it says. */
export function reported(run: Run): ReportedRun {
  return { run, summary: summarise(run) }
}

/** One arm of each scenario that was attacked, of the newest run first, that with the most attempts. */
export function attackedArms(runs: readonly Run[]): ArmRecord[] {
  const arms = runs.flatMap((run) => run.arms).filter(({ preflight }) => preflight !== null)
  const groups = Map.groupBy(arms, ({ scenario }) => scenario)
  return [...groups.values()].flatMap((own) => {
    const [first, ...others] = own
    if (first === undefined) return []
    return others.reduce(
      (most, arm) => ((arm.preflight?.tried ?? 0) > (most.preflight?.tried ?? 0) ? arm : most),
      first,
    )
  })
}

function mainRun(word: string | undefined, results: string, runs: readonly StoredRun[]): Run {
  const main =
    word === undefined
      ? defaultMain(runs.map(({ run }) => run))
      : findRun(word, [results], () => null).run
  if (main === null) {
    throw new BenchError(
      'usage',
      `${results}: no whole run is stored; npm run bench -- combined measures one`,
    )
  }
  if (kindOf(main) !== 'closed' && !isOfTargets(main)) {
    throw new BenchError(
      'usage',
      `${main.runId}: a report is of a run in closed loops, the others stand beside it; leave the name out`,
    )
  }
  return main
}

/** Who has measured nothing but servers of their own wants to read of those. */
function defaultMain(runs: readonly Run[]): Run | null {
  return newestOf(runs, 'closed') ?? newestTargets(runs)[0]?.run ?? null
}

/** The newest whole run of targets of each kind of load, the newest of all first; smoke runs only where there is no other. */
function newestTargets(runs: readonly Run[]): ReportedRun[] {
  const whole = runs.filter((run) => run.complete && isOfTargets(run))
  const sound = whole.filter(({ mode }) => mode !== 'smoke')
  const byKind = Map.groupBy(sound.length > 0 ? sound : whole, kindOf)
  return [...byKind.values()].flatMap(([newest]) => (newest === undefined ? [] : reported(newest)))
}

/**
 * The newest whole run of a kind, of those that hold the most mechanisms beside each other: a report is about
 * what they cost against each other. A smoke run measures nothing: only where there is no other.
 */
export function newestOf(runs: readonly Run[], kind: Kind): Run | null {
  const ofKind = runs.filter((run) => run.complete && kindOf(run) === kind && !isOfTargets(run))
  const sound = ofKind.filter(({ mode }) => mode !== 'smoke')
  return (sound.length > 0 ? sound : ofKind).reduce<Run | null>(
    (best, run) => (best !== null && mechanismsOf(best) >= mechanismsOf(run) ? best : run),
    null,
  )
}

/** Scenarios of a run; one that is told by its parts says more than one that is not. */
function mechanismsOf({ arms }: Run): number {
  const hasParts = arms.some(({ parts }) => parts.length > 0)
  return new Set(arms.map(({ scenario }) => scenario)).size + Number(hasParts)
}

function reportedOrNull(run: Run | null): ReportedRun | null {
  return run === null ? null : reported(run)
}

/** The newest other runs in closed loops that have a case in common, each with the comparison or why there is none. */
function othersOf(
  main: Run,
  runs: readonly StoredRun[],
  defaults: Parameters<typeof compareRuns>[2]['defaults'],
): OtherRun[] {
  const cases = new Set(main.arms.filter(isCase).map(({ caseId }) => caseId))
  return runs
    .map(({ run }) => run)
    .filter(isNot(main))
    .filter(
      (run) =>
        kindOf(run) === 'closed' &&
        run.mode !== 'smoke' &&
        run.arms.some((arm) => isCase(arm) && cases.has(arm.caseId)),
    )
    .slice(0, MOST_OTHERS)
    .map((run) => ({ ...reported(run), comparison: comparisonOf(run, main, defaults) }))
}

function comparisonOf(
  before: Run,
  after: Run,
  defaults: Parameters<typeof compareRuns>[2]['defaults'],
) {
  try {
    return compareRuns(before, after, { defaults })
  } catch (error) {
    if (error instanceof BenchError && error.code === 'not-comparable') return error.message
    throw error
  }
}

/** The newest record of each event, of the same machine and source. */
function newestEvents(results: string, { machineId, commit }: Run['environment']): EventRecord[] {
  const files = listEvents(results).filter(
    ({ environment }) => environment.machineId === machineId && environment.commit === commit,
  )
  const byName = new Map<string, EventRecord>()
  for (const event of files.flatMap((file) => file.events)) {
    if (!byName.has(event.name)) byName.set(event.name, event)
  }
  return [...byName.values()]
}

/** The newest size of the same machine and source. */
function newestSizing(results: string, { machineId, commit }: Run['environment']) {
  const found = listSizings(results).find(
    ({ environment }) => environment.machineId === machineId && environment.commit === commit,
  )
  return found ?? null
}

/** Whether new connections were used for so many requests each: what break-evens are of. */
function hasLastingUses({ blocks }: Run): boolean {
  return blocks.some(({ churn = [] }) =>
    churn.some(({ clients, policy }) => clients === undefined && policy !== 'keep-alive'),
  )
}

function hasStorms({ blocks }: Run): boolean {
  return blocks.some(({ churn = [] }) => churn.some(({ clients }) => clients !== undefined))
}

function isNot({ runId }: Run): (run: Run) => boolean {
  return (run) => run.runId !== runId
}

function isCase({ scenario }: ArmRecord): boolean {
  return scenario !== 'reference'
}

/** Each adds up to 40 kB to the page. */
const MOST_OTHERS = 8
