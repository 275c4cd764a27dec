import { join } from 'node:path'
import { Command } from 'commander'
import { BenchError } from '../errors.ts'
import { runSeat, type SeatOutcome } from '../seats/seat.ts'
import type { SeatResult } from '../seats/seat-result.ts'
import { seatSource } from '../seats/source.ts'
import { saveFile } from '../store.ts'
import { loadConfig, requestOf } from '../targets/config-file.ts'
import type { TrustbenchConfig } from '../targets/config-schema.ts'
import { defined } from '../targets/defined.ts'
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
import { connectionLimits } from './open-options.ts'
import { capsOf } from './target-caps.ts'
import {
  addClientOptions,
  addContentOptions,
  addCredentialOptions,
  requestSettingsOf,
  type TargetCommandOptions,
} from './target-options.ts'

interface SeatCommandOptions extends RendezvousOptions, TargetCommandOptions {
  readonly index?: string
  readonly save?: string
  readonly maxConnections?: string
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
    .option('--method <method>', 'what it may be asked to send (default: GET, with a body POST)')
    .option(
      '--max-rate <number>',
      'take part in no more, of all seats together (default: 1,000 of another host)',
    )
    .option('--max-duration <time>', 'and not for longer (default: 60s of another host)')
    .option('--max-connections <number>', 'nor over more connections (default: 64 of another host)')
    .option('--save <file>', 'keep the result here too')
    .option('--results <folder>', 'where a result goes that nobody takes', join(io.root, 'results'))
    .option('--json', 'print one JSON object on stdout')
    .addHelpText(
      'after',
      '\nExample:\n  npm run seat -- --rendezvous redis://10.0.0.5:6379 --run-id friday --index 3 \\\n    --target https://gw.example/pay --cert client.pem --key client.key --ca ca.pem --token-file token',
    )
    .action(async (options: SeatCommandOptions) => {
      await seat(options, io)
      done({ exitCode: 0 })
    })
  return addContentOptions(addClientOptions(addCredentialOptions(addRendezvousOptions(command))))
}

async function seat(options: SeatCommandOptions, io: Io): Promise<void> {
  const { runId } = options
  if (runId === undefined)
    throw new BenchError('usage', '--run-id: missing; give the one that the coordinator told')
  const save = (result: SeatResult, file: string): string => {
    saveFile(file, `${JSON.stringify(result)}\n`)
    return file
  }
  const { given, caps } = await givenTargets(options)
  const fallback = join(options.results, `seat-${runId}-${seatIndex(options.index)}.seat`)
  const outcome = await runSeat({
    settings: rendezvousOf(options),
    runId: runIdOf(options),
    index: seatIndex(options.index),
    source: seatSource(io.root),
    given,
    capOf: capsOf(caps, connectionLimits({ ...caps, connections: '1' }).maxConnections),
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
async function givenTargets(options: SeatCommandOptions): Promise<Given> {
  const { config: path, target = [], maxRate, maxDuration, maxConnections } = options
  const own = requestSettingsOf(options)
  const caps = defined({ maxRate, maxDuration, maxConnections })
  if (path === undefined) {
    const urls = target.length === 0 ? [''] : target
    return { given: urls.map((url) => ({ url, ...own })), caps }
  }
  if (target.length > 0)
    throw new BenchError(
      'usage',
      `--target ${target.join(' ')}: --config names targets, leave one out`,
    )
  const { config, file } = await loadConfig(path)
  const given = config.targets.map(({ url, name = '', ...request }) => ({
    url,
    name,
    ...overlay(requestOf(config, request, file), own),
  }))
  return { given, caps: { ...capsIn(config), ...caps } }
}

/** What a seat may do, and where. */
interface Given {
  readonly given: readonly TargetSettings[]
  readonly caps: Caps
}

type Caps = Pick<SeatCommandOptions, 'maxRate' | 'maxDuration' | 'maxConnections'>

function capsIn({ maxRate, maxDuration, maxConnections, connections }: TrustbenchConfig): Caps {
  const most = maxConnections ?? (connections === undefined ? undefined : Math.max(64, connections))
  return defined({
    maxRate: maxRate === undefined ? undefined : String(maxRate),
    maxDuration,
    maxConnections: most === undefined ? undefined : String(most),
  })
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
