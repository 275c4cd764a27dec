import type { Ledger } from '../analysis/ledger.ts'
import type { ArmSummary, Summary } from '../analysis/summary.ts'
import type { Estimate } from '../analysis/stats.ts'
import type { Run } from '../results.ts'
import { numberText, type DecidedClaim } from './claims-text.ts'
import { html, htmlPage, htmlTable, type Markup } from './html.ts'
import { reportStyle } from './html-style.ts'
import { labelArms } from './labels.ts'
import { machineWords } from './changes.ts'
import { levelPercent, signedWithMargin, withMargin } from './numbers.ts'
import { sentences } from './sentence.ts'
import { shellCommand } from './markdown-text.ts'

/** A run with what it says. */
export interface ReportedRun {
  readonly run: Run
  readonly summary: Summary
  /** PNGs, in the order in which they are shown. */
  readonly charts: readonly ReportChart[]
}

/** A picture with the words that stand for it. */
export interface ReportChart {
  readonly title: string
  readonly alt: string
  readonly png: Buffer
}

/** Everything that a report tells; what there is no run of is said to be missing. */
export interface ReportInput {
  readonly main: ReportedRun
  readonly micro: ReportedRun | null
  readonly churn: ReportedRun | null
  readonly curve: ReportedRun | null
  readonly claims: readonly DecidedClaim[]
}

/** The report as one file of HTML. The same input gives the same bytes. */
export function renderReport(input: ReportInput): string {
  const { main, micro, churn, curve, claims } = input
  const sections: readonly (readonly [id: string, title: string, body: Markup])[] = [
    ['cost', 'What trust costs here', costSection(main)],
    ['ledger', 'Where the microseconds go', ledgerSection(micro)],
    [
      'connections',
      'New connections',
      picturesOf(churn, 'npm run bench -- tls mtls jwt --load churn'),
    ],
    [
      'curves',
      'Latency against rate',
      picturesOf(curve, 'npm run bench -- tls combined --curve --slo 10ms'),
    ],
    ['claims', 'What two articles claim', claimsSection(claims)],
    ['refusals', 'What is refused', refusalSection(main)],
    ['method', 'Method and limits', methodSection()],
    ['machine', 'Machine, and how to measure it again', machineSection(input)],
  ]
  const body = html`<main>
    <h1>What trust between machines costs</h1>
    <p class="muted">${machineWords(main.run.environment)}; run ${main.run.runId}</p>
    ${main.run.complete ? null : html`<p class="verdict">This run is incomplete: ${main.run.incompleteReason}.</p>`}
    <nav aria-label="sections">
      <ul>
        ${sections.map(([id, title]) => html`<li><a href="#${id}">${title}</a></li>`)}
      </ul>
    </nav>
    ${sections.map(
      ([id, title, content]) =>
        html`<section id="${id}" aria-labelledby="${id}-title">
          <h2 id="${id}-title">${title}</h2>
          ${content}
        </section>`,
    )}
    <p><button id="save" hidden type="button">Save the data as JSON</button></p>
  </main>`
  return htmlPage({
    title: `What trust costs: ${main.run.runId}`,
    style: reportStyle,
    body,
    data: { schema: 1, runs: [main, micro, churn, curve].flatMap((one) => dataOf(one)) },
  })
}

/** A run without its slices and histograms, which its own file has. */
function dataOf(reported: ReportedRun | null) {
  if (reported === null) return []
  const { run, summary } = reported
  const { blocks: _, ...head } = run
  return [
    {
      ...head,
      blocksMeasured: summary.blocksMeasured,
      cases: summary.arms.map(({ record, figures, churn, curve }) => ({
        id: record.id,
        metrics: figures?.metrics ?? null,
        churn,
        curve,
      })),
      comparisons: summary.comparisons,
      decompositions: summary.decompositions,
      breakEvens: summary.breakEvens,
      primitives: summary.primitives,
      ledgers: summary.ledgers,
    },
  ]
}

