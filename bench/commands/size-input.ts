import { gatherFit, type Fit } from '../analysis/capacity-gather.ts'
import {
  missingRuns,
  unfitness,
  type FactsOf,
  type MissingRun,
} from '../analysis/capacity-needs.ts'
import { errorSd } from '../analysis/capacity-validation.ts'
import type { Demand } from '../demand.ts'
import { BenchError } from '../errors.ts'
import type { Environment, Run } from '../results.ts'
import { allows, describeValues } from '../cases.ts'
import type { Scenario } from '../scenario.ts'
import { findScenario } from '../scenarios.ts'
import { listValidations } from '../sizing-store.ts'
import { listRuns, readRun } from '../store.ts'
import type { Validation } from '../validations.ts'
import { benchCommand } from './bench.ts'
import type { Io } from './io.ts'

/** Where runs are looked for, and whether what is missing is measured. */
export interface FitOptions {
  readonly results: string
  /** Files of runs to size by, and no others; empty: those of this machine in `results`. */
  readonly run: readonly string[]
  readonly measure?: true
  /** Measures no more than what no size is given without. */
  readonly needed?: boolean
  readonly quick?: true
}

/** Facts of the scenarios of this tree; refuses parameters that they do not have. */
export function factsFrom(all: readonly Scenario[]): FactsOf {
  return (name, parameters) => {
    const scenario = findScenario(name, all)
    for (const [key, value] of Object.entries(parameters)) {
      const parameter = scenario.parameters[key]
      if (parameter === undefined) {
        throw new BenchError(
          'usage',
          `${key}=${value}: no parameter of ${name}, which has ${Object.keys(scenario.parameters).join(', ')}`,
        )
      }
      if (value !== parameter.default && !allows(parameter, value)) {
        throw new BenchError(
          'usage',
          `${key}=${value} of ${name}: not allowed, it takes ${describeValues(parameter)}`,
        )
      }
    }
    const defaults = Object.fromEntries(
      Object.entries(scenario.parameters).map(([key, parameter]) => [key, parameter.default]),
    )
    const { token } = scenario.credentials({ ...defaults, ...parameters })
    return { defaults, token, tls: scenario.tls }
  }
}

/**
 * What a demand needs, out of stored runs; what is missing is measured with `--measure`. Throws usage errors
 * that name the runs that would be needed, and refuses runs that may not stand for anything.
 */
export async function findFit(
  demand: Demand,
  options: FitOptions,
  context: { readonly io: Io; readonly factsOf: FactsOf; readonly environment: Environment },
): Promise<Fit> {
  const { factsOf } = context
  const first = gatherFit(demand, candidates(options, context.environment), factsOf)
  // What would only make it better is measured where measuring is asked for, and else left out.
  const wanted = options.measure === true && options.needed !== true ? first.wanted : []
  if (first.fit !== null && wanted.length === 0) return first.fit
  const missing = missingRuns([...first.missing, ...wanted], demand, factsOf)
  if (options.measure !== true) throw notMeasured(missing, first.unfit)
  const beganAt = new Date().toISOString()
  await measureMissing(missing, options, context.io)
  const found = candidates({ ...options, run: [] }, context.environment)
  // Beside runs that were named stand those made for them, and no others.
  const named = options.run.length === 0 ? [] : candidates(options, context.environment)
  const measured = named.length === 0 ? found : found.filter((run) => run.startedAt >= beganAt)
  const second = gatherFit(demand, [...measured, ...named], factsOf)
  if (second.fit !== null) return second.fit
  throw notMeasured(missingRuns(second.missing, demand, factsOf), second.unfit)
}

/** Throws a usage error where runs are of another CPU than this machine's, and nobody vouches for the factor. */
export function assertSameCpu(
  { runs }: Pick<Fit, 'runs'>,
  { cpuModel }: Pick<Environment, 'cpuModel'>,
  { cpuFactor }: Pick<Demand, 'cpuFactor'>,
): void {
  const other = [...runs.values()].find((run) => run.environment.cpuModel !== cpuModel)
  if (other === undefined || cpuFactor !== null) return
  throw new BenchError(
    'not-comparable',
    `${other.runId} was measured on ${other.environment.cpuModel}, this is ${cpuModel}: measure here with --measure, or give --cpu-factor, the CPU time there over here, which is then marked`,
  )
}

/** The newest whole validation on this machine; null: there is none. */
export function newestValidation(
  results: string,
  { machineId }: Pick<Environment, 'machineId'>,
): Validation | null {
  const found = listValidations(results).find(
    ({ environment, mode, complete }) =>
      environment.machineId === machineId && mode !== 'smoke' && complete,
  )
  return found ?? null
}

/** A fit whose intervals are as wide as the last validation found predictions to be wrong. */
export function withValidatedSd(fit: Fit, validation: Validation | null): Fit {
  const sd = validation === null ? null : errorSd(validation.predictions)
  if (sd === null || validation === null) return fit
  const basis = `as far as the validation of ${validation.startedAt.slice(0, 10)} was`
  return { ...fit, sessionSd: { sd, basis } }
}

/** Runs that a size may be from, newest first. */
function candidates({ results, run }: FitOptions, { machineId }: Environment): Run[] {
  if (run.length > 0) {
    const named = run.map((file) => readRun(file).run)
    const fault = named.map(unfitness).find((reason) => reason !== null)
    if (fault !== undefined) throw new BenchError('not-comparable', `--run: ${fault}`)
    return named.toSorted((a, b) => (a.startedAt < b.startedAt ? 1 : -1))
  }
  return listRuns([results])
    .runs.map((stored) => stored.run)
    .filter(({ environment }) => environment.machineId === machineId)
}

/** Makes the runs that are missing, one after the other, as `npm run bench` would. */
async function measureMissing(
  missing: readonly MissingRun[],
  { results, quick }: FitOptions,
  io: Io,
): Promise<void> {
  io.err(`${missing.length} runs to measure: about ${minutesOf(missing)} min\n`)
  for (const [index, { command }] of missing.entries()) {
    io.err(`\n${index + 1} of ${missing.length}: npm run bench -- ${command.join(' ')}\n`)
    await benchCommand({ ...io, out: () => undefined }, () => undefined)
      .exitOverride()
      .parseAsync([...command, ...(quick === true ? ['--quick'] : []), '--results', results], {
        from: 'user',
      })
  }
}

function notMeasured(missing: readonly MissingRun[], unfit: readonly string[]): BenchError {
  const commands = missing.map(
    ({ command, seconds }) =>
      `npm run bench -- ${command.join(' ')} (${Math.ceil(seconds / 60)} min)`,
  )
  const passedOver = unfit.length === 0 ? '' : `; passed over: ${unfit.slice(0, 2).join(', ')}`
  return new BenchError(
    'usage',
    `not measured here: it takes ${commands.join(', and ')}; --measure does it, in about ${minutesOf(missing)} min${passedOver}`,
  )
}

function minutesOf(missing: readonly MissingRun[]): number {
  return Math.ceil(missing.reduce((sum, { seconds }) => sum + seconds, 0) / 60)
}
