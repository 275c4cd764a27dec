import { join } from 'node:path'
import { hasTargets } from '../analysis/summary.ts'
import { loadPng } from '../load-png.ts'
import { badgesOf } from '../render/badges.ts'
import { renderHistogramLog } from '../render/histogram-log.ts'
import { renderCsv } from '../render/report-csv.ts'
import { renderReport, type ReportInput } from '../render/report-html.ts'
import { renderReportMarkdown } from '../render/report-markdown.ts'
import { renderTargetPage } from '../render/run-page.ts'
import { renderTargetMarkdown } from '../render/target-markdown.ts'
import { saveFile } from '../store.ts'

/** Files of a report, by what they are; lists where there are several. */
export interface ReportFiles {
  readonly html: string
  readonly markdown: string
  readonly csv: string
  readonly histograms: string
  readonly badges: readonly string[]
  readonly charts: readonly string[]
}

/** Writes the page and all that stands beside it. */
export async function saveReport(folder: string, input: ReportInput): Promise<ReportFiles> {
  const html = join(folder, 'report.html')
  saveFile(html, pageWithin(MOST_BYTES, input))
  return {
    html,
    ...saveTexts(folder, input),
    badges: saveBadges(folder, input),
    charts: await saveCharts(folder, input),
  }
}

/** Writes a report as Markdown and CSV, and its histograms. */
export function saveTexts(
  folder: string,
  input: ReportInput,
): Pick<ReportFiles, 'markdown' | 'csv' | 'histograms'> {
  const files = {
    markdown: join(folder, 'report.md'),
    csv: join(folder, 'report.csv'),
    histograms: join(folder, 'report.hlog'),
  }
  saveFile(
    files.markdown,
    isOfTargets(input)
      ? renderTargetMarkdown(input.targets ?? [input.main])
      : renderReportMarkdown(input.main, input.claims),
  )
  saveFile(files.csv, renderCsv(input.main.summary))
  saveFile(files.histograms, renderHistogramLog(input.main.run))
  return files
}

/** The page with as many other runs to compare with as fit. */
function pageWithin(mostBytes: number, input: ReportInput): string {
  const page = isOfTargets(input) ? renderTargetPage(input) : renderReport(input)
  const { others } = input
  if (Buffer.byteLength(page) <= mostBytes || others.length === 0) return page
  return pageWithin(mostBytes, { ...input, others: others.slice(0, others.length >> 1) })
}

/** Writes the badges of a report, as shields.io reads them. */
export function saveBadges(folder: string, input: ReportInput): string[] {
  // They tell of mechanisms, of which targets say nothing.
  if (isOfTargets(input)) return []
  const badges = badgesOf(input.main.summary, { attacked: input.attacked, claims: input.claims })
  return Object.entries(badges).map(([name, badge]) => {
    const file = join(folder, 'badges', `${name}.json`)
    saveFile(file, `${JSON.stringify(badge)}\n`)
    return file
  })
}

function isOfTargets({ main }: ReportInput): boolean {
  return hasTargets(main.summary)
}

async function saveCharts(folder: string, input: ReportInput): Promise<string[]> {
  const [{ chartsOf }, { historyChart }, { renderPng }] = await Promise.all([
    import('../render/run-charts.ts'),
    import('../render/charts-history.ts'),
    loadPng(),
  ])
  const { main, micro, churn, curve } = input
  const drawn = [main, micro, churn, curve].flatMap((one) =>
    one === null ? [] : Object.entries(chartsOf(one.run, one.summary)),
  )
  const { history } = input
  if (history !== null && history.runs.length > 1) drawn.push(['history', historyChart(history)])
  return drawn.map(([name, chart]) => {
    const file = join(folder, `${fileNames[name] ?? name}.png`)
    saveFile(file, renderPng(chart))
    return file
  })
}

/** Where a report calls a chart by what it is about. */
const fileNames: Readonly<Record<string, string>> = { churn: 'connections' }
/** Below what some mail servers and wikis take. */
const MOST_BYTES = 950_000
