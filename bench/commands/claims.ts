import { join } from 'node:path'
import { Command } from 'commander'
import { claims, experiments, experimentsOf, reproduce } from '../analysis/claims.ts'
import { decideClaim, type Claim } from '../analysis/claim.ts'
import { readEnvironment } from '../environment.ts'
import { BenchError } from '../errors.ts'
import { events } from '../experiments/catalogue.ts'
import { trials } from '../experiments/trials.ts'
import { renderClaims, type DecidedClaim } from '../render/claims-text.ts'
import type { Environment } from '../results.ts'
import { listRuns, prepareFolder, saveFile, type StoredRun } from '../store.ts'
import { gatherEvents, gatherRuns, gatherTrials, type EvidenceOptions } from './claims-evidence.ts'
import type { CommandResult, Io } from './io.ts'

interface ClaimsOptions extends EvidenceOptions {
  readonly list?: true
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

/** Verdicts by the runs and events of a folder that are of this machine and source; nothing is measured. */
export async function decideStored(
  results: string,
  environment: Environment,
  io: Io,
  runs: readonly StoredRun[] = listRuns([results]).runs,
): Promise<DecidedClaim[]> {
  const options: ClaimsOptions = { results, stored: true, quick: true, runs }
  const evidence = await gatherRuns(experiments, options, { io, environment })
  const windows = await gatherEvents(events, options, { io, environment })
  const made = await gatherTrials(trials, options, { io, environment })
  return claims.map((claim) => ({
    claim,
    decision: decideClaim(claim, evidence, windows, made),
    isProvisional: claim.experiments.some((name) => evidence.get(name)?.mode === 'quick'),
    reproduce: commandsOf(claim),
    runs: experimentsOf(claim).flatMap(({ name }) => evidence.get(name)?.runId ?? []),
  }))
}

async function decideAll(ids: readonly string[], options: ClaimsOptions, io: Io): Promise<void> {
  const chosen = choose(ids)
  if (options.list === true) {
    io.out(listOf(chosen))
    return
  }
  prepareFolder(options.results)
  const names = new Set(chosen.flatMap((claim) => experimentsOf(claim).map(({ name }) => name)))
  const wanted = experiments.filter(({ name }) => names.has(name))
  const needed = wanted.filter(({ isSlow = false }) => !isSlow || options.quick !== true)
  const leftOut = wanted.filter((experiment) => !needed.includes(experiment))
  if (leftOut.length > 0)
    io.err(`left out by --quick: ${leftOut.map(({ name }) => name).join(', ')}\n`)
  const environment = readEnvironment(io.root, null)
  const evidence = await gatherRuns(needed, options, { io, environment })
  const isProvisional = options.quick === true || options.smoke === true
  const eventNames = new Set(chosen.flatMap((claim) => claim.events ?? []))
  const neededEvents = events.filter(({ name }) => eventNames.has(name))
  const windows = await gatherEvents(neededEvents, options, { io, environment })
  const trialNames = new Set(chosen.flatMap((claim) => claim.trials ?? []))
  const neededTrials = trials.filter(({ name }) => trialNames.has(name))
  const made = await gatherTrials(neededTrials, options, { io, environment })
  const decided = chosen.map((claim): DecidedClaim => ({
    claim,
    decision: decideClaim(claim, evidence, windows, made),
    isProvisional,
    reproduce: commandsOf(claim),
    runs: experimentsOf(claim).flatMap(({ name }) => evidence.get(name)?.runId ?? []),
  }))
  const complete =
    needed.every(({ name }) => evidence.has(name)) &&
    neededEvents.every(({ name }) => windows.has(name)) &&
    neededTrials.every(({ name }) => made.has(name))
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

function commandsOf(claim: Claim): string[] {
  const runs = experimentsOf(claim).map(reproduce)
  const isMore = claim.events !== undefined || claim.trials !== undefined
  return isMore ? [...runs, `npm run claims -- ${claim.id}`] : runs
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
