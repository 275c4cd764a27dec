import type { Demand, MechanismShare } from '../demand.ts'
import { BenchError } from '../errors.ts'
import type { Run } from '../results.ts'
import { caseId } from '../cases.ts'
import type { Parameters } from '../scenario.ts'
import {
  fitCase,
  fitConnections,
  type CaseFit,
  type ConnectionFit,
  type Series,
} from './capacity-fit.ts'
import {
  armOf,
  fewConnections,
  manyConnections,
  needsOf,
  partsOf,
  unfitness,
  type CasePart,
  type FactsOf,
  type Need,
} from './capacity-needs.ts'
import { fitOpen, type OpenPoint } from './capacity-open.ts'
import { blockValues, inBoth, measuredBlocks, ownConnections, readArm } from './reading.ts'
import { hodgesLehmann, variance } from './stats.ts'

/** A part of a mechanism's requests with what it asks. */
export interface FittedPart extends CasePart {
  readonly fit: CaseFit
  /** Offered load at rates that leave it idle at times; empty where none was measured. */
  readonly open: readonly OpenPoint[]
}

/** A mechanism with what its requests and connections ask. */
export interface MechanismFit {
  readonly mechanism: MechanismShare
  /** Scenario and the parameters that are set. */
  readonly label: string
  readonly parts: readonly FittedPart[]
  readonly connections: ConnectionFit
  readonly hasToken: boolean
}

/** Everything measured that a size rests on. */
export interface Fit {
  readonly mechanisms: readonly MechanismFit[]
  /** CPU in µs of the authorization server for a token. */
  readonly grantUs: Series | null
  /** Memory in bytes of one more connection. */
  readonly connectionBytes: Series | null
  /** The most processes of one instance that were measured, and what they did over as many times one. */
  readonly scaling: { readonly processes: number; readonly factor: number }
  /** Runs that it is from, by id. */
  readonly runs: ReadonlyMap<string, Run>
  readonly sessionSd: SessionSd
}

/** How far a case's CPU wanders from one session to another, as sd of its ln. */
export interface SessionSd {
  readonly sd: number
  /** Where that is known from, in words. */
  readonly basis: string
}

/** What was found of a demand's needs. */
export interface Gathered {
  /** Null where something is missing. */
  readonly fit: Fit | null
  readonly missing: readonly Need[]
  /** What would make it better, and is not there. */
  readonly wanted: readonly Need[]
  /** Runs that were passed over, each with why. */
  readonly unfit: readonly string[]
}

/** Finds what a demand needs in runs, newest first; what no run holds is missing. */
export function gatherFit(demand: Demand, runs: readonly Run[], factsOf: FactsOf): Gathered {
  const unfit = runs.flatMap((run) => unfitness(run) ?? [])
  const usable = runs.filter((run) => unfitness(run) === null)
  const finder = createFinder(usable, demand, factsOf)
  const absent = needsOf(demand, factsOf).filter((need) => !finder.has(need))
  const missing = absent.filter(({ kind }) => kind !== 'open')
  const wanted = absent.filter(({ kind }) => kind === 'open')
  if (missing.length > 0) return { fit: null, missing, wanted, unfit }
  const mechanisms = demand.mechanisms.map((mechanism) => finder.mechanism(mechanism))
  const grantUs = finder.grants()
  const connectionBytes = finder.memory()
  const ids = new Set([
    ...mechanisms.flatMap(({ parts, connections }) => [
      ...parts.flatMap(({ fit, open }) => [fit.runId, ...open.map(({ cpuUs }) => cpuUs.runId)]),
      ...[connections.full, connections.resumed].flatMap((series) => series?.runId ?? []),
    ]),
    ...[grantUs, connectionBytes].flatMap((series) => series?.runId ?? []),
  ])
  const used = new Map(usable.filter(({ runId }) => ids.has(runId)).map((run) => [run.runId, run]))
  assertOneScale([...used.values()])
  const fit = {
    mechanisms,
    grantUs,
    connectionBytes,
    scaling: finder.scaling(),
    runs: used,
    sessionSd: sessionSdOf(usable, mechanisms, factsOf),
  }
  return { fit, missing, wanted, unfit }
}

