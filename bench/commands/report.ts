import { join } from 'node:path'
import { Command } from 'commander'
import {
  hasChurn,
  hasCurves,
  hasPrimitives,
  hasWindows,
  summarise,
  type Summary,
} from '../analysis/summary.ts'
import { BenchError } from '../errors.ts'
import type { ReportChart, ReportedRun } from '../render/report-html.ts'
import type { BarChart } from '../render/charts-bars.ts'
import type { LineChart } from '../render/charts-spectrum.ts'
import type * as runCharts from '../render/run-charts.ts'
import type { Run } from '../results.ts'
import { findRun, listRuns, prepareFolder, saveFile } from '../store.ts'
import { decideStored } from './claims.ts'
import type { CommandResult, Io } from './io.ts'

interface ReportOptions {
  readonly results: string
  readonly out?: string
  readonly json?: true
}

/** `report`: stored runs as one file that opens everywhere. */
export function reportCommand(io: Io, done: (result: CommandResult) => void): Command {
  return new Command('report')
    .description('make a self-contained HTML report of stored runs, with Markdown, CSV and a badge')
    .argument('[run]', 'run id, file, commit or branch; default: the newest whole run')
    .option('--results <folder>', 'where runs are kept', join(io.root, 'results'))
    .option('--out <folder>', 'where the report goes (default: report/ among the results)')
    .option('--json', 'print one JSON object on stdout')
    .addHelpText(
      'after',
      '\nExample:\n  npm run report\n  npm run report -- results/reference/reference.json',
    )
    .action(async (word: string | undefined, options: ReportOptions) => {
      await report(word, options, io)
      done({ exitCode: 0 })
    })
}

async function report(word: string | undefined, options: ReportOptions, io: Io): Promise<void> {
  const folder = options.out ?? join(options.results, 'report')
  const stored = newestOfEachKind(options.results)
  const main = word === undefined ? stored.closed : findRun(word, [options.results], () => null).run
  if (main === null) {
    throw new BenchError(
      'usage',
      `${options.results}: no whole run is stored; npm run bench -- combined measures one`,
    )
  }
  if (kindOf(main) !== 'closed') {
    throw new BenchError(
      'usage',
      `${main.runId}: a report is of a run in closed loops, the others stand beside it; leave the name out`,
    )
  }
  prepareFolder(folder)
  // Of the same machine and source alone: figures of others would stand beside these as if they belonged.
  const beside = (run: Run | null) =>
    run !== null &&
    run.environment.machineId === main.environment.machineId &&
    run.environment.commit === main.environment.commit
      ? reported(run)
      : Promise.resolve(null)
  const input = {
    main: await reported(main),
    micro: await beside(stored.micro),
    churn: await beside(stored.churn),
    curve: await beside(stored.curve),
    claims: await decideStored(options.results, main.environment, io),
  }
  const [{ renderReport }, { renderReportMarkdown }, { renderCsv }] = await Promise.all([
    import('../render/report-html.ts'),
    import('../render/report-markdown.ts'),
    import('../render/report-csv.ts'),
  ])
  const files = {
    html: join(folder, 'report.html'),
    markdown: join(folder, 'report.md'),
    csv: join(folder, 'report.csv'),
    badge: join(folder, 'badge.json'),
  }
  saveFile(files.html, renderReport(input))
  saveFile(files.markdown, renderReportMarkdown(input.main, input.claims))
  saveFile(files.csv, renderCsv(input.main.summary))
  saveFile(files.badge, `${JSON.stringify(badgeOf(input.main.summary))}\n`)
  if (options.json === true) {
    io.out(
      `${JSON.stringify({ schema: 1, command: 'report', runId: main.runId, complete: main.complete, files })}\n`,
    )
  } else io.out(`${Object.values(files).join('\n')}\n`)
}

type Kind = 'closed' | 'micro' | 'churn' | 'curve' | 'open'

