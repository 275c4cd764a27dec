import { reproduce, type Experiment } from '../analysis/claims.ts'
import type { Evidence, Trials, Windows } from '../analysis/claim.ts'
import { windowOf } from '../analysis/event-windows.ts'
import { BenchError } from '../errors.ts'
import type { EventRecord } from '../events.ts'
import { listEvents, saveEvents } from '../event-store.ts'
import { shortestLifetimeMs } from '../experiments/experiment.ts'
import type { Experiment as EventExperiment } from '../experiments/experiment.ts'
import { durationMs, measureEvents } from '../experiments/measure-events.ts'
import { measureTrials, type TrialPlan } from '../experiments/measure-trials.ts'
import type { Trial } from '../experiments/trial.ts'
import { pinClient, unpinClient } from '../pinning.ts'
import type { Environment, Mode, Run } from '../results.ts'
import { loadScenarios } from '../scenarios.ts'
import { createRunId, listRuns, type StoredRun } from '../store.ts'
import { listTrials, saveTrials } from '../trial-store.ts'
import type { TrialRecord } from '../trials.ts'
import { benchCommand } from './bench.ts'
import type { Io } from './io.ts'

/** How much is measured for claims, and where what is stored is looked for. */
export interface EvidenceOptions {
  readonly quick?: true
  readonly smoke?: true
  /** Measure nothing. */
  readonly stored?: true
  /** Runs of `results` that were read already. */
  readonly runs?: readonly StoredRun[]
  readonly results: string
}

interface Setting {
  readonly io: Io
  readonly environment: Environment
}

/** Runs of all experiments: a whole one of this very source that is stored is not measured again. */
export async function gatherRuns(
  needed: readonly Experiment[],
  options: EvidenceOptions,
  { io, environment }: Setting,
): Promise<Evidence> {
  const startedAt = new Date().toISOString()
  const evidence = new Map<string, Run>()
  const missing: Experiment[] = []
  for (const experiment of needed) {
    const stored = findStored(experiment, { options, environment, startedAt })
    if (stored === null) missing.push(experiment)
    else evidence.set(experiment.name, stored)
  }
  if (options.stored === true || missing.length === 0) return evidence
  const seconds = missing.reduce((sum, { command }) => sum + secondsOf(command, options), 0)
  io.err(
    `${missing.length} experiments to measure, ${evidence.size} are stored: about ${Math.ceil(seconds / 60)} min; Ctrl-C keeps what is whole\n`,
  )
  for (const [index, experiment] of missing.entries()) {
    io.err(`\n${experiment.name} (${index + 1} of ${missing.length}): ${reproduce(experiment)}\n`)
    try {
      await benchCommand({ ...io, out: () => undefined }, () => undefined)
        .exitOverride()
        .parseAsync(
          [
            ...experiment.command,
            ...modeWords(experiment.command, options),
            ...['--results', options.results],
          ],
          { from: 'user' },
        )
    } catch (error) {
      // What cannot be measured leaves its claims open; the others are decided all the same.
      if (io.signal.aborted || !(error instanceof BenchError) || error.code === 'usage') throw error
      io.err(`${experiment.name}: ${error.message}\n`)
    }
    const run = findStored(experiment, { options, environment, startedAt })
    if (run !== null) evidence.set(experiment.name, run)
  }
  return evidence
}

/** Windows of events: those of this very source that are stored, the others measured now. */
export async function gatherEvents(
  needed: readonly EventExperiment[],
  options: EvidenceOptions,
  { io, environment }: Setting,
): Promise<Windows> {
  const lifetimeMs = lifetimeMsOf(options)
  const stored = listEvents(options.results).filter((file) =>
    isOfThisSource(file.environment, environment, options),
  )
  const known = new Map(
    stored
      .toReversed()
      .flatMap((file) => file.events)
      .filter((event) => options.stored === true || (event.lifetimeMs ?? Infinity) >= lifetimeMs)
      .map((event) => [event.name, windowOf(event)] as const),
  )
  const missing = needed.filter(({ name }) => !known.has(name))
  if (options.stored === true || missing.length === 0) return known
  io.err(
    `${missing.length} events under load to watch: about ${Math.ceil(durationMs(missing, lifetimeMs) / 1_000)} s\n`,
  )
  const startedAt = new Date().toISOString()
  const records: EventRecord[] = []
  try {
    await measureEvents(missing, {
      scenarios: await loadScenarios(io.root),
      lifetimeMs,
      signal: io.signal,
      onEvent: (record, done) => {
        records.push(record)
        io.err(`${record.name}: ${record.probes.length} requests (${done} of ${missing.length})\n`)
      },
    })
  } finally {
    // What was watched to its end is kept, whatever ended the rest.
    if (records.length > 0) {
      saveEvents(options.results, {
        schema: 1,
        kind: 'events',
        eventsId: createRunId(new Date(), environment, 'events'),
        startedAt,
        environment,
        events: records,
      })
    }
  }
  for (const record of records) known.set(record.name, windowOf(record))
  return known
}

