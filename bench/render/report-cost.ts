import { metrics } from '../analysis/metrics.ts'
import type { ArmSummary, Summary } from '../analysis/summary.ts'
import { html, htmlTable, type Markup } from './html.ts'
import { labelArms } from './labels.ts'
import { signedWithMargin } from './numbers.ts'
import { scoreOf } from './refusals.ts'
import { checksControl, chartFigure, selectControl, type Choice } from './page-figure.ts'
import { namesOf, pageMetrics, runLabel, type OtherRun, type ReportedRun } from './page-model.ts'
import { hopCosts } from './report-hops.ts'
import { cell, groundsOf, missing } from './report-parts.ts'
import { sentences } from './sentence.ts'
import { connectionCounts } from './spectra.ts'

/** What trust costs: one chart, five sentences at most, the table. */
export function costSection(main: ReportedRun, others: readonly OtherRun[]): Markup {
  const { run, summary } = main
  const { rows, common } = labelArms(summary.arms.map(({ record }) => record))
  const told = sentences(summary, namesOf(summary)).slice(0, MOST_SENTENCES)
  const figures = summary.arms.map((arm) => arm.figures?.metrics.cpuUsPerRequest)
  return html`
    ${run.mode === 'smoke' ? html`<p class="alarm">SMOKE RUN: no figure here is a measurement.</p>` : null}
    ${told.map((sentence) => html`<p>${sentence}</p>`)}
    ${chartFigure({
      id: 'cost',
      title:
        'One bar a case, with its interval; choose the metric, its unit, or a run to compare with.',
      alt: 'Bars of server CPU per request by case, with intervals; the table below has the figures.',
      controls: [
        selectControl(
          'cost-metric',
          'metric',
          pageMetrics.map((name) => ({ value: name, label: metrics[name].label })),
        ),
        selectControl('cost-unit', 'unit', [{ value: 'µs', label: 'µs' }]),
        compareControl('cost-compare', others),
        casesControl('cost-cases', summary),
      ],
    })}
    <div id="changes" hidden>
      <p id="changes-note"></p>
      <div class="scroll" tabindex="0" role="region" aria-label="Verdicts of the comparison">
        <table></table>
      </div>
    </div>
    ${htmlTable({
      caption: `Server CPU and latency by case; ${groundsOf(figures)}${common.length === 0 ? '' : `; all that have it: ${common.join(', ')}`}`,
      heads: [
        ...['case', 'CPU µs/request', 'over its baseline, µs', 'requests/core-s'],
        ...['p50 µs', 'p99 µs', 'refused of tried'],
      ],
      rows: summary.arms.map((arm, index) => caseRow(arm, rows[index] ?? arm.record.id, summary)),
    })}
    ${hopCosts(summary, namesOf(summary))}
    <p class="muted">
      Closed loops at equal connections: latency is connections ÷ throughput, so compare it only
      there.
    </p>
  `
}

/** Latency by percentile, at one connection and at a case's own number. */
export function spectraSection(main: ReportedRun, others: readonly OtherRun[]): Markup {
  const counts = connectionCounts(main.run)
  if (counts.length === 0) return missing('npm run bench -- combined')
  const last = counts.at(-1)
  return html`
    <p>
      Every request of the interleaved slices, merged over blocks. A line ends where fewer than ten
      requests lie beyond it. More than one connection is a closed loop that saturates the server:
      compare lines only with each other.
    </p>
    ${chartFigure({
      id: 'spectrum',
      title: 'Latency by percentile.',
      alt: 'Lines of latency over percentiles, one a case; the table below has the figures.',
      controls: [
        selectControl(
          'spectrum-connections',
          'connections',
          counts.map((count) => ({
            value: String(count),
            label: String(count),
            chosen: count === last,
          })),
        ),
        selectControl('spectrum-unit', 'unit', latencyUnits),
        compareControl('spectrum-compare', others),
        casesControl('spectrum-cases', main.summary),
      ],
    })}
    ${htmlTable({
      caption: `Latency in µs at the connections of each case; ${groundsOf(main.summary.arms.map((arm) => arm.figures?.metrics.latencyP50Us))}`,
      heads: ['case', 'requests', 'p50 µs', 'p90 µs', 'p99 µs', 'p99.9 µs'],
      rows: main.summary.arms.map(({ record, figures }) => [
        namesOf(main.summary)(record.id),
        figures === null ? '–' : figures.samples.toLocaleString('en'),
        cell(figures?.metrics.latencyP50Us),
        cell(figures?.metrics.latencyP90Us),
        cell(figures?.metrics.latencyP99Us),
        cell(figures?.metrics.latencyP999Us),
      ]),
    })}
  `
}

/** Boxes for the cases of a summary, by their case ids. */
function casesControl(id: string, { arms }: Summary): Markup {
  const { rows } = labelArms(arms.map(({ record }) => record))
  return checksControl(
    id,
    'cases',
    arms.map(({ record }, index) => ({ value: record.caseId, label: rows[index] ?? record.id })),
  )
}

function compareControl(id: string, others: readonly OtherRun[]): Markup {
  return selectControl(id, 'compare with', [
    { value: '', label: others.length === 0 ? 'no other run is stored' : 'no other run' },
    ...others.map(({ run }): Choice => ({ value: run.runId, label: runLabel(run) })),
  ])
}

function caseRow({ record, figures }: ArmSummary, name: string, { comparisons }: Summary) {
  const { metrics: own } = figures ?? {}
  const difference = comparisons.find(
    ({ case: id, metric }) => id === record.id && metric === 'cpuUsPerRequest',
  )?.difference
  const { preflight } = record
  const reason = figures === null ? `not measured: ${record.reason ?? 'no whole block'}` : null
  return [
    name,
    reason ?? cell(own?.cpuUsPerRequest),
    difference == null ? '' : signedWithMargin(difference),
    cell(own?.requestsPerCoreSecond),
    cell(own?.latencyP50Us),
    cell(own?.latencyP99Us),
    preflight === null ? 'not tried' : scoreOf(preflight),
  ]
}

/** Units of latencies. */
export const latencyUnits: readonly Choice[] = ['µs', 'ms', 's'].map((unit) => ({
  value: unit,
  label: unit,
}))
const MOST_SENTENCES = 5
