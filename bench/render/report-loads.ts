import { metrics } from '../analysis/metrics.ts'
import type { Ledger } from '../analysis/ledger.ts'
import { breakEvenSentences, useName } from './churn-text.ts'
import { curveSentences } from './curve-text.ts'
import { html, htmlTable, type Markup } from './html.ts'
import { checksControl, chartFigure, selectControl } from './page-figure.ts'
import { namesOf, percentileMetrics, type ReportedRun } from './page-model.ts'
import { latencyUnits } from './report-cost.ts'
import { cell, groundsOf, missing } from './report-parts.ts'
import { withMargin } from './numbers.ts'

/** The cost ledger: what a request is made of, and the primitives alone. */
export function ledgerSection(micro: ReportedRun | null): Markup {
  if (micro === null) return missing('npm run micro')
  const { ledgers, primitives } = micro.summary
  const nameOf = namesOf(micro.summary)
  return html`
    <p>
      Primitives measured alone, stacked against what a whole request costs in the same blocks. The
      rest that nothing explains is shown, not hidden.
    </p>
    ${
      ledgers.length === 0
        ? null
        : chartFigure({
            id: 'ledger',
            title: 'The cost ledger.',
            alt: 'Stacked bars of server CPU per request by part; the tables below have the figures.',
            controls: [
              namesControl(
                'ledger-cases',
                ledgers.map(({ arm }) => nameOf(arm)),
              ),
            ],
          })
    }
    ${ledgers.map((ledger) => ledgerTable(ledger, nameOf))}
    <details>
      <summary>Primitives</summary>
      ${htmlTable({
        caption: `Each alone in a process of its own, CPU of all its threads; ${groundsOf(primitives.map(({ cpuUsPerCall }) => cpuUsPerCall))}`,
        heads: ['primitive', 'CPU µs/call', 'wall µs, median'],
        rows: primitives.map(({ id, cpuUsPerCall, wallP50UsPerCall }) => [
          id,
          withMargin(cpuUsPerCall),
          withMargin(wallP50UsPerCall),
        ]),
      })}
    </details>
    ${source(micro)}
  `
}

/** New connections and where the costs of two mechanisms cross, and what storms of them do. */
export function breakEvenSection(churn: ReportedRun | null, storm: ReportedRun | null): Markup {
  return html`${churn === null ? missing('npm run bench -- tls mtls jwt --load churn') : connections(churn)}
    <h3>Reconnect storms</h3>
    ${storm === null ? missing('npm run bench -- mtls --load churn --storm 10,100') : stormTable(storm)}`
}

function connections(churn: ReportedRun): Markup {
  const { arms, breakEvens } = churn.summary
  const nameOf = namesOf(churn.summary)
  const lasting = arms.flatMap(({ churn: uses }) => uses.filter((use) => use.clients === undefined))
  const policies = [
    ...new Set(lasting.map(({ policy }) => policy).filter((policy) => policy !== 'keep-alive')),
  ]
  return html`
    ${
      breakEvens.length === 0
        ? html`<p>No two of these cases are proved to cross within what was measured.</p>`
        : breakEvenSentences(breakEvens, nameOf).map((sentence) => html`<p>${sentence}</p>`)
    }
    ${chartFigure({
      id: 'churn',
      title: 'Server CPU per request over requests per connection.',
      alt: 'Lines of server CPU per request, one a case, falling with requests per connection.',
      controls: [
        selectControl(
          'churn-policy',
          'handshakes',
          policies.map((policy) => ({ value: policy, label: policy })),
        ),
        namesControl(
          'churn-cases',
          arms.map(({ record }) => nameOf(record.id)),
        ),
      ],
    })}
    ${htmlTable({
      caption: `By case and use of connections; ${groundsOf(lasting.map((use) => use.metrics.cpuUsPerRequest))}`,
      heads: ['case', 'use', 'CPU µs/request', 'CPU µs/connection', 'resumed share'],
      rows: lasting.map((use) => [
        nameOf(use.arm),
        useName(use),
        cell(use.metrics.cpuUsPerRequest),
        cell(use.metrics.cpuUsPerHandshake),
        cell(use.metrics.resumedShare),
      ]),
    })}
    ${source(churn)}
  `
}