function costSection({ run, summary, charts }: ReportedRun): Markup {
  const { rows } = labelArms(summary.arms.map(({ record }) => record))
  const nameOf = (id: string) =>
    rows[summary.arms.findIndex(({ record }) => record.id === id)] ?? id
  const told = sentences(summary, nameOf).slice(0, mostSentences)
  return html`
    ${told.map((sentence) => html`<p>${sentence}</p>`)} ${charts.map(figure)}
    ${htmlTable({
      caption: `${summary.blocksMeasured} blocks${levelsOf(summary)}; ± reaches to the farther end of the interval`,
      heads: [
        ...['case', 'CPU µs/request', 'over its baseline', 'requests/core-s'],
        ...['p50 µs', 'p99 µs', 'refused of tried'],
      ],
      rows: summary.arms.map((arm, index) => caseRow(arm, rows[index] ?? arm.record.id, summary)),
    })}
    <p class="muted">
      Closed loops at equal connections: latency is connections ÷ throughput, so compare it only
      there. ${run.mode === 'smoke' ? 'SMOKE RUN: no figure here is a measurement.' : ''}
    </p>
  `
}

function caseRow({ record, figures }: ArmSummary, name: string, { comparisons }: Summary) {
  const { metrics } = figures ?? {}
  const difference = comparisons.find(
    ({ case: id, metric }) => id === record.id && metric === 'cpuUsPerRequest',
  )?.difference
  const { preflight } = record
  return [
    name,
    cell(metrics?.cpuUsPerRequest),
    difference == null ? '' : signedWithMargin(difference),
    cell(metrics?.requestsPerCoreSecond),
    cell(metrics?.latencyP50Us),
    cell(metrics?.latencyP99Us),
    preflight === null ? 'not tried' : `${preflight.refused} of ${preflight.tried}`,
  ]
}

function ledgerSection(micro: ReportedRun | null): Markup {
  if (micro === null) return missing('npm run micro')
  const { rows } = labelArms(micro.summary.arms.map(({ record }) => record))
  const nameOf = (id: string) =>
    rows[micro.summary.arms.findIndex(({ record }) => record.id === id)] ?? id
  return html`
    ${micro.charts.map(figure)}
    ${micro.summary.ledgers.map((ledger) => ledgerTable(ledger, nameOf))}
    <details>
      <summary>Primitives</summary>
      ${htmlTable({
        caption: 'Each alone in a process of its own; CPU of all its threads',
        heads: ['primitive', 'CPU µs/call', 'wall µs, median'],
        rows: micro.summary.primitives.map(({ id, cpuUsPerCall, wallP50UsPerCall }) => [
          id,
          withMargin(cpuUsPerCall),
          withMargin(wallP50UsPerCall),
        ]),
      })}
    </details>
  `
}

function ledgerTable(
  { arm, entries, restCpuUs, totalCpuUs }: Ledger,
  nameOf: (id: string) => string,
) {
  return htmlTable({
    caption: `A request of ${nameOf(arm)}, in µs of server CPU`,
    heads: ['part', 'CPU µs'],
    rows: [
      ...entries.map(({ label, cpuUs }) => [label, withMargin(cpuUs)]),
      ['unexplained', withMargin(restCpuUs)],
      ['measured whole', withMargin(totalCpuUs)],
    ],
  })
}

function claimsSection(claims: readonly DecidedClaim[]): Markup {
  if (claims.length === 0) return missing('npm run claims')
  return html`
    ${
      claims.some(({ isProvisional }) => isProvisional)
        ? html`<p>Provisional: of fewer blocks than a verdict should have.</p>`
        : null
    }
    ${htmlTable({
      caption: 'Verdicts on this machine; figures with their 99 % intervals',
      heads: ['id', 'claim', 'verdict', 'what was seen', 'figures'],
      rows: claims.map(({ claim, decision }) => [
        claim.id,
        `${claim.sentence} (${claim.source})`,
        html`<span class="verdict">${decision.verdict}</span>${
            decision.turnsAt === null
              ? null
              : html`<br />${decision.turnsAt.variable}${decision.turnsAt.value === null ? '' : ` ${withMargin(decision.turnsAt.value)}`}`
          }`,
        decision.seen,
        decision.numbers.map((number) => html`<div>${number.label}: ${numberText(number)}</div>`),
      ]),
    })}
  `
}

