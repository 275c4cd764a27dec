import { join } from 'node:path'
import { Command } from 'commander'
import { claims, experiments, reproduce, type Experiment } from '../analysis/claims.ts'
import { decideClaim, type Claim, type Evidence, type Windows } from '../analysis/claim.ts'
import { windowOf } from '../analysis/event-windows.ts'
import { readEnvironment } from '../environment.ts'
import { BenchError } from '../errors.ts'
import { listEvents, saveEvents } from '../event-store.ts'
import { events, type Experiment as EventExperiment } from '../experiments/catalogue.ts'
import { measureEvents } from '../experiments/measure-events.ts'
import { renderClaims, type DecidedClaim } from '../render/claims-text.ts'
import type { Mode, Run } from '../results.ts'
import { loadScenarios } from '../scenarios.ts'
import { createRunId, listRuns, prepareFolder, saveFile, type StoredRun } from '../store.ts'
import { benchCommand } from './bench.ts'
import type { CommandResult, Io } from './io.ts'

interface ClaimsOptions {
  readonly list?: true
  readonly quick?: true
  readonly smoke?: true
  readonly stored?: true
  readonly results: string
  readonly json?: true
  /** Runs of `results` that were read already. */
  readonly runs?: readonly StoredRun[]
}

/** `claims`: what the sentences of the two articles are worth on this machine. */
export function claimsCommand(io: Io, done: (result: CommandResult) => void): Command {
  return new Command('claims')
    .description('decide the claims of the two articles by experiments, on this machine')
    .argument('[id...]', 'claims, as P4 S9; default: all')
    .option('--list', 'show the claims and the command that decides each')
    .option('--quick', 'at most 10 minutes; verdicts are provisional')
    .option('--smoke', 'proves that it runs, decides nothing')
    .option('--stored', 'measure nothing: decide by the runs that are stored')
    .option('--results <folder>', 'where runs are kept, and taken from', join(io.root, 'results'))
    .option('--json', 'print one JSON object on stdout')
    .addHelpText('after', '\nExample:\n  npm run claims -- P4 S9\n  npm run claims -- --quick')
    .action(async (ids: string[], options: ClaimsOptions) => {
      await decideAll(ids, options, io)
      done({ exitCode: 0 })
    })
}

/** Verdicts by the runs and events of a folder that are of this machine and source; nothing is measured. */
export async function decideStored(
  results: string,
  environment: Run['environment'],
  io: Io,
  runs: readonly StoredRun[] = listRuns([results]).runs,
): Promise<DecidedClaim[]> {
  const options: ClaimsOptions = { results, stored: true, quick: true, runs }
  const evidence = await gather(experiments, options, { io, environment })
  const windows = await gatherEvents(events, options, { io, environment })
  return claims.map((claim) => ({
    claim,
    decision: decideClaim(claim, evidence, windows),
    isProvisional: claim.experiments.some((name) => evidence.get(name)?.mode === 'quick'),
    reproduce: commandsOf(claim),
    runs: claim.experiments.flatMap((name) => evidence.get(name)?.runId ?? []),
  }))
}

async function decideAll(ids: readonly string[], options: ClaimsOptions, io: Io): Promise<void> {
  const chosen = choose(ids)
  if (options.list === true) {
    io.out(listOf(chosen))
    return
  }
  prepareFolder(options.results)
  const names = new Set(chosen.flatMap((claim) => claim.experiments))
  const wanted = experiments.filter(({ name }) => names.has(name))
  const needed = wanted.filter(({ isSlow = false }) => !isSlow || options.quick !== true)
  const leftOut = wanted.filter((experiment) => !needed.includes(experiment))
  if (leftOut.length > 0)
    io.err(`left out by --quick: ${leftOut.map(({ name }) => name).join(', ')}\n`)
  const environment = readEnvironment(io.root, null)
  const evidence = await gather(needed, options, { io, environment })
  const isProvisional = options.quick === true || options.smoke === true
  const eventNames = new Set(chosen.flatMap((claim) => claim.events ?? []))
  const neededEvents = events.filter(({ name }) => eventNames.has(name))
  const windows = await gatherEvents(neededEvents, options, { io, environment })
  const decided = chosen.map((claim): DecidedClaim => ({
    claim,
    decision: decideClaim(claim, evidence, windows),
    isProvisional,
    reproduce: commandsOf(claim),
    runs: claim.experiments.flatMap((name) => evidence.get(name)?.runId ?? []),
  }))
  const complete =
    needed.every(({ name }) => evidence.has(name)) &&
    neededEvents.every(({ name }) => windows.has(name))
  const envelope = envelopeOf(decided, io, complete)
  saveFile(join(options.results, 'claims', 'claims.json'), `${JSON.stringify(envelope, null, 1)}\n`)
  io.out(
    options.json === true
      ? `${JSON.stringify(envelope)}\n`
      : renderClaims(decided, { color: io.stdoutIsTerminal }),
  )
}