function createFinder(usable: readonly Run[], demand: Demand, factsOf: FactsOf) {
  const { requestsPerConnection, resumedShare } = demand
  const first = <T>(
    need: Pick<Need, 'scenario' | 'parameters'>,
    read: (run: Run, arm: NonNullable<ReturnType<typeof armOf>>) => T | null,
  ): T | null => {
    for (const run of usable) {
      const arm = armOf(run, need, factsOf)
      const found = arm === null ? null : read(run, arm)
      if (found !== null) return found
    }
    return null
  }
  const fits = new Map<string, CaseFit | null>()
  const requests = (scenario: string, parameters: Parameters) =>
    first({ scenario, parameters }, (run, arm) => {
      const key = JSON.stringify([run.runId, arm.id])
      // Histograms are decoded once.
      const known = fits.get(key)
      if (known !== undefined) return known
      const fit = fitCase(run, arm)
      fits.set(key, fit)
      return fit
    })
  const connections = ({ scenario, parameters }: Pick<Need, 'scenario' | 'parameters'>) =>
    first({ scenario, parameters }, (run, arm) => {
      const found = fitConnections(run, arm)
      const isWhole =
        (resumedShare === 1 || found.full !== null) &&
        (resumedShare === 0 || !factsOf(scenario, parameters).tls || found.resumed !== null)
      return isWhole ? found : null
    })
  const open = (scenario: string, parameters: Parameters): readonly OpenPoint[] =>
    first({ scenario, parameters }, (run, arm) => {
      const points = fitOpen(run, arm)
      return points.length === 0 ? null : points
    }) ?? []
  const grants = () =>
    first({ scenario: 'token-issuance', parameters: {} }, (run, arm): Series | null => {
      const blocks = measuredBlocks(run.blocks)
      const values = blockValues(readArm(blocks, arm.id, ownConnections(arm)), 'cpuUsPerRequest')
      return values.size === 0 ? null : { runId: run.runId, values }
    })
  const memory = () => {
    const [mechanism] = demand.mechanisms
    return mechanism === undefined ? null : memoryOf(usable, mechanism, factsOf)
  }
  return {
    has({ kind, scenario, parameters }: Need): boolean {
      switch (kind) {
        case 'requests':
          return requests(scenario, parameters) !== null
        case 'open':
          return open(scenario, parameters).length > 0
        case 'connections':
          return connections({ scenario, parameters }) !== null
        case 'grants':
          return grants() !== null
        case 'memory':
          return memory() !== null
      }
    },
    mechanism(mechanism: MechanismShare): MechanismFit {
      const { scenario, parameters } = mechanism
      const parts = partsOf(mechanism, demand, factsOf).flatMap((part): FittedPart[] => {
        const fit = requests(scenario, part.parameters)
        return fit === null ? [] : [{ ...part, fit, open: open(scenario, part.parameters) }]
      })
      const none: ConnectionFit = { full: null, resumed: null }
      return {
        mechanism,
        label: caseId(scenario, parameters).replaceAll('/', ' '),
        parts,
        connections: requestsPerConnection === null ? none : (connections(mechanism) ?? none),
        hasToken: factsOf(scenario, parameters).token !== 'none',
      }
    },
    grants: () => (demand.tokenLifetimeUs === null ? null : grants()),
    memory,
    scaling: () => scalingOf(usable, demand, factsOf),
  }
}

