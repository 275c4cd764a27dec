import {
  hasChurn,
  hasCurves,
  hasPrimitives,
  hasTargets,
  hasWindows,
  type Summary,
} from '../analysis/summary.ts'
import type { Run } from '../results.ts'
import { html, htmlTable, type Markup, type PageAssets } from './html.ts'
import { namesOf, percentileMetrics, type ReportedRun } from './page-model.ts'
import { costSection, spectraSection } from './report-cost.ts'
import { scoreSection } from './report-evidence.ts'
import { renderPage, type ReportInput } from './report-html.ts'
import { breakEvenSection, curveSection, ledgerSection } from './report-loads.ts'
import { machineSection, methodSection } from './report-machine.ts'
import { cell, groundsOf, type Section } from './report-parts.ts'
import { targetMethod, targetsSection } from './report-targets.ts'

/** What a page looks like and where it leads; `home` only on a site. */
export interface PageFrame {
  readonly assets: PageAssets
  readonly home?: string
}

/** The page of one run on a site: the sections of what it measured, and no others. */
export function renderRunPage(main: ReportedRun, frame: PageFrame): string {
  const input = { ...loneInput(main), ...frame }
  if (hasTargets(main.summary)) return renderTargetPage(input)
  return renderPage(input, [
    ...measuredSections(main),
    { id: 'score', title: 'What is refused', body: scoreSection(main.run.arms) },
    { id: 'method', title: 'Method and limits', body: methodSection() },
    machine(main, [main.run]),
  ])
}

/** The page of runs of servers that are the user's own. */
export function renderTargetPage(input: ReportInput): string {
  const { main, targets = [], evidence } = input
  return renderPage(
    input,
    [
      { id: 'targets', title: 'What their answers take', body: targetsSection(targets) },
      { id: 'method', title: 'Method and limits', body: targetMethod() },
      machine(main, evidence),
    ],
    { heading: 'What these servers take', title: 'What these servers take' },
  )
}

function machine({ run }: ReportedRun, evidence: readonly Run[]): Section {
  return {
    id: 'machine',
    title: 'Machine, and how to measure it again',
    body: machineSection(run, evidence, () => null),
  }
}

/** All that a page needs of one run by itself. */
export function loneInput(main: ReportedRun): Omit<ReportInput, 'assets'> {
  const { summary } = main
  const isTarget = hasTargets(summary)
  const only = (measured: boolean) => (measured && !isTarget ? main : null)
  return {
    main,
    targets: isTarget ? [main] : [],
    micro: only(hasPrimitives(summary)),
    churn: only(hasChurn(summary)),
    storm: only(hasChurn(summary)),
    curve: only(hasCurves(summary)),
    others: [],
    events: [],
    history: null,
    claims: [],
    questions: [],
    attacked: main.run.arms,
    evidence: [main.run],
  }
}

function measuredSections(main: ReportedRun): Section[] {
  const { summary } = main
  const ledger: Section = {
    id: 'ledger-section',
    title: 'Where the microseconds go',
    body: ledgerSection(main),
  }
  if (hasChurn(summary)) {
    const body = breakEvenSection(main, main)
    return [{ id: 'break-even', title: 'New connections, and where costs cross', body }]
  }
  if (hasCurves(summary)) {
    return [{ id: 'curves', title: 'Latency against rate', body: curveSection(main) }]
  }
  if (hasWindows(summary)) {
    return [{ id: 'windows', title: 'Under offered load', body: windowsSection(summary) }]
  }
  return [
    { id: 'trust', title: 'What trust costs here', body: costSection(main, []) },
    ...(hasPrimitives(summary) ? [ledger] : []),
    { id: 'percentiles', title: 'Latency by percentile', body: spectraSection(main, []) },
  ]
}

/** What arms did with an offered load. */
function windowsSection(summary: Summary): Markup {
  const nameOf = namesOf(summary)
  const windows = summary.arms.flatMap(({ window }) => window ?? [])
  return html`
    <p>Latency counts from the intended send; timeouts and errors are samples too.</p>
    ${htmlTable({
      caption: `Latency in ms under offered load; ${groundsOf(windows.map(({ metrics }) => metrics.latencyP50Us))}`,
      heads: [
        ...['case', 'offered/s', 'answered', 'p50 ms', 'p90 ms', 'p99 ms', 'p99.9 ms'],
        ...['CPU µs/request', 'note'],
      ],
      rows: windows.map(({ arm, plan, metrics, answered, requests, invalid }) => [
        nameOf(arm),
        plan.ratePerSecond.toLocaleString('en'),
        `${answered} of ${requests}`,
        ...percentileMetrics.map((name) => cell(metrics[name], MS_PER_US)),
        cell(metrics.cpuUsPerRequest),
        invalid.length > 0 ? html`<span class="note">INVALID: ${invalid.join('; ')}</span>` : '',
      ]),
    })}
  `
}

const MS_PER_US = 0.001