function kindOf(run: Run): Kind {
  const block = run.blocks.find(({ outcome }) => outcome === 'measured')
  if (block?.primitives !== undefined) return 'micro'
  if (block?.churn !== undefined) return 'churn'
  if (block?.windows === undefined) return 'closed'
  return block.windows.some(({ stage }) => stage !== undefined) ? 'curve' : 'open'
}

function newestOfEachKind(results: string): Readonly<Record<Kind, Run | null>> {
  const { runs } = listRuns([results])
  const newest = (kind: Kind) => {
    const ofKind = runs.filter(({ run }) => run.complete && kindOf(run) === kind)
    // A smoke run measures nothing: only where there is no other.
    return (ofKind.find(({ run }) => run.mode !== 'smoke') ?? ofKind[0])?.run ?? null
  }
  return {
    closed: newest('closed'),
    micro: newest('micro'),
    churn: newest('churn'),
    curve: newest('curve'),
    open: newest('open'),
  }
}

async function reported(run: Run): Promise<ReportedRun> {
  const [charts, { renderPng }] = await Promise.all([
    import('../render/run-charts.ts'),
    import('../render/png.ts'),
  ])
  const summary = summarise(run)
  const drawn = chartsOf(run, summary, charts)
  return {
    run,
    summary,
    charts: drawn.flatMap(({ chart, ...words }): ReportChart[] =>
      chart === null ? [] : [{ ...words, png: renderPng(chart) }],
    ),
  }
}

interface Drawn extends Omit<ReportChart, 'png'> {
  readonly chart: BarChart | LineChart | null
}

function chartsOf(run: Run, summary: Summary, charts: typeof runCharts): Drawn[] {
  if (hasPrimitives(summary)) {
    return [
      {
        title: 'The cost ledger: primitives stacked against the measured request.',
        alt: 'Stacked bars of server CPU per request by part; the tables below have the figures.',
        chart: charts.ledgerRunChart(run, summary),
      },
    ]
  }
  if (hasChurn(summary)) {
    return [
      {
        title: 'Server CPU per request over requests per connection.',
        alt: 'Lines of server CPU per request, one a mechanism, falling with requests per connection.',
        chart: charts.churnRunChart(run, summary),
      },
    ]
  }
  if (hasCurves(summary)) {
    return [
      {
        title: 'Latency against offered rate.',
        alt: 'Lines of latency percentiles over the offered rate, rising steeply past the knee.',
        chart: charts.curveRunChart(run, summary),
      },
    ]
  }
  if (hasWindows(summary)) return []
  const { cpu, latency, throughput } = charts.runCharts(run, summary)
  return [
    {
      title: 'Server CPU per request.',
      alt: 'Bars of server CPU per request by case, with intervals; the table below has the figures.',
      chart: cpu,
    },
    {
      title: 'Latency by percentile.',
      alt: 'Lines of latency over percentiles, one a case, at one connection and at its own number.',
      chart: latency,
    },
    {
      title: 'Requests per server-core-second.',
      alt: 'Bars of requests per server-core-second by case; the table below has the figures.',
      chart: throughput,
    },
  ]
}

/** A badge as shields.io reads it: what the first case costs over its baseline. */
function badgeOf({ comparisons }: Summary) {
  const first = comparisons.find(
    ({ metric, difference }) => metric === 'cpuUsPerRequest' && difference !== null,
  )
  const [name = 'trust'] = (first?.case ?? '').split('/')
  const [against = ''] = (first?.against ?? '').split('/')
  const us = first?.difference?.estimate
  return {
    schemaVersion: 1,
    label: first === undefined ? 'trustbench' : `${name} over ${against}`,
    message:
      us === undefined ? 'not measured' : `${us >= 0 ? '+' : ''}${us.toFixed(0)} µs CPU/request`,
    color: us === undefined ? 'lightgrey' : 'blue',
  }
}
