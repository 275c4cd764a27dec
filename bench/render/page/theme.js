/* Colours, by the reader's light or dark; on paper always light. */

let onPaper = false
const dark = window.matchMedia('(prefers-color-scheme: dark)')

/** Okabe and Ito's colours, darkened on white and lightened on black until lines can be told from the ground. */
function lineColours() {
  return isDark()
    ? ['#56b4e9', '#ff9a4d', '#34d1a3', '#e89ac7', '#f0c04a', '#9cc9ff', '#e6edf3']
    : ['#0072b2', '#c24f00', '#007a5a', '#a8447f', '#8a5f00', '#2f6f9f', '#1b1f24']
}

function colours() {
  return isDark()
    ? { ink: '#e6edf3', muted: '#9da7b3', grid: '#30363d', paper: '#0d1117', alarm: '#ff9a4d' }
    : { ink: '#1b1f24', muted: '#57606a', grid: '#d8dee4', paper: '#ffffff', alarm: '#b3261e' }
}

function isDark() {
  return dark.matches && !onPaper
}

/** Colour, dash and marker of the n-th line: never colour alone. */
function lineStyle(index) {
  const palette = lineColours()
  const dashes = [[], [7, 3], [2, 2.5], [9, 3, 2, 3]]
  const markers = ['circle', 'rect', 'triangle', 'rectRot']
  return {
    colour: palette[index % palette.length],
    dash: dashes[(index + Math.floor(index / palette.length)) % dashes.length],
    marker: markers[index % markers.length],
  }
}

/** Whether the page is as narrow as a phone. */
function isNarrow() {
  return window.innerWidth < 560
}

/** A name on lines that an axis has room for. */
function wrapped(name) {
  const width = isNarrow() ? 15 : 26
  const lines = ['']
  for (const word of name.split(/(?<=[ =/,-])/).flatMap((one) => pieces(one, width))) {
    if ((lines.at(-1) + word).trimEnd().length > width) lines.push('')
    lines[lines.length - 1] += word
  }
  return lines.map((line) => line.trimEnd()).filter((line) => line !== '')
}

function pieces(word, width) {
  const parts = []
  for (let start = 0; start < word.length; start += width)
    parts.push(word.slice(start, start + width))
  return parts
}

/** Options that all charts share. */
function baseOptions({ x, y, legend = true, tooltip }) {
  const { ink, muted, grid } = colours()
  const axis = ({ title, ...rest }) => ({
    ...rest,
    title: { display: title !== undefined, text: title, color: muted },
    ticks: { color: muted, ...rest.ticks },
    grid: { color: grid, ...rest.grid },
    border: { color: muted },
  })
  return {
    animation: false,
    responsive: true,
    maintainAspectRatio: false,
    plugins: {
      legend: {
        display: legend,
        position: 'bottom',
        labels: { color: ink, usePointStyle: true, boxHeight: 8, padding: 12 },
      },
      tooltip: { callbacks: tooltip },
    },
    scales: { x: axis(x), y: axis(y) },
  }
}

/** The range that data and their whiskers take, for an axis that must hold both. */
function rangeOf(datasets, valueOf) {
  const values = datasets.flatMap(({ data, whiskers: ends = [] }) => [
    ...data.map(valueOf),
    ...ends.flatMap((interval) => interval ?? []),
  ])
  const known = values.filter((value) => Number.isFinite(value))
  return { suggestedMin: Math.min(...known), suggestedMax: Math.max(...known) }
}