/** Trials: those of this very source that are stored, the others measured now. */
export async function gatherTrials(
  needed: readonly Trial[],
  options: EvidenceOptions,
  { io, environment }: Setting,
): Promise<Trials> {
  const plan = trialPlanOf(options)
  const stored = listTrials(options.results).filter((file) =>
    isOfThisSource(file.environment, environment, options),
  )
  const known = new Map(
    stored
      .toReversed()
      .flatMap(({ trials: records }) => records)
      .filter((record) => isRepeatedEnough(record, plan))
      .map((record) => [record.name, record] as const),
  )
  const missing = needed.filter(({ name }) => !known.has(name))
  if (options.stored === true || missing.length === 0) return known
  const seconds = missing.reduce((sum, trial) => sum + trial.seconds, 0) * plan.share
  io.err(`${missing.length} trials to make: about ${Math.ceil(seconds)} s\n`)
  const startedAt = new Date().toISOString()
  const { pinning } = pinClient()
  const records: TrialRecord[] = []
  try {
    await measureTrials(missing, plan, {
      scenarios: await loadScenarios(io.root),
      pinning,
      signal: io.signal,
      onTrial: (record, done) => {
        records.push(record)
        io.err(`${record.name}: done (${done} of ${missing.length})\n`)
      },
    })
  } finally {
    if (pinning !== null) unpinClient(pinning)
    if (records.length > 0) {
      saveTrials(options.results, {
        schema: 1,
        kind: 'trials',
        trialsId: createRunId(new Date(), environment, 'trials'),
        startedAt,
        environment,
        trials: records,
      })
    }
  }
  for (const record of records) known.set(record.name, record)
  return known
}

/** How long certificates and tokens live whose end is watched: what is watched is their last seconds. */
function lifetimeMsOf({ quick, smoke }: EvidenceOptions): number {
  if (smoke === true) return shortestLifetimeMs
  return quick === true ? 10_000 : 30_000
}

/** Repetitions of a trial: as many as a default run has blocks, fewer for a quick look. */
function trialPlanOf({ quick, smoke }: EvidenceOptions): TrialPlan {
  if (smoke === true) return { repetitions: 1, share: 0.05 }
  return quick === true ? { repetitions: 5, share: 0.5 } : { repetitions: 10, share: 1 }
}

/** Counts have one value; what is repeated must have been so often enough for this mode. */
function isRepeatedEnough({ series }: TrialRecord, { repetitions }: TrialPlan): boolean {
  const most = Math.max(...series.map(({ values }) => values.length))
  return most === 1 ? series.every(({ unit }) => unit === '') : most >= repetitions
}

/** Uncommitted work has no name by which what is older could be told to be of it. */
function isOfThisSource(
  stored: Environment,
  { machineId, commit, dirty }: Environment,
  { stored: isStoredOnly }: EvidenceOptions,
): boolean {
  return (
    stored.machineId === machineId &&
    stored.commit === commit &&
    stored.dirty === dirty &&
    (dirty === false || isStoredOnly === true)
  )
}

function findStored(
  { command }: Experiment,
  {
    options,
    environment: { commit, dirty, machineId },
    startedAt,
  }: {
    readonly options: EvidenceOptions
    readonly environment: Run['environment']
    readonly startedAt: string
  },
): Run | null {
  const wanted = JSON.stringify(['bench', ...command])
  const stored = options.runs ?? listRuns([options.results]).runs
  const found = stored.find(({ run }) => {
    const { environment, complete, mode } = run
    return (
      JSON.stringify(withoutPlan(run.command)) === wanted &&
      complete &&
      isEnough(mode, options) &&
      environment.machineId === machineId &&
      environment.commit === commit &&
      environment.dirty === dirty &&
      // Uncommitted work has no name by which an older run could be told to be of it.
      (dirty === false || options.stored === true || run.startedAt >= startedAt)
    )
  })
  return found?.run ?? null
}

/** A command without how much it measures. */
function withoutPlan(command: readonly string[]): string[] {
  const valued = ['--precision', '--budget', '--seed']
  const flags = ['--quick', '--full', '--smoke']
  return command.filter(
    (word, index) =>
      !flags.includes(word) && !valued.includes(word) && !valued.includes(command[index - 1] ?? ''),
  )
}

/** A longer run will do for a shorter one, and never the other way about. */
function isEnough(mode: Mode, { quick, smoke }: EvidenceOptions): boolean {
  const order: readonly Mode[] = ['smoke', 'quick', 'default', 'full']
  const least: Mode = smoke === true ? 'smoke' : quick === true ? 'quick' : 'default'
  return order.indexOf(mode) >= order.indexOf(least)
}

function modeWords(command: readonly string[], { quick, smoke }: EvidenceOptions): string[] {
  if (smoke === true) return ['--smoke']
  if (quick !== true || command.includes('open')) return []
  return ['--quick', '--budget', command.includes('churn') ? quickChurnBudget : quickBudget]
}

function secondsOf(command: readonly string[], { quick, smoke }: EvidenceOptions): number {
  const isChurn = command.includes('churn')
  if (smoke === true) return smokeSeconds
  if (command.includes('open')) return openSeconds
  const measuring = quick === true ? (isChurn ? 50 : 30) : isChurn ? 225 : 75
  return measuring + preflightSeconds
}

const quickBudget = '30s'
const quickChurnBudget = '50s'
const openSeconds = 130
const preflightSeconds = 12
const smokeSeconds = 15
