import { join } from 'node:path'
import { Command } from 'commander'
import { claims, experiments, reproduce, type Experiment } from '../analysis/claims.ts'
import { decideClaim, type Claim, type Evidence } from '../analysis/claim.ts'
import { readEnvironment } from '../environment.ts'
import { BenchError } from '../errors.ts'
import { renderClaims, type DecidedClaim } from '../render/claims-text.ts'
import type { Mode, Run } from '../results.ts'
import { listRuns, prepareFolder, saveFile } from '../store.ts'
import { benchCommand } from './bench.ts'
import type { CommandResult, Io } from './io.ts'

interface ClaimsOptions {
  readonly list?: true
  readonly quick?: true
  readonly smoke?: true
  readonly stored?: true
  readonly results: string
  readonly json?: true
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

async function decideAll(ids: readonly string[], options: ClaimsOptions, io: Io): Promise<void> {
  const chosen = choose(ids)
  if (options.list === true) {
    io.out(listOf(chosen))
    return
  }
  prepareFolder(options.results)
  const names = new Set(chosen.flatMap((claim) => claim.experiments))
  const needed = experiments.filter(({ name }) => names.has(name))
  const evidence = await gather(needed, options, io)
  const isProvisional = options.quick === true || options.smoke === true
  const decided = chosen.map((claim): DecidedClaim => ({
    claim,
    decision: decideClaim(claim, evidence),
    isProvisional,
    reproduce: commandsOf(claim),
    runs: claim.experiments.flatMap((name) => evidence.get(name)?.runId ?? []),
  }))
  const envelope = envelopeOf(
    decided,
    io,
    needed.every(({ name }) => evidence.has(name)),
  )
  saveFile(join(options.results, 'claims.json'), `${JSON.stringify(envelope, null, 1)}\n`)
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
  io: Io,
): Promise<Evidence> {
  const startedAt = new Date().toISOString()
  const evidence = new Map<string, Run>()
  const missing: Experiment[] = []
  for (const experiment of needed) {
    const stored = findStored(experiment, { options, io, startedAt })
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
    await benchCommand({ ...io, out: () => undefined }, () => undefined)
      .exitOverride()
      .parseAsync(
        [
          ...experiment.command,
          ...modeWords(experiment.command, options),
          '--results',
          options.results,
        ],
        { from: 'user' },
      )
    const run = findStored(experiment, { options, io, startedAt })
    if (run !== null) evidence.set(experiment.name, run)
  }
  return evidence
}

function findStored(
  { command }: Experiment,
  {
    options,
    io,
    startedAt,
  }: { readonly options: ClaimsOptions; readonly io: Io; readonly startedAt: string },
): Run | null {
  const { commit, dirty, machineId } = readEnvironment(io.root, null)
  const wanted = JSON.stringify(command)
  const found = listRuns([options.results]).runs.find(({ run }) => {
    const [, ...words] = run.command
    const { environment, complete, mode } = run
    return (
      JSON.stringify(words.slice(0, command.length)) === wanted &&
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

/** A longer run will do for a shorter one, and never the other way about. */
function isEnough(mode: Mode, { quick, smoke }: ClaimsOptions): boolean {
  const order: readonly Mode[] = ['smoke', 'quick', 'default', 'full']
  const least: Mode = smoke === true ? 'smoke' : quick === true ? 'quick' : 'default'
  return order.indexOf(mode) >= order.indexOf(least)
}

function modeWords(command: readonly string[], { quick, smoke }: ClaimsOptions): string[] {
  if (smoke === true) return ['--smoke']
  if (quick !== true) return []
  return ['--quick', '--budget', command.includes('churn') ? quickChurnBudget : quickBudget]
}

function secondsOf(command: readonly string[], { quick, smoke }: ClaimsOptions): number {
  const isChurn = command.includes('churn')
  if (smoke === true) return smokeSeconds
  const measuring = quick === true ? (isChurn ? 75 : 40) : isChurn ? 225 : 75
  return measuring + preflightSeconds
}

function commandsOf(claim: Claim): string[] {
  return experiments.filter(({ name }) => claim.experiments.includes(name)).map(reproduce)
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

const quickBudget = '40s'
const quickChurnBudget = '75s'
const preflightSeconds = 12
const smokeSeconds = 15
