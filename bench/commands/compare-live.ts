import { basename } from 'node:path'
import { runEnvelope } from '../analysis/envelope.ts'
import type { RunEnvelope } from '../analysis/envelope-schema.ts'
import type { RunComparison } from '../analysis/sides.ts'
import { summarise } from '../analysis/summary.ts'
import { BenchError } from '../errors.ts'
import { compareLive, livePlan } from '../live.ts'
import { loadPng } from '../load-png.ts'
import { createProgress } from '../progress.ts'
import { renderComparison } from '../render/compare-text.ts'
import type { Run } from '../results.ts'
import { caseId } from '../cases.ts'
import { createRunFile, createRunId, prepareFolder, saveFile, type RunFile } from '../store.ts'
import { openTrees } from '../trees.ts'
import type { Io } from './io.ts'
import { takeMachine } from './machine.ts'
import { planArguments, planOf, type PlanOptions } from './plan-options.ts'

/** Options of `compare --live`. */
export interface LiveCommandOptions extends PlanOptions {
  readonly live: string
  readonly set: readonly string[]
  readonly failOn?: string
  readonly markdown?: string
  readonly results: string
  readonly json?: true
}

/** The scenarios that a live comparison measures when none is named. */
export const coreScenarios = ['http', 'tls', 'mtls', 'jwt', 'introspection', 'combined'] as const

/** Measures this tree beside another commit and prints what changed; returns it for the exit code. */
export async function runLive(
  names: readonly string[],
  options: LiveCommandOptions,
  io: Io,
): Promise<RunComparison> {
  const { mode, plan, precision } = planOf(options, 'full')
  prepareFolder(options.results)
  await using machine = await takeMachine('compare', mode)
  const files = new Map<string, RunFile>()
  await using trees = await openTrees(io.root, options.live)
  const progress = createProgress({ io, plan })
  const { comparison, runs } = await compareLive({
    trees,
    root: io.root,
    names: names.length === 0 ? coreScenarios : [...new Set(names)],
    settings: options.set,
    mode,
    // What the saturating and the single-connection slices tell is not compared here.
    plan: livePlan(plan),
    precision,
    warnings: machine.warnings,
    command: ['compare', '--live', options.live, ...names, ...planArguments(options)],
    signal: io.signal,
    runId: (environment) => createRunId(new Date(), environment, `live-${options.live}`),
    onEvent: progress.event,
    save: (run) => {
      const file = files.get(run.runId) ?? createRunFile(options.results)
      files.set(run.runId, file)
      file.save(run)
    },
  }).finally(progress.stop)
  if (options.markdown !== undefined)
    await writeMarkdown({ comparison, runs }, options.markdown, options)
  present({ comparison, runs, files }, options, io)
  for (const file of files.values()) file.assertSaved()
  for (const run of runs) assertComplete(run, io)
  return comparison
}

interface Presented {
  readonly comparison: RunComparison
  readonly runs: readonly Run[]
  readonly files: ReadonlyMap<string, RunFile>
}

/** A pull request comment, and its forest plot beside it: `FILE` and `FILE` with `-forest.png` for `.md`. */
async function writeMarkdown(
  { comparison, runs }: Pick<Presented, 'comparison' | 'runs'>,
  file: string,
  options: LiveCommandOptions,
): Promise<void> {
  const [run] = runs
  if (run === undefined) return
  // Loaded only now, as in present.ts: charts have no place in a client that measures.
  const [{ forestChart }, { renderPng }, { renderComparisonMarkdown }] = await Promise.all([
    import('../render/charts-forest.ts'),
    loadPng(),
    import('../render/compare-markdown.ts'),
  ])
  const { environment } = run
  const chart = `${file.replace(/\.md$/, '')}-forest.png`
  saveFile(chart, renderPng(forestChart(comparison, { environment })))
  const revision = comparison.before.commit ?? options.live
  const command = run.command.map((word) => (word === options.live ? revision : word)).slice(1)
  saveFile(
    file,
    renderComparisonMarkdown(comparison, {
      reproduce: ['npm', 'run', 'compare', '--', ...command],
      chartFile: basename(chart),
      environment,
    }),
  )
}

function present(
  { comparison, runs, files }: Presented,
  options: LiveCommandOptions,
  io: Io,
): void {
  const [first] = runs
  if (options.json === true && first !== undefined) {
    const envelope = runEnvelope(first, summarise(first), {
      command: 'compare',
      file: files.get(first.runId)?.path() ?? null,
      charts: [],
    })
    io.out(`${JSON.stringify({ ...envelope, comparisons: judged(envelope, comparison) })}\n`)
    return
  }
  io.out(`\n${renderComparison(comparison, { color: io.stdoutIsTerminal })}`)
  for (const file of files.values()) io.out(`\nRun     ${file.path() ?? 'not stored'}\n`)
}

/** The comparisons of the first run, with the verdicts that stand after the second. */
function judged(
  { cases, comparisons }: RunEnvelope,
  { changes }: RunComparison,
): RunEnvelope['comparisons'] {
  const caseOf = new Map(
    cases.map(({ id, scenario, parameters }) => [id, caseId(scenario, parameters)]),
  )
  return comparisons.map((each) => {
    const change = changes.find(
      (one) => one.case === caseOf.get(each.case) && one.metric === each.metric,
    )
    return change === undefined ? each : { ...each, verdict: change.verdict }
  })
}

function assertComplete(run: Run, { signal }: Io): void {
  if (run.complete) return
  if (signal.aborted) throw signal.reason
  const code = run.blocks.length === 0 ? 'preflight-failed' : 'measurement-failed'
  throw new BenchError(code, run.incompleteReason ?? 'the run is incomplete')
}
