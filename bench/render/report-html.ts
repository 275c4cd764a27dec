import { gatedMetrics, metrics } from '../analysis/metrics.ts'
import type { AnsweredQuestion } from '../analysis/questions.ts'
import type { History } from '../analysis/history.ts'
import { blockValues, measuredBlocks, ownConnections, readArm } from '../analysis/reading.ts'
import type { EventRecord } from '../events.ts'
import type { ArmRecord, Preflight, Run } from '../results.ts'
import type { SizeEnvelope } from '../analysis/sizing-schema.ts'
import type { DecidedClaim } from './claims-text.ts'
import { machineWords } from './changes.ts'
import { html, htmlPage, type PageAssets } from './html.ts'
import {
  pageChurn,
  pageCurves,
  pageEvents,
  pageHistory,
  pageHops,
  pageLedgers,
  pageMetrics,
  pageOther,
  pageRun,
  percentileMetrics,
  type OtherRun,
  type ReportedRun,
} from './page-model.ts'
import { costSection, spectraSection } from './report-cost.ts'
import { claimsSection, questionsSection, scoreSection, type RunLink } from './report-evidence.ts'
import { breakEvenSection, curveSection, ledgerSection } from './report-loads.ts'
import { machineSection, methodSection } from './report-machine.ts'
import { sectionMarkup, type Section } from './report-parts.ts'
import { sizingSection } from './report-sizing.ts'
import { targetsSection } from './report-targets.ts'
import { eventsSection, historySection } from './report-time.ts'
import { encodedOf } from './spectra.ts'
import { pageTargets } from './target-spectra.ts'
import { shownUrl } from './target-tables.ts'

/** Everything that a report tells; what there is no run of is said to be missing. */
export interface ReportInput {
  readonly main: ReportedRun
  readonly micro: ReportedRun | null
  readonly churn: ReportedRun | null
  /** A run with reconnect storms; may be that of `churn`. */
  readonly storm: ReportedRun | null
  readonly curve: ReportedRun | null
  /** Runs of servers that are the user's own, one a kind of load; absent: no section. */
  readonly targets?: readonly ReportedRun[]
  /** Runs that the main one can be compared with, newest first. */
  readonly others: readonly OtherRun[]
  readonly events: readonly EventRecord[]
  readonly history: History | null
  readonly claims: readonly DecidedClaim[]
  /** The newest stored size; null or absent: no section. */
  readonly sizing?: SizeEnvelope | null
  readonly questions: readonly AnsweredQuestion[]
  /** One arm of each scenario that was attacked, for the security score. */
  readonly attacked: readonly ArmRecord[]
  /** Runs that claims, questions and sections rest on. */
  readonly evidence: readonly Run[]
  readonly assets: PageAssets
  /** Of a site: the page of another run, and the way back. */
  readonly linkOf?: RunLink
  readonly home?: string
}

/** The report as one page of HTML. The same input gives the same bytes. */
export function renderReport(input: ReportInput): string {
  return renderPage(input, sectionsOf(input))
}

/** A page about a run with these sections, and the data of all that the input holds. */
export function renderPage(
  input: ReportInput,
  sections: readonly Section[],
  { heading, title }: PageWords = trustWords,
): string {
  const { run } = input.main
  const body = html`<a class="skip" href="#content">Skip to the content</a>
    <header>
      <h1>${heading}</h1>
      <p class="muted">${machineWords(run.environment)}; run ${run.runId}</p>
      ${input.home === undefined ? null : html`<p><a href="${input.home}">All runs</a></p>`}
      ${run.complete ? null : html`<p class="alarm">This run is incomplete: ${run.incompleteReason ?? 'no reason is stored'}.</p>`}
      <nav aria-label="sections">
        <ul>
          ${sections.map(({ id, title }) => html`<li><a href="#${id}">${title}</a></li>`)}
        </ul>
      </nav>
    </header>
    <main id="content">
      ${sections.map(sectionMarkup)}
      <p><button id="save" hidden type="button">Save the data as JSON</button></p>
    </main>`
  const { main, micro, churn, storm, curve, targets = [], assets } = input
  return htmlPage({
    title: `${title}: ${run.runId}`,
    assets,
    body,
    data: {
      schema: 1,
      // A site has too many pages for what the runs' own files hold.
      runs: [...new Set([main, micro, churn, storm, curve, ...targets])].flatMap((one) =>
        dataOf(one, { withHistograms: assets.kind === 'inline' }),
      ),
      claims: input.claims.map(({ claim, decision, runs }) => ({
        id: claim.id,
        sentence: claim.sentence,
        ...decision,
        runs,
      })),
      questions: input.questions,
      charts: chartsOf(input),
    },
  })
}

