import { randomBytes } from 'node:crypto'
import type { Command } from 'commander'
import { BenchError } from '../errors.ts'
import { parseRendezvous, type RendezvousSettings } from '../seats/client.ts'
import { readNamedFile, readSecret } from '../targets/credentials.ts'
import { durationMs } from './plan-options.ts'

/** Options that say where seats meet. */
export interface RendezvousOptions {
  readonly rendezvous?: string
  readonly rendezvousPasswordFile?: string
  readonly rendezvousCa?: string
  readonly runId?: string
  readonly seatWait?: string
}

/** Of one run. */
export const mostSeats = 1_000

/** Options of a coordinator. */
export interface SeatsOptions extends RendezvousOptions {
  readonly seats?: string
  readonly tolerateMissing?: string
  readonly resultWait?: string
  readonly seatNames?: true
}

/** Adds the options of a coordinator of generators on several machines. */
export function addSeatsOptions(command: Command): Command {
  command.option(
    '--seats <number|auto>',
    'open, targets: generators on other machines that offer the schedule together',
  )
  return addRendezvousOptions(command)
    .option('--tolerate-missing <number>', 'seats that may be missing (default: 0)')
    .option('--result-wait <time>', 'seats: for results, after the last answer (default: 60s)')
    .option('--seat-names', 'seats: keep the names of their hosts')
}

/** Adds the options by which coordinator and seats find each other. */
export function addRendezvousOptions(command: Command): Command {
  return command
    .option(
      '--rendezvous <url>',
      'seats: Redis where they meet (default: variable TRUSTBENCH_RENDEZVOUS)',
    )
    .option('--rendezvous-password-file <file>', 'seats: its password')
    .option('--rendezvous-ca <file>', 'seats: anchors by which a rediss:// is judged, PEM')
    .option('--run-id <word>', 'seats: what coordinator and seats of a run have in common')
    .option('--seat-wait <time>', 'seats: how long they wait for each other (default: 60s)')
}

/** Where seats meet; throws usage errors. A password is not taken from the command line. */
export function rendezvousOf(
  options: RendezvousOptions,
  environment: NodeJS.ProcessEnv = process.env,
): RendezvousSettings {
  const url = options.rendezvous ?? environment[variable]
  if (url === undefined) {
    throw new BenchError(
      'usage',
      `--rendezvous: missing; give redis://HOST:PORT, or the variable ${variable}`,
    )
  }
  if (parseRendezvous(url).password !== '' && options.rendezvous !== undefined) {
    throw new BenchError(
      'usage',
      `--rendezvous: a password that all users of this machine could read here, give ${variable} or --rendezvous-password-file`,
    )
  }
  const { rendezvousPasswordFile: file, rendezvousCa: ca } = options
  return {
    url,
    password:
      file === undefined
        ? null
        : readSecret('--rendezvous-password-file', { kind: 'file', path: file }),
    ca: ca === undefined ? null : readNamedFile('--rendezvous-ca', ca).toString('latin1'),
  }
}

/** Name of a run; a new one where there is none. Throws usage errors. */
export function runIdOf({ runId }: RendezvousOptions): string {
  if (runId === undefined) return randomBytes(4).toString('hex')
  if (/^[\w.-]{1,64}$/.test(runId)) return runId
  throw new BenchError(
    'usage',
    '--run-id: expected up to 64 letters, digits, dots, dashes and underscores',
  )
}

/** How long seats wait for each other, in ms. */
export function seatWaitMs({ seatWait = '60s' }: RendezvousOptions): number {
  return durationMs('--seat-wait', seatWait)
}

/** Seats, as a number or to be found out; throws usage errors. */
export function seatCount(text: string): number | 'auto' {
  return text === 'auto' ? text : whole('--seats', text, [1, mostSeats])
}

/** Index of a seat: as given, or as Kubernetes gives it to the pods of an indexed job. */
export function seatIndex(
  given: string | undefined,
  environment: NodeJS.ProcessEnv = process.env,
): number {
  const text = given ?? environment['JOB_COMPLETION_INDEX']
  if (text !== undefined) return whole('--index', text, [0, mostSeats - 1])
  throw new BenchError(
    'usage',
    '--index: missing; give the number of this seat from 0, or the variable JOB_COMPLETION_INDEX',
  )
}

/** Seats that may be missing; throws usage errors. */
export function toleratedOf({ tolerateMissing = '0' }: SeatsOptions): number {
  return whole('--tolerate-missing', tolerateMissing, [0, mostSeats])
}

/** The same options as arguments, for the `command` of a run. */
export function seatsArguments(options: SeatsOptions): string[] {
  if (options.seats === undefined) return []
  const { tolerateMissing, seatNames } = options
  return [
    ...['--seats', options.seats],
    ...(tolerateMissing === undefined ? [] : ['--tolerate-missing', tolerateMissing]),
    ...(seatNames === true ? ['--seat-names'] : []),
  ]
}

function whole(option: string, text: string, [least, most]: readonly [number, number]): number {
  const value = Number(text)
  if (/^\d{1,7}$/.test(text) && value >= least && value <= most) return value
  throw new BenchError(
    'usage',
    `${option} ${text}: expected a whole number from ${least} to ${most}`,
  )
}

const variable = 'TRUSTBENCH_RENDEZVOUS'
/** Options that only a coordinator of seats takes. */
export const seatsOnly = [
  'rendezvous',
  'rendezvousPasswordFile',
  'rendezvousCa',
  'runId',
  'seatWait',
  'tolerateMissing',
  'resultWait',
  'seatNames',
] as const
