import type { History } from '../analysis/history.ts'
import { headline, sourceLabel, startedText } from './history-words.ts'
import { html, htmlPage, htmlTable, type Markup, type PageAssets } from './html.ts'
import { pageHistory, type Figure } from './page-model.ts'
import { sectionMarkup, type Section } from './report-parts.ts'
import { historySection } from './report-time.ts'
import { withMargin } from './numbers.ts'
import type { Run } from '../results.ts'

/** A run as the lists of a site tell it: its blocks are not needed any more. */
export interface SiteRun {
  readonly run: Omit<Run, 'blocks'>
  readonly blocksMeasured: number
  /** Server CPU in µs per request by name of the case. */
  readonly cpuUs: readonly (readonly [name: string, figure: Figure])[]
}

/** What the pages of a site share. */
export interface SiteFrame {
  readonly assets: PageAssets
  /** Relative address of the folder of the site. */
  readonly root: string
}

/** The first page: the newest report, and every run, newest first. */
export function renderIndex(
  runs: readonly SiteRun[],
  { frame, hasReport }: { readonly frame: SiteFrame; readonly hasReport: boolean },
): string {
  const commits = [...new Set(runs.flatMap(({ run }) => run.environment.commit ?? []))]
  return sitePage('trustbench: what trust between machines costs', frame, [
    {
      id: 'start',
      title: 'Start here',
      body: html`<ul>
        ${hasReport ? html`<li><a href="report.html">The report</a> of the newest whole run, and all beside it</li>` : null}
        <li><a href="history.html">History</a>: every run on one scale, with change points</li>
        <li>${runs.length} runs of ${commits.length} commits below</li>
      </ul>`,
    },
    { id: 'runs', title: 'Runs', body: runsTable(runs, frame) },
    {
      id: 'commits',
      title: 'Commits',
      body: html`<ul>
        ${commits.map(
          (commit) =>
            html`<li>
              <a href="${commitLink(frame, commit)}"><code>${commit.slice(0, 12)}</code></a>
            </li>`,
        )}
      </ul>`,
    },
  ])
}

/** All runs of one commit, with what each case cost. */
export function renderCommit(commit: string, runs: readonly SiteRun[], frame: SiteFrame): string {
  return sitePage(`trustbench: commit ${commit.slice(0, 12)}`, frame, [
    { id: 'runs', title: `Runs of commit ${commit}`, body: runsTable(runs, frame) },
    {
      id: 'cases',
      title: 'What each case cost',
      body: htmlTable({
        caption:
          'Server CPU in µs per request; runs of different minutes compare through the history only',
        heads: ['case', 'CPU µs/request', 'blocks', 'run'],
        rows: runs.flatMap(({ run, cpuUs }) =>
          cpuUs.map(([name, [estimate, low, high, level, blocks]]) => [
            name,
            withMargin({ estimate, low, high, level, blocks }),
            String(blocks),
            runLink(run, frame),
          ]),
        ),
      }),
    },
  ])
}

/** Every run on the scale of the reference. */
export function renderHistoryPage(history: History, frame: SiteFrame): string {
  const sections: Section[] = [
    { id: 'history-section', title: 'History', body: historySection(history) },
  ]
  return sitePage(`trustbench: ${headline(history)[0] ?? 'history'}`, frame, sections, history)
}

/** Address of the page of a run. */
export function runAddress(runId: string): string {
  return `runs/${fileName(runId)}.html`
}

/** Address of the page of a commit. */
export function commitAddress(commit: string): string {
  return `commits/${fileName(commit)}.html`
}

function sitePage(
  title: string,
  { assets, root }: SiteFrame,
  sections: readonly Section[],
  history: History | null = null,
): string {
  return htmlPage({
    title,
    assets,
    body: html`<a class="skip" href="#content">Skip to the content</a>
      <header>
        <h1>What trust between machines costs</h1>
        <nav aria-label="pages">
          <ul>
            <li><a href="${root}index.html">All runs</a></li>
            <li><a href="${root}history.html">History</a></li>
          </ul>
        </nav>
      </header>
      <main id="content">${sections.map(sectionMarkup)}</main>`,
    data: { schema: 1, charts: chartsOf(history) },
  })
}

/** What scripts ask for on each page, though only a history is drawn here. */
function chartsOf(history: History | null) {
  return {
    ...{ metrics: [], percentiles: [], main: { cases: [] }, others: [], ledgers: [], churn: [] },
    ...{ curves: { sloP99Us: null, series: [] }, events: [] },
    history: history === null ? { runs: [], series: [] } : pageHistory(history),
  }
}

function runsTable(runs: readonly SiteRun[], frame: SiteFrame): Markup {
  return htmlTable({
    caption: `${runs.length} runs, newest first`,
    heads: ['run', 'started (UTC)', 'commit', 'mode', 'blocks', 'machine'],
    rows: runs.map(({ run, blocksMeasured }) => [
      runLink(run, frame),
      startedText(run.startedAt),
      run.environment.commit === null
        ? sourceLabel(run.environment)
        : html`<a href="${commitLink(frame, run.environment.commit)}"
            >${sourceLabel(run.environment)}</a
          >`,
      `${run.mode}${run.complete ? '' : ', INCOMPLETE'}`,
      String(blocksMeasured),
      run.environment.machineId.slice(0, 6),
    ]),
  })
}

function runLink(run: SiteRun['run'], { root }: SiteFrame): Markup {
  const [, ...words] = run.command
  return html`<a href="${root}${runAddress(run.runId)}"
    >${words.join(' ') || run.command.join(' ')}</a
  >`
}

function commitLink({ root }: SiteFrame, commit: string): string {
  return `${root}${commitAddress(commit)}`
}

/** Whatever a run is called, its page stays in its folder. */
function fileName(text: string): string {
  const safe = text.replaceAll(/[^\w-]+/g, '_').slice(0, 120)
  return safe === '' ? '_' : safe
}
