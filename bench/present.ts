import { join } from 'node:path'
import { runEnvelope } from './analysis/envelope.ts'
import {
  hasChurn,
  hasCurves,
  hasPrimitives,
  hasTargets,
  hasWindows,
  summarise,
  type Summary,
} from './analysis/summary.ts'
import type { Io } from './commands/io.ts'
import { BenchError } from './errors.ts'
import { loadPng } from './load-png.ts'
import type { Run } from './results.ts'
import { renderChurn } from './render/churn-text.ts'
import { renderCurves } from './render/curve-text.ts'
import { renderMicro } from './render/micro-text.ts'
import { renderTargets } from './render/target-text.ts'
import { renderRun } from './render/text.ts'
import { renderWindows } from './render/windows-text.ts'
import { saveFile } from './store.ts'

/** Where and how a run is shown. */
export interface PresentOptions {
  readonly io: Io
  /** Folder of charts, beside the run's own file. */
  readonly folder: string
  /** Path of the stored run; null where it could not be stored. */
  readonly file: string | null
  readonly json: boolean
}

/** Prints a run as a table or as JSON, and writes its charts; a chart that cannot be written is one line, not a loss. */
export async function presentRun(
  run: Run,
  { io, folder, file, json }: PresentOptions,
): Promise<void> {
  const summary = summarise(run)
  const charts = summary.blocksMeasured === 0 ? [] : await writeCharts(run, summary, { io, folder })
  if (json) {
    io.out(`${JSON.stringify(runEnvelope(run, summary, { file, charts }))}\n`)
    return
  }
  io.out(`\n${rendererOf(summary)(run, summary, { color: io.stdoutIsTerminal })}`)
  if (file !== null) io.out(`\nRun     ${file}\n`)
  for (const chart of charts) io.out(`Chart   ${chart}\n`)
}

function rendererOf(summary: Summary): typeof renderRun {
  if (hasPrimitives(summary)) return renderMicro
  if (hasChurn(summary)) return renderChurn
  if (hasCurves(summary)) return renderCurves
  if (hasWindows(summary)) return renderWindows
  return hasTargets(summary) ? renderTargets : renderRun
}

async function writeCharts(
  run: Run,
  summary: Summary,
  { io, folder }: { readonly io: Io; readonly folder: string },
): Promise<string[]> {
  // Loaded only now: chart.js and its canvas must not be in the client's memory while it measures.
  const [{ chartsOf }, { renderPng }] = await Promise.all([
    import('./render/run-charts.ts'),
    loadPng(),
  ])
  const written: string[] = []
  for (const [name, chart] of Object.entries(chartsOf(run, summary))) {
    const file = join(folder, `${run.runId}-${name}.png`)
    try {
      saveFile(file, renderPng(chart))
      written.push(file)
    } catch (error) {
      if (!(error instanceof BenchError)) throw error
      io.err(`trustbench: ${error.message}\n`)
    }
  }
  return written
}