function refusalSection({ summary }: ReportedRun): Markup {
  const { rows } = labelArms(summary.arms.map(({ record }) => record))
  return html`
    <p>
      Before any number each case must accept its good credential and refuse every bad one, with the
      right status and without its handler running once.
    </p>
    ${summary.arms.map(({ record: { preflight } }, index) =>
      preflight === null || preflight.refusals.length === 0
        ? null
        : html`<details>
            <summary>
              ${rows[index]}: ${preflight.refused} of ${preflight.tried} refused, handler ran
              ${preflight.handlerCalls} times
            </summary>
            ${htmlTable({
              caption: `Bad credentials at ${rows[index] ?? ''}`,
              heads: ['id', 'presented', 'expected', 'seen'],
              rows: preflight.refusals.map(({ id, sameAs, describe, expected, outcome }) => [
                [id, ...sameAs].join(' = '),
                describe,
                expected,
                outcome,
              ]),
            })}
          </details>`,
    )}
  `
}

function methodSection(): Markup {
  return html`<ul>
    <li>
      Every arm is alive at once on the same cores; a block starts fresh processes for all, warms
      them, and interleaves short slices. The block is the only unit of inference: Hodges-Lehmann
      estimates with Wilcoxon signed-rank intervals over blocks.
    </li>
    <li>
      Server CPU is that of all threads and children, from the scheduler’s nanoseconds; the
      authorization server apart.
    </li>
    <li>
      Client and servers share one machine: latencies hold no network, and a client can be the
      limit, which is marked.
    </li>
    <li>
      The servers are Node reference servers. Another runtime has other figures; differences between
      mechanisms are what to look at.
    </li>
    <li>
      Nothing is dropped: a wrong status, body or share of resumed handshakes fails its block by
      name.
    </li>
  </ul>`
}

function machineSection({ main, micro, churn, curve }: ReportInput): Markup {
  const { environment } = main.run
  const packages = Object.entries(environment.packages).map(
    ([name, version]) => `${name} ${version}`,
  )
  return html`
    ${htmlTable({
      caption: 'Read while measuring',
      heads: ['what', 'value'],
      rows: [
        ['processor', `${environment.cpuModel}, ${environment.cores} cores`],
        ['memory', `${(environment.memoryBytes / 2 ** 30).toFixed(1)} GiB`],
        ['system', `${environment.os} ${environment.arch}`],
        [
          'runtime',
          `Node ${environment.node}, OpenSSL ${environment.openssl}, V8 ${environment.v8}`,
        ],
        ['packages', packages.join(', ')],
        [
          'source',
          `${environment.commit ?? 'no commit'}${environment.dirty === true ? ', with changes' : ''}`,
        ],
        ['pinned', environment.pinned ? 'client and servers have cores of their own' : 'no'],
      ],
    })}
    <pre>
${[main, micro, churn, curve]
        .flatMap((one) => (one === null ? [] : commandOf(one.run)))
        .join('\n')}</pre>
  `
}

function commandOf({ command: [name = 'bench', ...words] }: Run): string {
  return shellCommand(['npm', 'run', name, '--', ...words])
}

function picturesOf(reported: ReportedRun | null, command: string): Markup {
  if (reported === null) return missing(command)
  return html`
    ${reported.charts.map(figure)}
    <p class="muted">run ${reported.run.runId}, ${reported.summary.blocksMeasured} blocks</p>
  `
}

function figure({ title, alt, png }: ReportChart): Markup {
  return html`<figure>
    <img src="data:image/png;base64,${png.toString('base64')}" alt="${alt}" loading="lazy" />
    <figcaption class="muted">${title}</figcaption>
  </figure>`
}

function missing(command: string): Markup {
  return html`<p>Not measured: <code>${command}</code> would.</p>`
}

function cell(estimate: Estimate | null | undefined): string {
  return estimate == null ? '–' : withMargin(estimate)
}

function levelsOf({ arms }: Summary): string {
  const levels = arms.flatMap(({ figures }) => figures?.metrics.cpuUsPerRequest?.level ?? [])
  return levels.length === 0 ? '' : `, ${levelPercent(Math.min(...levels))} intervals`
}

const mostSentences = 5
