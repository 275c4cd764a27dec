import type { Command } from 'commander'
import { BenchError } from '../errors.ts'
import { addChurnOptions, churnArguments, type ChurnCommandOptions } from './churn-options.ts'
import { addCurveOptions, curveArguments, type CurveCommandOptions } from './curve-options.ts'
import { addOpenOptions, openArguments, openOnly, type OpenCommandOptions } from './open-options.ts'
import { dashed } from './plan-options.ts'
import { addSeatsOptions, seatsArguments, seatsOnly, type SeatsOptions } from './seat-options.ts'
import { targetArguments } from './target-arguments.ts'
import { addTargetOptions, type TargetCommandOptions } from './target-options.ts'

/** How requests come; a curve is open loops at many rates. */
export type LoadKind = 'closed' | 'open' | 'churn' | 'curve'

/** Options that say how load arrives. */
export interface LoadCommandOptions
  extends
    OpenCommandOptions,
    ChurnCommandOptions,
    CurveCommandOptions,
    TargetCommandOptions,
    SeatsOptions {
  readonly load: string
}

/** Adds the options that say how load arrives. */
export function addLoadOptions(command: Command): Command {
  command.option(
    '--load <closed|open|churn>',
    'closed: the next request waits for an answer; open: it does not; churn: new connections',
    'closed',
  )
  return addTargetOptions(
    addSeatsOptions(addChurnOptions(addCurveOptions(addOpenOptions(command)))),
  )
}

/** The kind of load; throws usage errors for what does not belong to it. */
export function loadOf(options: LoadCommandOptions, hasTargets = false): LoadKind {
  if (options.seats !== undefined) return seatsOf(options)
  refuseForeign(options, seatsOnly, '--seats')
  if (options.curve === true) return curveOf(options)
  const { load } = options
  if (load !== 'closed' && load !== 'open' && load !== 'churn')
    throw new BenchError('usage', `--load ${load}: expected closed, open or churn`)
  refuseForeign(options, foreignToLoad(load, hasTargets), '--load open')
  refuseForeign(options, load === 'churn' ? [] : churnOnly, '--load churn')
  refuseForeign(options, curveOnly, '--curve')
  return load
}

/** Seats offer a schedule, which is an open loop whether it is said or not. */
function seatsOf(options: LoadCommandOptions): 'open' {
  const foreign = foreignToSeats.find((name) => options[name] !== undefined)
  if (foreign !== undefined) {
    throw new BenchError(
      'usage',
      `--${dashed(foreign)}: seats offer one window to one --target, leave it or --seats out`,
    )
  }
  if (options.load === 'churn')
    throw new BenchError('usage', '--load churn: seats offer --load open, leave one out')
  return 'open'
}

function curveOf(options: LoadCommandOptions): 'curve' {
  if (options.load === 'churn')
    throw new BenchError('usage', '--load churn: a --curve is of open loops, leave one out')
  refuseForeign(options, churnOnly, '--load churn')
  return 'curve'
}

/** Options of open loops that another load does not take; a target has some of them under any load. */
function foreignToLoad(load: LoadKind, hasTargets: boolean): readonly (typeof openOnly)[number][] {
  if (load === 'open') return []
  const ofTargets = ['connections', 'maxConnections', 'timeout']
  return openOnly.filter((name) => !hasTargets || !ofTargets.includes(name))
}

function refuseForeign(
  options: LoadCommandOptions,
  names: readonly (keyof LoadCommandOptions)[],
  needs: string,
): void {
  const foreign = names.find((name) => options[name] !== undefined)
  if (foreign !== undefined) throw new BenchError('usage', `--${dashed(foreign)} needs ${needs}`)
}

/** The same options as arguments, for the `command` of a run; of a target only what may be stored. */
export function loadArguments(options: LoadCommandOptions): string[] {
  const load = options.load === 'closed' ? [] : ['--load', options.load]
  return [
    ...load,
    ...curveArguments(options),
    ...openArguments(options),
    ...seatsArguments(options),
    ...targetArguments(options),
    ...churnArguments(options),
  ]
}

const curveOnly = ['rates', 'slo'] as const
const churnOnly = ['policy', 'requestsPerConnection', 'storm'] as const
const foreignToSeats = ['curve', 'generators', 'blocks', ...curveOnly, ...churnOnly] as const
