import type { Estimate } from '../analysis/stats.ts'
import type { ClaimNumber } from '../analysis/claim.ts'
import { html, type Markup } from './html.ts'
import { levelPercent, withMargin } from './numbers.ts'
import { numberText } from './claims-text.ts'

/** A section of the report: its anchor, its title, what is in it. */
export interface Section {
  readonly id: string
  readonly title: string
  readonly body: Markup
}

/** A section with its heading. */
export function sectionMarkup({ id, title, body }: Section): Markup {
  return html`<section id="${id}" aria-labelledby="${id}-title">
    <h2 id="${id}-title">${title}</h2>
    ${body}
  </section>`
}

/** What stands where something was not measured: the command that would. */
export function missing(command: string): Markup {
  return html`<p>Not measured: <code>${command}</code> would.</p>`
}

/** An estimate with its margin; a dash where there is none. */
export function cell(estimate: Estimate | null | undefined, scale = 1): string {
  return estimate == null ? '–' : withMargin(estimate, scale)
}

/** The level and the number of blocks that estimates rest on, the least of each. */
export function groundsOf(estimates: readonly (Estimate | null | undefined)[]): string {
  const known = estimates.filter((estimate) => estimate != null)
  if (known.length === 0) return 'nothing was measured'
  const blocks = Math.min(...known.map((estimate) => estimate.blocks))
  const levels = known.flatMap(({ level }) => level ?? [])
  return levels.length === 0
    ? `n = ${blocks}, no interval`
    : `${levelPercent(Math.min(...levels))} intervals, n = ${blocks} blocks; ± reaches to the farther end`
}

/** A number of a verdict or an answer, with level and n where it has them. */
function numberLine(number: ClaimNumber): Markup {
  const { value } = number
  const grounds =
    typeof value === 'number'
      ? 'counted'
      : value.level === null
        ? `n ${value.blocks}`
        : `${levelPercent(value.level)}, n ${value.blocks}`
  return html`<div>
    ${number.label}: ${numberText(number)} <span class="muted">(${grounds})</span>
  </div>`
}

/** Figures one below the other; many are folded, with the first of them to be seen. */
export function figureLines(numbers: readonly ClaimNumber[]): Markup {
  if (numbers.length <= MOST_UNFOLDED) return html`${numbers.map(numberLine)}`
  return html`${numbers.slice(0, 1).map(numberLine)}
    <details>
      <summary>${numbers.length - 1} more figures</summary>
      ${numbers.slice(1).map(numberLine)}
    </details>`
}

/** An id of an anchor out of any text. */
export function anchorOf(kind: string, name: string): string {
  return `${kind}-${name.replaceAll(/[^\w.-]+/g, '-')}`
}

const MOST_UNFOLDED = 4
