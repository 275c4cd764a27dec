import { metrics } from '../analysis/metrics.ts'
import { hasChurn, hasCurves, hasWindows, type Summary } from '../analysis/summary.ts'
import type { Run } from '../results.ts'
import { curveSentences } from './curve-text.ts'
import { startedText } from './history-words.ts'
import { html, htmlTable, proseTable, type Markup, type TableText } from './html.ts'
import { checksControl, chartFigure, selectControl } from './page-figure.ts'
import { namesOf, percentileMetrics, type ReportedRun } from './page-model.ts'
import { latencyUnits } from './report-cost.ts'
import { targetLoads } from './target-spectra.ts'
import {
  factsTable,
  figureTables,
  isTimedOnly,
  preflightTable,
  type TargetTable,
} from './target-tables.ts'
import { comparisonSentence } from './target-text.ts'

/** Servers that are the user's own: what their answers take under each load, and what they let through. */
export function targetsSection(runs: readonly ReportedRun[]): Markup {
  const loads = runs.flatMap(targetLoads)
  const curve = runs.find(({ summary }) => hasCurves(summary))
  const timed = runs.flatMap(({ run }) => run.arms).some(isTimedOnly)
  return html`
    ${timed ? html`<p><strong>No server CPU, wall-clock only</strong>: latencies as this client saw them, network and queues included.</p>` : null}
    ${loads.length === 0 ? null : spectrumFigure(loads.map(({ label }) => label))}
    ${curve === undefined ? null : curveFigure(curve)} ${runs.map(runMarkup)}
  `
}

/** What a reader must know of how targets are measured. */
export function targetMethod(): Markup {
  return html`<ul>
    <li>
      A target is neither started nor stopped. Blocks repeat in time, and within a block the slices
      of all targets are interleaved; the block is the only unit of inference: Hodges-Lehmann
      estimates with Wilcoxon signed-rank intervals over blocks.
    </li>
    <li>
      Percentiles are of histograms merged over blocks, their intervals by bootstrap over blocks,
      the level nominal.
    </li>
    <li>
      Under offered load latency counts from the intended send; timeouts and errors are samples too.
      In a closed loop it is connections ÷ throughput: compare it at equal connections only.
    </li>
    <li>
      Where no CPU is told, nothing but time is known: a network, a queue or another tenant is in
      it.
    </li>
    <li>
      A token is renewed while the one before is good, and no request waits for that. Forged
      credentials are not tried on servers of somebody else.
    </li>
  </ul>`
}

function spectrumFigure(labels: readonly string[]): Markup {
  return chartFigure({
    id: 'target-spectrum',
    title:
      'Latency by percentile under the chosen load; a line ends where fewer than ten requests lie beyond it.',
    alt: 'Lines of latency over percentiles, one a target; the tables below have the figures.',
    controls: [
      selectControl(
        'target-spectrum-load',
        'load',
        labels.map((label, index) => ({ value: String(index), label })),
      ),
      selectControl('target-spectrum-unit', 'unit', latencyUnits),
    ],
  })
}

function curveFigure({ summary }: ReportedRun): Markup {
  const nameOf = namesOf(summary)
  const curves = summary.arms.flatMap(({ curve }) => curve ?? [])
  return html`${curves
    .flatMap((one) => curveSentences(nameOf(one.arm), one))
    .map((sentence) => html`<p>${sentence}</p>`)}
  ${chartFigure({
    id: 'target-curve',
    title:
      'Latency against offered rate: open loop, from the intended send; no point where the generator was the limit.',
    alt: 'Lines of latency over the offered rate, rising steeply past the knee.',
    controls: [
      selectControl(
        'target-curve-percentile',
        'percentile',
        percentileMetrics.map((name) => ({
          value: name,
          label: metrics[name].label,
          chosen: name === 'latencyP99Us',
        })),
      ),
      selectControl(
        'target-curve-unit',
        'unit',
        latencyUnits.map((unit) => ({ ...unit, chosen: unit.value === 'ms' })),
      ),
      checksControl(
        'target-curve-cases',
        'targets',
        curves.map(({ arm }) => ({ value: nameOf(arm), label: nameOf(arm) })),
      ),
    ],
  })}`
}

function runMarkup(reported: ReportedRun): Markup {
  const { run, summary } = reported
  const nameOf = namesOf(summary)
  const refusals = preflightTable(reported)
  return html`
    <h3>${loadTitle(summary)}</h3>
    ${smokeMark(run)} ${proseTable(factsTable(reported))}
    ${figureTables(reported).map((table) => htmlTable(withNotes(table)))}
    ${summary.comparisons.map((one) => html`<p>${comparisonSentence(one, nameOf)}</p>`)}
    ${
      refusals.rows.length === 0
        ? html`<p>No credential was sent, so that none could be left out.</p>`
        : proseTable(refusals)
    }
    ${warningList(summary)}
    <p class="muted">
      Run ${run.runId} of ${startedText(run.startedAt)}, ${summary.blocksMeasured}
      blocks${run.complete ? '' : ', INCOMPLETE'}.
    </p>
  `
}

/** Why a row must not be believed is a sentence, which no line holds. */
function withNotes({ rows, ...table }: TargetTable): TableText {
  const isNote = (column: number) => table.heads[column] === 'note'
  return {
    ...table,
    rows: rows.map((row) =>
      row.map((text, column) =>
        isNote(column) && text !== '' ? html`<span class="note">${text}</span>` : text,
      ),
    ),
  }
}

function loadTitle(summary: Summary): string {
  if (hasChurn(summary)) return 'New connections'
  if (hasCurves(summary)) return 'Latency against rate'
  return hasWindows(summary) ? 'Under offered load' : 'Closed loops'
}

function smokeMark({ mode }: Run): Markup | null {
  return mode === 'smoke'
    ? html`<p class="alarm">SMOKE RUN: no figure here is a measurement.</p>`
    : null
}

function warningList({ warnings }: Summary): Markup | null {
  if (warnings.length === 0) return null
  return html`<ul>
    ${warnings.map(
      ({ message, advice }) => html`<li>${message}<br /><span class="muted">${advice}</span></li>`,
    )}
  </ul>`
}
