/* Figures: each is a chart, its controls and the table of what it shows, drawn again at every change. */

const page = JSON.parse(document.getElementById('data').textContent).charts
const figures = new Map()

/**
 * Adds a figure whose canvas has this id, if the page has it.
 * @param {string} id
 * @param {() => { chart: object, heightPx: number, caption: string, heads: string[], rows: string[][] }} describe
 */
function addFigure(id, describe) {
  const root = document.querySelector(`[data-chart="${id}"]`)
  if (root !== null) figures.set(id, { root, describe, chart: null })
}

/** Draws a figure by its controls as they are. */
function draw(id) {
  const figure = figures.get(id)
  if (figure === undefined) return
  const { root, describe } = figure
  const { chart, heightPx, caption, heads, rows } = describe()
  figure.chart?.destroy()
  const canvas = root.querySelector('canvas')
  root.querySelector('.plot').style.height = `${heightPx}px`
  figure.chart = new Chart(canvas, { ...chart, plugins: [whiskers, marks] })
  canvas.setAttribute('aria-label', `${caption}. ${rows.length} rows in the table below.`)
  fillTable(root.querySelector('table'), { caption, heads, rows })
}

function drawAll() {
  for (const id of figures.keys()) draw(id)
}

/** Only text goes in: whatever a run is called, it is no markup. */
function fillTable(table, { caption, heads, rows }) {
  const cell = (tag, text, scope) => {
    const made = document.createElement(tag)
    made.textContent = text
    if (scope !== undefined) made.scope = scope
    return made
  }
  const line = (cells) => {
    const made = document.createElement('tr')
    made.append(...cells)
    return made
  }
  const head = document.createElement('thead')
  head.append(line(heads.map((text) => cell('th', text, 'col'))))
  const body = document.createElement('tbody')
  body.append(
    ...rows.map(([first, ...others]) =>
      line([cell('th', first, 'row'), ...others.map((text) => cell('td', text))]),
    ),
  )
  const words = document.createElement('caption')
  const inner = document.createElement('span')
  inner.textContent = caption
  words.append(inner)
  table.replaceChildren(words, head, body)
}

/** The value of a list; '' where the page has none. */
function chosen(id) {
  return document.getElementById(id)?.value ?? ''
}

/** The values of the boxes that are ticked. */
function ticked(id) {
  return new Set(
    [...document.querySelectorAll(`#${CSS.escape(id)} input:checked`)].map(({ value }) => value),
  )
}

function optionsFor(id, choices) {
  const list = document.getElementById(id)
  const before = list.value
  list.replaceChildren(
    ...choices.map(([value, label]) => {
      const option = document.createElement('option')
      option.value = value
      option.textContent = label
      return option
    }),
  )
  list.value = choices.some(([value]) => value === before) ? before : choices[0][0]
}
