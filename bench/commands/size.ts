import { randomInt } from 'node:crypto'
import { join } from 'node:path'
import { Command } from 'commander'
import { sizeOf } from '../analysis/capacity.ts'
import type { Fit } from '../analysis/capacity-gather.ts'
import type { SizeEnvelope, Sizing } from '../analysis/sizing-schema.ts'
import { DemandSchema } from '../demand.ts'
import type { LogFigures } from '../demand/access-log.ts'
import { readEnvironment } from '../environment.ts'
import { BenchError } from '../errors.ts'
import { loadPng } from '../load-png.ts'
import { renderSizing } from '../render/sizing-text.ts'
import type { Environment, Warning } from '../results.ts'
import { measuringVersion } from '../run.ts'
import { loadScenarios } from '../scenarios.ts'
import { saveSizing, sizingFolder } from '../sizing-store.ts'
import { createRunId, prepareFolder, saveFile } from '../store.ts'
import type { Validation } from '../validations.ts'
import { collect, type CommandResult, type Io } from './io.ts'
import {
  assertSameCpu,
  factsFrom,
  findFit,
  newestValidation,
  withValidatedSd,
  type FitOptions,
} from './size-input.ts'
import { addDemandOptions, demandWordOf, readDemand, type DemandOptions } from './size-options.ts'
import { validateSizes } from './size-validate.ts'

interface SizeOptions extends DemandOptions, FitOptions {
  readonly level: string
  readonly seed?: string
  readonly validate?: true
  readonly budget?: string
  readonly smoke?: true
  readonly schema?: true
  readonly json?: true
}

/** `size`: the fleet that a demand needs, by what was measured on this machine. */
export function sizeCommand(io: Io, done: (result: CommandResult) => void): Command {
  const command = new Command('size').description(
    'size a gateway: demand and measured runs to cores, instances, authorization server, the limit that binds',
  )
  return addDemandOptions(command)
    .option(
      '--run <file>',
      'size by this run and no stored ones, with --measure also by those that it makes; several',
      collect,
      [],
    )
    .option('--measure', 'measure what is missing')
    .option('--quick', 'with --measure: 8 blocks')
    .option('--level <90|95>', 'level of the intervals, in percent', '90')
    .option('--seed <number>', 'of simulations and bootstrap')
    .option('--validate', 'predict loads that were never seen, measure them, tell the errors')
    .option('--budget <time>', 'with --validate: begin no block that would end later (default: 8m)')
    .option('--smoke', 'with --validate: proves that it runs, validates nothing')
    .option('--schema', 'print the JSON Schema of a demand file')
    .option('--results <folder>', 'where runs and sizes are kept', join(io.root, 'results'))
    .option('--json', 'print one JSON object on stdout')
    .addHelpText(
      'after',
      '\nExample:\n  npm run size -- --scenario combined --rate 20000 --p99 25ms --cores-per-instance 8 --scaling 0.9 --measure\n  npm run size -- --log access.log --mix jwt=0.7,mtls=0.3 --p99 25ms\n  npm run size -- --validate',
    )
    .action(async (options: SizeOptions) => {
      done(await size(options, io))
    })
}

async function size(options: SizeOptions, io: Io): Promise<CommandResult> {
  if (options.schema === true) {
    io.out(`${JSON.stringify(DemandSchema, null, 1)}\n`)
    return { exitCode: 0 }
  }
  const level = levelOf(options.level)
  const seed = options.seed === undefined ? randomInt(2 ** 31) : seedOf(options.seed)
  if (options.validate === true) {
    const foreign = demandWordOf(options)
    if (foreign !== null) {
      throw new BenchError('usage', `${foreign}: --validate has loads of its own, leave it out`)
    }
    return validateSizes({ ...options, seed }, io)
  }
  refuseAlone(options)
  const all = await loadScenarios(io.root)
  const { demand, log } = await readDemand(options, { all, signal: io.signal })
  prepareFolder(options.results)
  const environment = readEnvironment(io.root, null)
  const found = await findFit(demand, options, { io, environment, factsOf: factsFrom(all) })
  assertSameCpu(found, environment, demand)
  const validated = newestValidation(options.results, environment)
  const fit = withValidatedSd(found, validated)
  const validation = validated === null ? null : headOf(validated)
  const sizing = sizeOf(demand, fit, { level, seed, validation })
  const envelope = envelopeOf(sizing, { fit, log, environment })
  const charts = await writeChart(envelope, options.results, io)
  present({ ...envelope, charts }, options, io)
  return { exitCode: 0 }
}

