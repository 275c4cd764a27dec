import { join } from 'node:path'
import { Command } from 'commander'
import { BenchError } from '../errors.ts'
import { runSeat, type SeatOutcome } from '../seats/seat.ts'
import type { SeatResult } from '../seats/seat-result.ts'
import { seatSource } from '../seats/source.ts'
import { saveFile } from '../store.ts'
import { loadConfig, requestOf } from '../targets/config-file.ts'
import type { TargetSettings } from '../targets/settings.ts'
import { overlay } from './config-options.ts'
import { collect, type CommandResult, type Io } from './io.ts'
import {
  addRendezvousOptions,
  rendezvousOf,
  runIdOf,
  seatIndex,
  seatWaitMs,
  type RendezvousOptions,
} from './seat-options.ts'
import {
  addContentOptions,
  addCredentialOptions,
  requestSettingsOf,
  type TargetCommandOptions,
} from './target-options.ts'

interface SeatCommandOptions extends RendezvousOptions, TargetCommandOptions {
  readonly index?: string
  readonly save?: string
  readonly results: string
  readonly json?: true
}

/** `seat`: one generator of several, on a machine of its own. */
export function seatCommand(io: Io, done: (result: CommandResult) => void): Command {
  const command = new Command('seat')
    .description('offer a part of what a coordinator, npm run bench -- --seats, asks for')
    .option('--index <number>', 'which seat, from 0 (default: variable JOB_COMPLETION_INDEX)')
    .option('--target <url>', 'load no other, whatever the coordinator says', collect)
    .option('--config <file>', 'credentials of its targets; no other is loaded')
    .option('--save <file>', 'keep the result here too')
    .option('--results <folder>', 'where a result goes that nobody takes', join(io.root, 'results'))
    .option('--json', 'print one JSON object on stdout')
    .addHelpText(
      'after',
      '\nExample:\n  npm run seat -- --rendezvous redis://10.0.0.5:6379 --run-id friday --index 3 \\\n    --cert client.pem --key client.key --ca ca.pem --token-file token',
    )
    .action(async (options: SeatCommandOptions) => {
      await seat(options, io)
      done({ exitCode: 0 })
    })
  return addContentOptions(addCredentialOptions(addRendezvousOptions(command)))
}

async function seat(options: SeatCommandOptions, io: Io): Promise<void> {
  const { runId } = options
  if (runId === undefined)
    throw new BenchError('usage', '--run-id: missing; give the one that the coordinator told')
  const save = (result: SeatResult, file: string): string => {
    saveFile(file, `${JSON.stringify(result)}\n`)
    return file
  }
  const fallback = join(options.results, `seat-${runId}-${seatIndex(options.index)}.seat`)
  const outcome = await runSeat({
    settings: rendezvousOf(options),
    runId: runIdOf(options),
    index: seatIndex(options.index),
    source: seatSource(io.root),
    given: await givenTargets(options),
    waitMs: seatWaitMs(options),
    keep: (result) => save(result, options.save ?? fallback),
    say: (line) => {
      io.err(`${line}\n`)
    },
    signal: io.signal,
  })
  if (options.save !== undefined) save(outcome.result, options.save)
  io.out(options.json === true ? `${JSON.stringify(envelopeOf(outcome))}\n` : sentenceOf(outcome))
}

/** Targets that this seat may load, with its credentials; one without a URL where it names none. */
async function givenTargets(options: SeatCommandOptions): Promise<TargetSettings[]> {
  const { config: path, target = [] } = options
  const own = requestSettingsOf(options)
  if (path === undefined)
    return target.length === 0 ? [{ url: '', ...own }] : target.map((url) => ({ url, ...own }))
  if (target.length > 0)
    throw new BenchError(
      'usage',
      `--target ${target.join(' ')}: --config names targets, leave one out`,
    )
  const { config, file } = await loadConfig(path)
  return config.targets.map(({ url, name = '', ...request }) => ({
    url,
    name,
    ...overlay(requestOf(config, request, file), own),
  }))
}

function envelopeOf({ result, seats, startedAtUs }: SeatOutcome) {
  const { runId, index, clock, driftUs, reading } = result
  const { requests, answered, timeouts, errors } = reading
  return {
    schema: 1,
    command: 'seat',
    runId,
    index,
    seats,
    requests,
    answered,
    timeouts,
    errors,
    startedAtUs,
    clock,
    driftUs,
  }
}

function sentenceOf({ result: { index, reading }, seats }: SeatOutcome): string {
  const { requests, answered } = reading
  return `seat ${index} of ${seats}: ${answered} of ${requests} requests answered\n`
}
