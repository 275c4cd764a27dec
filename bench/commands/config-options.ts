import { basename } from 'node:path'
import { BenchError } from '../errors.ts'
import { findConfig, loadConfig, requestOf, type LoadedConfig } from '../targets/config-file.ts'
import { loadNames, type TrustbenchConfig } from '../targets/config-schema.ts'
import type { RequestSettings, TargetSettings } from '../targets/settings.ts'
import type { LoadCommandOptions } from './load-options.ts'
import type { PlanOptions } from './plan-options.ts'
import { requestSettingsOf, targetSettingsOf, type TargetCommandOptions } from './target-options.ts'

/** Options of load and plan, each from the command line or, where it is not there, from the file. */
export type MergedOptions = LoadCommandOptions & PlanOptions

/** Which targets are measured, and with which options. */
export interface Told<O extends MergedOptions> {
  readonly options: O
  /** None where scenarios are measured. */
  readonly targets: readonly TargetSettings[]
}

/** Where options come from. */
export interface Given<O extends MergedOptions> {
  readonly options: O
  /** Whether an option has only its default. */
  readonly isDefault: (name: string) => boolean
  /** Scenarios that were named. */
  readonly names: readonly string[]
  /** Where a configuration file is looked for. */
  readonly folder: string
}

/**
 * What is to be measured, by the command line and the configuration file; the command line wins. A file that was
 * only found, not named, is for a command line that says nothing of what to measure: its credentials must
 * not go to a target that it does not name. Throws usage errors.
 */
export async function tellTargets<O extends MergedOptions>(given: Given<O>): Promise<Told<O>> {
  const { options } = given
  const file = fileFor(given)
  if (file === null) return { options, targets: targetSettingsOf(options) }
  const loaded = await loadConfig(file)
  const merged = mergeOptions(given, loaded)
  return { options: merged, targets: targetsOf(merged, loaded) }
}

function fileFor<O extends MergedOptions>({ options, names, folder }: Given<O>): string | null {
  const { config, target } = options
  if (config !== undefined) {
    if (names.length === 0) return config
    throw new BenchError(
      'usage',
      `--config ${config}: holds targets, which are measured instead of ${names.join(' ')}`,
    )
  }
  return names.length === 0 && target === undefined ? findConfig(folder) : null
}

function mergeOptions<O extends MergedOptions>(
  { options, isDefault }: Given<O>,
  { config, file }: LoadedConfig,
): O {
  const given = new Map<string, unknown>(Object.entries(options))
  const added = [...loadNames, 'iOwnThisTarget'].flatMap((name): [string, string | true][] => {
    const value = optionOf(config, name)
    const isFree = (given.get(name) === undefined || isDefault(name)) && !isOtherMode(name, given)
    return value === undefined || !isFree ? [] : [[name, value]]
  })
  const name = { config: options.config ?? basename(file) }
  return Object.assign({ ...options }, name, Object.fromEntries(added))
}

/** Of modes there is one: --smoke on the command line goes before `quick` in a file. */
function isOtherMode(name: string, given: ReadonlyMap<string, unknown>): boolean {
  const modes = ['quick', 'full', 'smoke']
  return modes.includes(name) && modes.some((mode) => given.get(mode) !== undefined)
}

/** A value of the file as the command line would give it. */
function optionOf(config: TrustbenchConfig, name: string): string | true | undefined {
  const value = new Map<string, unknown>(Object.entries(config)).get(name)
  if (value === undefined || value === false) return undefined
  if (value === true) return true
  // The schema knows texts, numbers and lists of them.
  return Array.isArray(value) ? value.map(textOf).join(',') : textOf(value)
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}

/** Targets of the command line in the place of the file's; options of the command line over the file's. */
function targetsOf(
  options: TargetCommandOptions,
  { config, file }: LoadedConfig,
): TargetSettings[] {
  if (options.target !== undefined) {
    const common = requestOf(config, {}, file)
    return targetSettingsOf(options).map((target) => overlay(common, target))
  }
  if (options.name !== undefined)
    throw new BenchError('usage', '--name needs --target: a file names its targets itself')
  const over = requestSettingsOf(options)
  return config.targets.map(({ url, name, ...own }) => ({
    url,
    ...(name === undefined ? {} : { name }),
    ...overlay(requestOf(config, own, file), over),
  }))
}

/** Settings of the command line over those of a file; headers of both. */
export function overlay<T extends RequestSettings>(
  base: RequestSettings,
  over: T,
): RequestSettings & T {
  const headers = [...(base.headers ?? []), ...(over.headers ?? [])]
  return { ...base, ...over, headers }
}