function present(envelope: SizeEnvelope, { results, json }: SizeOptions, io: Io): void {
  const file = saveSizing(results, envelope)
  if (json === true) {
    io.out(`${JSON.stringify(envelope)}\n`)
    return
  }
  io.out(renderSizing(envelope, { color: io.stdoutIsTerminal }))
  io.out(`\nSize    ${file}\n`)
  for (const chart of envelope.charts) io.out(`Chart   ${chart}\n`)
}

function envelopeOf(
  sizing: Sizing,
  {
    fit,
    log,
    environment,
  }: {
    readonly fit: Fit
    readonly log: LogFigures | null
    readonly environment: Environment
  },
): SizeEnvelope {
  const now = new Date()
  const subject = `size-${sizing.demand.mechanisms.map(({ scenario }) => scenario).join('-')}`
  return {
    schema: 1,
    command: 'size',
    kind: 'sizing',
    sizingId: createRunId(now, environment, subject),
    startedAt: now.toISOString(),
    environment,
    log: log === null ? null : { ...log, firstGarbage: [...log.firstGarbage] },
    sizing,
    charts: [],
    warnings: warningsOf(fit, log),
  }
}

function warningsOf({ runs }: Fit, log: LogFigures | null): Warning[] {
  const versions = new Set([...runs.values()].map((run) => run.measuringVersion))
  const commits = new Set([...runs.values()].map((run) => run.environment.commit))
  const garbage = log === null ? 0 : log.garbage / log.lines
  return [
    versions.has(measuringVersion)
      ? null
      : {
          code: 'older-measuring',
          message: `the runs are of measuring version ${[...versions].join()}, the current one is ${measuringVersion}`,
          advice: 'measure anew with --measure',
        },
    commits.size > 1
      ? {
          code: 'several-commits',
          message: `the runs are of ${commits.size} commits`,
          advice: 'measure all of them at one with --measure and another --results folder',
        }
      : null,
    garbage > noticedGarbage
      ? {
          code: 'garbage-lines',
          message: `${(garbage * 100).toFixed(1)} % of the lines of the log are garbage: rates may be too low by as much`,
          advice: 'give --log-format with the text of your log_format',
        }
      : null,
  ].filter((warning) => warning !== null)
}

function headOf({ validationId, startedAt, errors }: Validation): Sizing['validation'] {
  return { validationId, startedAt, errors }
}

/** A chart that cannot be written is one line, not a loss. */
async function writeChart(
  { sizing, sizingId }: SizeEnvelope,
  results: string,
  io: Io,
): Promise<string[]> {
  const [{ sizingChart }, { renderPng }] = await Promise.all([
    import('../render/charts-sizing.ts'),
    loadPng(),
  ])
  const file = join(sizingFolder(results), `${sizingId}.png`)
  try {
    saveFile(file, renderPng(sizingChart(sizing, { sizingId })))
    return [file]
  } catch (error) {
    if (!(error instanceof BenchError)) throw error
    io.err(`trustbench: ${error.message}\n`)
    return []
  }
}

function refuseAlone({ budget, smoke, quick, measure }: SizeOptions): void {
  const fault = [
    budget === undefined ? null : `--budget ${budget}: needs --validate`,
    smoke === undefined ? null : '--smoke: needs --validate, a size measures nothing',
    quick === undefined || measure === true ? null : '--quick: needs --measure',
  ].find((message) => message !== null)
  if (fault !== undefined) throw new BenchError('usage', fault)
}

function levelOf(text: string): number {
  if (text === '90' || text === '95') return Number(text) / 100
  throw new BenchError('usage', `--level ${text}: expected 90 or 95`)
}

function seedOf(text: string): number {
  if (/^\d{1,10}$/.test(text) && Number(text) < 2 ** 32) return Number(text)
  throw new BenchError('usage', `--seed ${text}: expected a whole number below 2^32`)
}

/** One line in a hundred: a log that was cut, or written to by something else. */
const noticedGarbage = 0.01
