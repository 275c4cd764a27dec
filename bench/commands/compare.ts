import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { Command } from 'commander'
import { compareRuns } from '../analysis/compare.ts'
import { compareEnvelope } from '../analysis/envelope.ts'
import type { RunComparison } from '../analysis/sides.ts'
import { BenchError } from '../errors.ts'
import { renderComparison } from '../render/compare-text.ts'
import type { Parameters } from '../scenario.ts'
import { loadScenarios } from '../scenarios.ts'
import { findRun, listRuns } from '../store.ts'
import { runLive, type LiveCommandOptions } from './compare-live.ts'
import { history } from './history.ts'
import { collect, type CommandResult, type Io } from './io.ts'
import { addPlanOptions } from './plan-options.ts'

interface CompareOptions extends Omit<LiveCommandOptions, 'live'> {
  readonly live?: string
  readonly force?: true
  readonly history?: true
}

/** `compare`: two stored runs through the reference arm, or two source trees live. */
export function compareCommand(io: Io, done: (result: CommandResult) => void): Command {
  const command = new Command('compare')
    .description('compare two stored runs, or this tree with another commit, live')
    .argument('[words...]', 'two runs (run id, file, commit or branch); with --live: scenarios')
    .option('--live <revision>', 'measure this tree, uncommitted work too, beside that commit')
    .option('--history', 'draw every stored run on one scale, with change points; words: scenarios')
    .option('--set <name=value,…>', 'with --live: set a parameter', collect, [])
    .option('--force', 'compare what should not be compared, and mark it')
    .option('--fail-on <verdict>', 'exit 1 on worse; with undecided exit 2 on undecided too')
    .option('--markdown <file>', 'with --live: write a pull request comment and its chart')
    .option('--results <folder>', 'where runs are kept', join(io.root, 'results'))
    .option('--json', 'print one JSON object on stdout')
    .addHelpText(
      'after',
      '\nExample:\n  npm run compare -- main my-branch\n  npm run compare -- --live main combined\n  npm run compare -- --history',
    )
    .action(async (words: string[], options: CompareOptions) => {
      done(await compare(words, options, io))
    })
  return addPlanOptions(command)
}

async function compare(
  words: readonly string[],
  options: CompareOptions,
  io: Io,
): Promise<CommandResult> {
  const failOn = parseFailOn(options.failOn)
  const { live, results, json } = options
  if (options.history === true) {
    return history(io, { results, json: json === true, scenarios: words })
  }
  const comparison =
    live === undefined
      ? await compareStored(words, options, io)
      : await runLive(words, { ...options, live }, io)
  return { exitCode: exitCodeFor(comparison, failOn) }
}

async function compareStored(
  words: readonly string[],
  options: CompareOptions,
  io: Io,
): Promise<RunComparison> {
  const [before, after, ...others] = words
  if (before === undefined || after === undefined || others.length > 0) {
    throw new BenchError(
      'usage',
      `compare ${words.join(' ')}: give two runs (run id, file, commit or branch), or --live REVISION`,
    )
  }
  const folders = [options.results, join(io.root, 'results', 'reference')]
  const find = (word: string) => findRun(word, folders, (name) => resolveCommit(io.root, name)).run
  const [old, current] = [find(before), find(after)]
  const declared = await declaredDefaults(io.root)
  const comparison = compareRuns(old, current, {
    defaults: (scenario) => declared.get(scenario) ?? null,
    force: options.force === true,
    sessions: listRuns(folders).runs.map(({ run }) => run),
  })
  io.out(
    options.json === true
      ? `${JSON.stringify(compareEnvelope(comparison))}\n`
      : renderComparison(comparison, { color: io.stdoutIsTerminal }),
  )
  return comparison
}

type FailOn = 'worse' | 'undecided' | null

/** DESIGN section 5: 1 is `worse` and 2 is `undecided`, and only where they were asked for. */
function exitCodeFor({ changes }: RunComparison, failOn: FailOn): number {
  if (failOn === null) return 0
  if (changes.some(({ verdict }) => verdict === 'worse')) return 1
  return failOn === 'undecided' && changes.some(({ verdict }) => verdict === 'undecided') ? 2 : 0
}

function parseFailOn(given: string | undefined): FailOn {
  if (given === undefined) return null
  if (given === 'worse' || given === 'undecided') return given
  throw new BenchError('usage', `--fail-on ${given}: expected worse or undecided`)
}

async function declaredDefaults(root: string): Promise<Map<string, Parameters>> {
  const scenarios = await loadScenarios(root)
  return new Map(
    scenarios.map(({ name, parameters }) => [
      name,
      Object.fromEntries(
        Object.entries(parameters).map(([key, parameter]) => [key, parameter.default]),
      ),
    ]),
  )
}

/** Commit of a branch, tag or (short) hash; null where git does not know it. */
function resolveCommit(root: string, name: string): string | null {
  // A word that starts with a dash would be an option to git.
  if (name.startsWith('-')) return null
  const args = ['-C', root, 'rev-parse', '--verify', '--quiet', `${name}^{commit}`]
  const done = spawnSync('git', args, { encoding: 'utf8' })
  return done.status === 0 ? done.stdout.trim() : null
}
