import { join } from 'node:path'
import { historyOf, type History } from '../analysis/history.ts'
import { historyEnvelope } from '../analysis/history-schema.ts'
import { BenchError } from '../errors.ts'
import { loadPng } from '../load-png.ts'
import { renderHistoryMarkdown } from '../render/history-markdown.ts'
import { renderHistory } from '../render/history-text.ts'
import type { Warning } from '../results.ts'
import type { Parameters, Scenario } from '../scenario.ts'
import { findScenario, loadScenarios } from '../scenarios.ts'
import { listRuns, saveFile } from '../store.ts'
import type { CommandResult, Io } from './io.ts'

/** What `compare --history` is asked. */
export interface HistoryCommandOptions {
  /** Where runs are kept, and the chart is written to. */
  readonly results: string
  readonly json: boolean
  /** Print Markdown instead of text. */
  readonly markdown?: boolean
  /** Names of scenarios; empty for all. */
  readonly scenarios: readonly string[]
}

/** `compare --history`: every stored run on the scale of the reference, with change points. */
export async function history(io: Io, options: HistoryCommandOptions): Promise<CommandResult> {
  const declared = await loadScenarios(io.root)
  const { runs, unreadable } = listRuns([options.results, join(io.root, 'results', 'reference')])
  const stored = runs.map(({ run }) => run)
  const measured = new Set(stored.flatMap(({ arms }) => arms.map(({ scenario }) => scenario)))
  for (const name of options.scenarios) {
    // One that is gone from the tree may still be in old runs.
    if (!measured.has(name)) findScenario(name, declared)
  }
  const defaults = defaultsOf(declared)
  const found = historyOf(stored, {
    defaults: (scenario) => defaults.get(scenario) ?? null,
    scenarios: options.scenarios,
  })
  const warnings = unreadable.map(unreadableWarning)
  const charts = found.runs.length < 2 ? [] : await drawChart(found, options.results, io)
  io.out(tell(found, { ...options, warnings, charts, color: io.stdoutIsTerminal }))
  return { exitCode: 0 }
}

interface Telling extends HistoryCommandOptions {
  readonly warnings: readonly Warning[]
  readonly charts: readonly string[]
  readonly color: boolean
}

function tell(found: History, { json, markdown, warnings, charts, color }: Telling): string {
  if (json) return `${JSON.stringify(historyEnvelope(found, { charts, warnings }))}\n`
  if (markdown === true) return renderHistoryMarkdown(found, { charts, warnings })
  const drawn = charts.map((chart) => `\nChart   ${chart}\n`)
  return `${renderHistory(found, { color, warnings })}${drawn.join('')}`
}

async function drawChart(found: History, folder: string, io: Io): Promise<string[]> {
  const [{ historyChart }, { renderPng }] = await Promise.all([
    import('../render/charts-history.ts'),
    loadPng(),
  ])
  const file = join(folder, 'history.png')
  try {
    saveFile(file, renderPng(historyChart(found)))
    return [file]
  } catch (error) {
    // The table is worth having without it.
    if (!(error instanceof BenchError)) throw error
    io.err(`trustbench: ${error.message}\n`)
    return []
  }
}

function unreadableWarning(message: string): Warning {
  return {
    code: 'unreadable-file',
    message,
    advice: 'it is in no series: mend it, or move it out of the folder',
  }
}

/** Declared defaults of each scenario. */
export function defaultsOf(scenarios: readonly Scenario[]): Map<string, Parameters> {
  return new Map(
    scenarios.map(({ name, parameters }) => [
      name,
      Object.fromEntries(
        Object.entries(parameters).map(([key, parameter]) => [key, parameter.default]),
      ),
    ]),
  )
}
