import { html, type Markup } from './html.ts'

/** A chart of the page: a canvas that scripts draw, its controls, and the table of what it shows. */
export interface ChartFigure {
  /** Of the canvas; the script of the same name draws it. */
  readonly id: string
  readonly title: string
  /** What stands for the chart until it is drawn, and for those who cannot see it. */
  readonly alt: string
  readonly controls?: readonly Markup[]
}

/** One choice of a control. */
export interface Choice {
  readonly value: string
  readonly label: string
  readonly chosen?: boolean
}

/** A figure without picture until scripts run: controls and figures are hidden till then, tables are not. */
export function chartFigure({ id, title, alt, controls = [] }: ChartFigure): Markup {
  return html`<figure class="chart" data-chart="${id}">
    <div class="controls" hidden>${controls}</div>
    <div class="plot">
      <canvas id="${id}" role="img" aria-label="${alt}"></canvas>
    </div>
    <noscript><p class="muted">This chart needs scripts; the tables have its figures.</p></noscript>
    <figcaption class="muted">${title}</figcaption>
    <details hidden>
      <summary>Figures of this chart</summary>
      <div class="scroll" tabindex="0" role="region" aria-label="Figures: ${title}">
        <table data-figures="${id}"></table>
      </div>
    </details>
  </figure>`
}

/** A list to choose one of. */
export function selectControl(id: string, label: string, choices: readonly Choice[]): Markup {
  return html`<label for="${id}"
    >${label}
    <select id="${id}">
      ${choices.map(
        ({ value, label: text, chosen = false }) =>
          html`<option value="${value}" ${chosen ? html`selected` : ''}>${text}</option>`,
      )}
    </select></label
  >`
}

/** Boxes to choose several of. */
export function checksControl(id: string, legend: string, choices: readonly Choice[]): Markup {
  return html`<fieldset id="${id}">
    <legend>${legend}</legend>
    ${choices.map(
      ({ value, label, chosen = true }) =>
        html`<label
          ><input type="checkbox" value="${value}" ${chosen ? html`checked` : ''} /> ${label}</label
        >`,
    )}
  </fieldset>`
}
