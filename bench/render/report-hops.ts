import type { Summary } from '../analysis/summary.ts'
import type { ArmRecord } from '../results.ts'
import { html, htmlTable, proseTable, type Markup } from './html.ts'
import { chartFigure, selectControl } from './page-figure.ts'
import { cell, groundsOf } from './report-parts.ts'

/** What each hop of the cases costs that have several; null where none has. */
export function hopCosts({ arms }: Summary, nameOf: (id: string) => string): Markup | null {
  const several = arms.filter(({ hops }) => hops.length > 0)
  if (several.length === 0) return null
  const all = several.flatMap(({ record, hops }) =>
    hops.map((hop) => ({ ...hop, name: nameOf(record.id) })),
  )
  return html`${chartFigure({
      id: 'hops',
      title: 'What each hop costs, or how long it takes; from the client’s side to the service.',
      alt: 'Bars of each case by hop; the table below has the figures.',
      controls: [
        selectControl('hops-figure', 'figure', [
          { value: 'cpuUsPerRequest', label: 'CPU per request' },
          { value: 'singleOwnP50Us', label: 'own p50 at one connection' },
          { value: 'ownP50Us', label: 'own p50 at the connections of the case' },
        ]),
      ],
    })}
    ${htmlTable({
      caption: `Hop by hop; ${groundsOf(all.map(({ cpuUsPerRequest }) => cpuUsPerRequest))}`,
      heads: [
        ...['case', 'hop', 'CPU µs/request', 'own p50 µs', 'own p50 µs, one connection'],
        ...['p50 µs with the hops behind', 'still refused'],
      ],
      rows: all.map((one) => [
        one.name,
        one.hop,
        cell(one.cpuUsPerRequest),
        cell(one.ownP50Us),
        cell(one.singleOwnP50Us),
        cell(one.wholeP50Us),
        one.bypassed === null ? '' : `${one.bypassed.refused} of ${one.bypassed.tried}`,
      ]),
    })}
    <p class="muted">
      Own: in the process of the hop, without waiting for the next one. Still refused: of bad
      requests, by this hop alone, where all hops before it are in the hands of an attacker. A
      product does not tell how long it takes.
    </p>`
}

/** What each hop refuses an attacker who has those before it; null where no case has several. */
export function hopRefusals(arms: readonly ArmRecord[]): Markup | null {
  const several = arms.flatMap(({ scenario, preflight }) =>
    (preflight?.hops ?? []).map((hop) => ({ scenario, ...hop })),
  )
  if (several.length === 0) return null
  return html`${several.map(
    ({ scenario, hop, holds, tried, refused, refusals }) =>
      html`<details>
        <summary>${scenario}: the ${hop} alone refuses ${refused} of ${tried}</summary>
        ${proseTable({
          caption: `The ${hop} of ${scenario}, called by an attacker who has ${holds}`,
          heads: ['id', 'presented', 'expected', 'seen'],
          rows: refusals.map(({ id, describe, expected, outcome }) => [
            id,
            describe,
            expected,
            outcome,
          ]),
        })}
      </details>`,
  )}`
}