/** Memory of one more connection, by block: two arms of one run differ by their number alone. */
function memoryOf(
  runs: readonly Run[],
  { scenario, parameters }: MechanismShare,
  factsOf: FactsOf,
): Series | null {
  const at = (connections: number) => ({
    scenario,
    parameters: { ...parameters, connections: String(connections) },
  })
  for (const run of runs) {
    const blocks = measuredBlocks(run.blocks)
    const [few, many] = [fewConnections, manyConnections].map((connections) => {
      const arm = armOf(run, at(connections), factsOf)
      return arm === null ? null : blockValues(readArm(blocks, arm.id, connections), 'rssBytes')
    })
    if (few == null || many == null) continue
    const values = inBoth(few, many).map(({ block, first, second }): [number, number] => [
      block,
      Math.max(0, second - first) / (manyConnections - fewConnections),
    ])
    if (values.length > 0) return { runId: run.runId, values: new Map(values) }
  }
  return null
}

/**
 * What the processes of one instance do together: CPU of a request with one process over that with several,
 * of runs whose servers had a core for each. Where none had, one process is all that was measured.
 */
function scalingOf(runs: readonly Run[], { mechanisms }: Demand, factsOf: FactsOf): Fit['scaling'] {
  const alone = { processes: 1, factor: 1 }
  const [mechanism] = mechanisms
  if (mechanism === undefined) return alone
  for (const workers of ['4', '2']) {
    for (const run of runs) {
      if ((run.environment.serverCpus?.length ?? 1) < Number(workers)) continue
      const [one, several] = ['1', workers].map((count) => {
        const parameters = { ...mechanism.parameters, workers: count }
        const arm = armOf(run, { ...mechanism, parameters }, factsOf)
        return arm === null ? null : fitCase(run, arm)
      })
      if (one == null || several == null) continue
      const factor =
        hodgesLehmann([...one.awakeUs.values.values()]) /
        hodgesLehmann([...several.awakeUs.values.values()])
      return { processes: Number(workers), factor: Math.min(1, factor) }
    }
  }
  return alone
}

/** Figures of several runs are added up: they must be of one CPU and one way of measuring. */
function assertOneScale(runs: readonly Run[]): void {
  const [first, ...others] = runs
  const other = others.find(
    (run) =>
      run.measuringVersion !== first?.measuringVersion ||
      run.environment.cpuModel !== first.environment.cpuModel,
  )
  if (first === undefined || other === undefined) return
  const what = other.measuringVersion === first.measuringVersion ? 'CPU model' : 'measuring version'
  throw new BenchError(
    'not-comparable',
    `${first.runId} and ${other.runId}: of another ${what}, so that their figures do not add up; measure both anew`,
  )
}

/** Of the runs that measured a case, three or more: how far its CPU wandered. */
function sessionSdOf(
  runs: readonly Run[],
  mechanisms: readonly MechanismFit[],
  factsOf: FactsOf,
): SessionSd {
  const spreads = mechanisms.flatMap(({ mechanism, parts }) =>
    parts.flatMap(({ parameters }) => {
      const centres = runs.flatMap((run) => {
        const arm = armOf(run, { ...mechanism, parameters }, factsOf)
        if (arm === null) return []
        const reading = readArm(measuredBlocks(run.blocks), arm.id, ownConnections(arm))
        const values = [...blockValues(reading, 'cpuUsPerRequest').values()]
        return values.length === 0 ? [] : [Math.log(hodgesLehmann(values))]
      })
      const spread = variance(centres)
      return centres.length < fewestSessions || spread === null
        ? []
        : [{ spread, sessions: centres.length }]
    }),
  )
  if (spreads.length === 0)
    return { sd: assumedSessionSd, basis: 'assumed until three runs of a case are stored' }
  const mean = spreads.reduce((sum, { spread }) => sum + spread, 0) / spreads.length
  const sessions = Math.max(...spreads.map((one) => one.sessions))
  return {
    sd: Math.max(leastSessionSd, Math.sqrt(mean)),
    basis: `measured over ${sessions} sessions`,
  }
}

const fewestSessions = 3
/**
 * Assumed until three sessions are stored: a request's CPU is not held against the reference here, so that all
 * of a machine's wandering is in it, more than the 2 % that ratios are taken to wander.
 */
const assumedSessionSd = 0.04
/** Three sessions in one quiet hour say little of the next week. */
const leastSessionSd = 0.01