/** What a page is called. */
export interface PageWords {
  readonly heading: string
  /** The name of the run follows. */
  readonly title: string
}

function sectionsOf(input: ReportInput): Section[] {
  const { main, others, targets = [] } = input
  const linkOf = input.linkOf ?? (() => null)
  return [
    { id: 'trust', title: 'What trust costs here', body: costSection(main, others) },
    { id: 'ledger-section', title: 'Where the microseconds go', body: ledgerSection(input.micro) },
    { id: 'percentiles', title: 'Latency by percentile', body: spectraSection(main, others) },
    { id: 'curves', title: 'Latency against rate', body: curveSection(input.curve) },
    {
      id: 'break-even',
      title: 'New connections, and where costs cross',
      body: breakEvenSection(input.churn, input.storm),
    },
    ...(input.sizing == null
      ? []
      : [{ id: 'sizing', title: 'A size', body: sizingSection(input.sizing) }]),
    ...(targets.length === 0
      ? []
      : [{ id: 'targets', title: 'Servers of your own', body: targetsSection(targets) }]),
    { id: 'claims', title: 'What two articles claim', body: claimsSection(input.claims) },
    { id: 'events', title: 'Life cycle: events under load', body: eventsSection(input.events) },
    { id: 'score', title: 'What is refused', body: scoreSection(input.attacked) },
    { id: 'history-section', title: 'History', body: historySection(input.history) },
    { id: 'questions', title: 'Questions that users ask', body: questionsSection(input.questions) },
    { id: 'method', title: 'Method and limits', body: methodSection() },
    {
      id: 'machine',
      title: 'Machine, and how to measure it again',
      body: machineSection(main.run, input.evidence, linkOf),
    },
  ]
}

/** What the scripts of the page draw. */
function chartsOf({
  main,
  micro,
  churn,
  curve,
  targets = [],
  others,
  events,
  history,
}: ReportInput) {
  return {
    metrics: pageMetrics.map((name) => ({
      name,
      label: metrics[name].label,
      unit: metrics[name].unit,
    })),
    percentiles: percentileMetrics.map((name) => ({ name, label: metrics[name].label })),
    main: pageRun(main),
    hops: pageHops(main),
    others: others.map(pageOther),
    ledgers: micro === null ? [] : pageLedgers(micro),
    churn: churn === null ? [] : pageChurn(churn),
    curves: curve === null ? { sloP99Us: null, series: [] } : pageCurves(curve),
    targets: pageTargets(targets),
    events: pageEvents(events),
    history: history === null ? { runs: [], series: [] } : pageHistory(history),
  }
}

/** A run as data: every figure, the values of each block and the merged histograms that they are made of. */
function dataOf(
  reported: ReportedRun | null,
  { withHistograms }: { readonly withHistograms: boolean },
) {
  if (reported === null) return []
  const { run, summary } = reported
  const { blocks, arms, ...head } = run
  return [
    {
      ...head,
      // What became of each bad credential is in the run's own file, and of one run a scenario in the page.
      arms: arms.map(({ preflight, ...arm }) => ({
        ...arm,
        ...shownTarget(arm),
        preflight: preflight === null ? null : withoutRows(preflight),
      })),
      blocksMeasured: summary.blocksMeasured,
      cases: summary.arms.map(({ record, figures, churn, curve, hops }) => ({
        id: record.id,
        metrics: figures?.metrics ?? null,
        byBlock: byBlock(blocks, record),
        ...(withHistograms ? { histograms: encodedOf(run, record) } : {}),
        churn,
        curve,
        hops,
      })),
      comparisons: summary.comparisons,
      decompositions: summary.decompositions,
      breakEvens: summary.breakEvens,
      primitives: summary.primitives,
      ledgers: summary.ledgers,
    },
  ]
}

/** Addresses of a target as they may be shown, wherever the Run file comes from. */
function shownTarget({ target, source }: Pick<ArmRecord, 'target' | 'source'>) {
  if (target === undefined) return {}
  const url = shownUrl(target.url)
  return { target: { ...target, url }, source: { ...source, label: url } }
}

function withoutRows(preflight: Preflight): Preflight {
  const { hops: _hops, ...counts } = preflight
  return { ...counts, refusals: [] }
}

function byBlock(blocks: Run['blocks'], arm: ArmRecord) {
  const reading = readArm(measuredBlocks(blocks), arm.id, ownConnections(arm))
  return Object.fromEntries(
    gatedMetrics.map((name) => [name, [...blockValues(reading, name).entries()]] as const),
  )
}

const trustWords: PageWords = {
  heading: 'What trust between machines costs',
  title: 'What trust costs',
}
