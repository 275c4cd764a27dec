import { randomInt } from 'node:crypto'
import type { Command } from 'commander'
import { BenchError } from '../errors.ts'
import type { Plan } from '../measure.ts'
import { modes } from '../modes.ts'
import type { Mode } from '../results.ts'

/** Options of every command that measures. */
export interface PlanOptions {
  readonly quick?: true
  readonly full?: true
  readonly smoke?: true
  readonly precision?: string
  readonly budget?: string
  readonly seed?: string
}

/** What is to be measured, and at which relative half-width it may stop; null = by its blocks alone. */
export interface ChosenPlan {
  readonly mode: Mode
  readonly plan: Plan
  readonly precision: number | null
}

/** Adds the options that say how much is measured. */
export function addPlanOptions(command: Command): Command {
  return command
    .option('--quick', '8 blocks, or as many as 80 s hold')
    .option('--full', 'closed loops: 12 to 40 blocks, until the intervals are narrow')
    .option('--smoke', '1 block of few requests: proves that it runs, measures nothing')
    .option(
      '--precision <percent>',
      'closed loops: stop at this half-width of the 99 % interval, as 1%',
    )
    .option('--budget <time>', 'begin no block that would end later, as 90s or 5m')
    .option('--seed <number>', 'order of arms and slices')
}

/** The plan that the options ask for; throws usage errors. */
export function planOf(options: PlanOptions, fallback: Mode): ChosenPlan {
  const mode = modeOf(options, fallback)
  const { precision, ...plan } = modes[mode]
  const seed = options.seed === undefined ? randomInt(2 ** 31) : wholeNumber('--seed', options.seed)
  const budgetMs =
    options.budget === undefined ? plan.budgetMs : durationMs('--budget', options.budget)
  if (options.precision === undefined) return { mode, plan: { ...plan, seed, budgetMs }, precision }
  if (mode === 'smoke') {
    throw new BenchError(
      'usage',
      `--precision ${options.precision}: --smoke measures nothing, leave one out`,
    )
  }
  return {
    mode,
    plan: {
      ...plan,
      seed,
      // Precision asked for replaces the mode's budget, unless a budget was asked for too.
      budgetMs: options.budget === undefined ? null : budgetMs,
      maxBlocks: modes.full.maxBlocks,
    },
    precision: percent(options.precision),
  }
}

/** The same options as arguments, for the `command` of a run. */
export function planArguments(options: PlanOptions): string[] {
  return [
    ...modeNames.filter((name) => options[name] === true).map((name) => `--${name}`),
    ...(['precision', 'budget', 'seed'] as const).flatMap((name) => {
      const value = options[name]
      return value === undefined ? [] : [`--${name}`, value]
    }),
  ]
}

function modeOf(options: PlanOptions, fallback: Mode): Mode {
  const named = modeNames.filter((name) => options[name] === true)
  if (named.length > 1) {
    throw new BenchError(
      'usage',
      `--${named.join(' and --')}: give one of --quick, --full, --smoke`,
    )
  }
  return named[0] ?? fallback
}

function percent(text: string): number {
  const value = Number(/^(\d+(\.\d+)?)%?$/.exec(text)?.[1])
  if (value >= 0.1 && value <= 50) return value / 100
  throw new BenchError('usage', `--precision ${text}: expected a percentage from 0.1% to 50%`)
}

/** Name of an option as it is typed. */
export function dashed(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}

/** A time given as an option, in ms; throws usage errors. */
export function durationMs(option: string, text: string): number {
  const [, number, unit] = /^(\d+)(s|m|h)$/.exec(text) ?? []
  const seconds = Number(number) * ({ s: 1, m: 60, h: 3_600 }[unit ?? 's'] ?? 1)
  if (seconds >= 1 && seconds <= 86_400) return seconds * 1_000
  throw new BenchError('usage', `${option} ${text}: expected a time from 1s to 24h, as 90s or 5m`)
}

function wholeNumber(option: string, text: string): number {
  if (/^\d{1,10}$/.test(text) && Number(text) < 2 ** 32) return Number(text)
  throw new BenchError('usage', `${option} ${text}: expected a whole number below 2^32`)
}

const modeNames = ['quick', 'full', 'smoke'] as const