function choose(ids: readonly string[]): readonly Claim[] {
  const unknown = ids.find((id) => !claims.some((claim) => claim.id === id))
  if (unknown !== undefined) {
    throw new BenchError(
      'usage',
      `unknown claim ${JSON.stringify(unknown)}: there are ${claims.map(({ id }) => id).join(', ')}`,
    )
  }
  return ids.length === 0 ? claims : claims.filter(({ id }) => ids.includes(id))
}

/** Runs of all experiments: a whole one of this very source that is stored is not measured again. */
async function gather(
  needed: readonly Experiment[],
  options: ClaimsOptions,
  { io, environment }: { readonly io: Io; readonly environment: Run['environment'] },
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
async function gatherEvents(
  needed: readonly EventExperiment[],
  options: ClaimsOptions,
  { io, environment }: { readonly io: Io; readonly environment: Run['environment'] },
): Promise<Windows> {
  const stored = listEvents(options.results).filter(
    (file) =>
      file.environment.machineId === environment.machineId &&
      file.environment.commit === environment.commit &&
      file.environment.dirty === environment.dirty &&
      (environment.dirty === false || options.stored === true),
  )
  const known = new Map(
    stored
      .toReversed()
      .flatMap((file) => file.events.map((event) => [event.name, windowOf(event)] as const)),
  )
  const missing = needed.filter(({ name }) => !known.has(name))
  if (options.stored === true || missing.length === 0) return known
  const ms = missing.reduce((sum, { plan }) => sum + plan.beforeMs + plan.afterMs + startMs, 0)
  io.err(`${missing.length} events under load to watch: about ${Math.ceil(ms / 1_000)} s\n`)
  const startedAt = new Date().toISOString()
  const records = await measureEvents(missing, {
    scenarios: await loadScenarios(io.root),
    signal: io.signal,
    onEvent: (record, done) => {
      io.err(`${record.name}: ${record.probes.length} requests (${done} of ${missing.length})\n`)
    },
  })
  saveEvents(options.results, {
    schema: 1,
    kind: 'events',
    eventsId: createRunId(new Date(), environment, 'events'),
    startedAt,
    environment,
    events: records,
  })
  for (const record of records) known.set(record.name, windowOf(record))
  return known
}

function findStored(
  { command }: Experiment,
  {
    options,
    environment: { commit, dirty, machineId },
    startedAt,
  }: {
    readonly options: ClaimsOptions
    readonly environment: Run['environment']
    readonly startedAt: string
  },
): Run | null {
  const wanted = JSON.stringify(['bench', ...command])
  const runs = options.runs ?? listRuns([options.results]).runs
  const found = runs.find(({ run }) => {
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
function isEnough(mode: Mode, { quick, smoke }: ClaimsOptions): boolean {
  const order: readonly Mode[] = ['smoke', 'quick', 'default', 'full']
  const least: Mode = smoke === true ? 'smoke' : quick === true ? 'quick' : 'default'
  return order.indexOf(mode) >= order.indexOf(least)
}

function modeWords(command: readonly string[], { quick, smoke }: ClaimsOptions): string[] {
  if (smoke === true) return ['--smoke']
  if (quick !== true || command.includes('open')) return []
  return ['--quick', '--budget', command.includes('churn') ? quickChurnBudget : quickBudget]
}

function secondsOf(command: readonly string[], { quick, smoke }: ClaimsOptions): number {
  const isChurn = command.includes('churn')
  if (smoke === true) return smokeSeconds
  if (command.includes('open')) return openSeconds
  const measuring = quick === true ? (isChurn ? 60 : 35) : isChurn ? 225 : 75
  return measuring + preflightSeconds
}

function commandsOf(claim: Claim): string[] {
  const runs = experiments.filter(({ name }) => claim.experiments.includes(name)).map(reproduce)
  return claim.events === undefined ? runs : [...runs, `npm run claims -- ${claim.id}`]
}

function listOf(chosen: readonly Claim[]): string {
  return chosen
    .map((claim) => {
      const commands = commandsOf(claim)
      const how = commands.length === 0 ? ['(no experiment yet, or none possible)'] : commands
      return [
        `${claim.id}  ${claim.sentence} (${claim.source})`,
        ...how.map((line) => `    ${line}`),
      ]
    })
    .flat()
    .join('\n')
    .concat('\n')
}

function envelopeOf(decided: readonly DecidedClaim[], io: Io, complete: boolean) {
  return {
    schema: 1,
    command: 'claims',
    complete,
    environment: readEnvironment(io.root, null),
    claims: decided.map(({ claim, decision, isProvisional, reproduce: commands, runs }) => ({
      id: claim.id,
      sentence: claim.sentence,
      source: claim.source,
      ...decision,
      provisional: isProvisional,
      reproduce: commands,
      runs,
    })),
  }
}

const quickBudget = '35s'
const quickChurnBudget = '60s'
const openSeconds = 130
const preflightSeconds = 12
const smokeSeconds = 15
/** Servers and credentials of an event. */
const startMs = 4_000