function stormTable(storm: ReportedRun): Markup {
  const storms = storm.summary.arms.flatMap(({ churn }) =>
    churn.filter(({ clients }) => clients !== undefined),
  )
  const nameOf = namesOf(storm.summary)
  return html`
    ${htmlTable({
      caption: `So many clients connect at one instant; ${groundsOf(storms.map((use) => use.recoveryUs))}`,
      heads: ['case', 'clients', 'handshakes', 'all served after, ms', 'p99 to first answer, ms'],
      rows: storms.map((use) => [
        nameOf(use.arm),
        String(use.clients),
        use.policy,
        cell(use.recoveryUs, MS_PER_US),
        cell(use.servedP99Us, MS_PER_US),
      ]),
    })}
    ${source(storm)}
  `
}

/** Latency against offered rate. */
export function curveSection(curve: ReportedRun | null): Markup {
  if (curve === null) return missing('npm run bench -- tls combined --curve --slo 10ms')
  const nameOf = namesOf(curve.summary)
  const curves = curve.summary.arms.flatMap((arm) => arm.curve ?? [])
  return html`
    ${curves
      .flatMap((one) => curveSentences(nameOf(one.arm), one))
      .map((sentence) => html`<p>${sentence}</p>`)}
    ${chartFigure({
      id: 'curve',
      title:
        'Latency against offered rate: open loop, from the intended send; no point where the generator was the limit.',
      alt: 'Lines of latency over the offered rate, rising steeply past the knee.',
      controls: [
        selectControl(
          'curve-percentile',
          'percentile',
          percentileMetrics.map((name) => ({
            value: name,
            label: metrics[name].label,
            chosen: name === 'latencyP99Us',
          })),
        ),
        selectControl(
          'curve-unit',
          'unit',
          latencyUnits.map((unit) => ({ ...unit, chosen: unit.value === 'ms' })),
        ),
        namesControl(
          'curve-cases',
          curves.map(({ arm }) => nameOf(arm)),
        ),
      ],
    })}
    ${curves.map(({ arm, points }) =>
      htmlTable({
        caption: `${nameOf(arm)}: latency in ms by offered rate; ${groundsOf(points.map((point) => point.metrics.latencyP50Us))}`,
        heads: ['offered/s', 'answered/s', 'p50 ms', 'p90 ms', 'p99 ms', 'p99.9 ms', 'note'],
        rows: points.map(({ plan, metrics: own, invalid }) => [
          plan.ratePerSecond.toLocaleString('en'),
          cell(own.requestsPerSecond),
          ...percentileMetrics.map((name) => cell(own[name], MS_PER_US)),
          invalid.length > 0 ? html`<span class="note">INVALID: ${invalid.join('; ')}</span>` : '',
        ]),
      }),
    )}
    ${source(curve)}
  `
}

function ledgerTable(
  { arm, entries, restCpuUs, totalCpuUs }: Ledger,
  nameOf: (id: string) => string,
): Markup {
  return htmlTable({
    caption: `A request of ${nameOf(arm)}, in µs of server CPU; ${groundsOf([totalCpuUs])}`,
    heads: ['part', 'CPU µs'],
    rows: [
      ...entries.map(({ label, cpuUs }) => [label, withMargin(cpuUs)]),
      ['unexplained', withMargin(restCpuUs)],
      ['measured whole', withMargin(totalCpuUs)],
    ],
  })
}

function namesControl(id: string, names: readonly string[]): Markup {
  return checksControl(
    id,
    'cases',
    names.map((name) => ({ value: name, label: name })),
  )
}

function source({ run, summary }: ReportedRun): Markup {
  return html`<p class="muted">
    Run ${run.runId}, ${summary.blocksMeasured} blocks${run.complete ? '' : ', INCOMPLETE'}.
  </p>`
}

const MS_PER_US = 0.001
