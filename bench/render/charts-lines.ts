import type { Chart, Plugin } from 'chart.js'
import type { LineFacts, LineName } from './charts-facts.ts'
import type { Pen } from './charts-pen.ts'
import { drawMarker, isolated, penOf, write } from './charts-pen.ts'
import type { ShortId } from './charts-text.ts'
import { clipText, textWidthPx, wrapText } from './charts-text.ts'
import { axisColour, ink, mutedInk, paper } from './palette.ts'

/** A name and its parameters, broken to the width of the margin. */
export function marginName({ name, detail }: ShortId): Pick<LineName, 'name' | 'detail'> {
  return {
    name: clipText(name, NAME_WIDTH_PX, NAME_PX, 600),
    detail: wrapText(detail, NAME_WIDTH_PX, DETAIL_PX),
  }
}

/** Width of the margin that holds the names, CSS px. */
export function nameMarginPx(names: readonly LineName[]): number {
  const widths = names.flatMap(({ name, detail }) => [
    textWidthPx(name, NAME_PX, 600),
    ...detail.map((line) => textWidthPx(line, DETAIL_PX)),
  ])
  return Math.ceil(LEADER_PX + SAMPLE_PX + SAMPLE_GAP_PX + Math.max(0, ...widths) + EDGE_PX)
}

/** Height that all names take one below the other, CSS px. */
export function namesHeightPx(names: readonly LineName[]): number {
  return names.reduce((sum, name) => sum + (textHeightPx(name) + NAME_GAP_PX), 0)
}

/** Centres nearest to those wanted, in order, that keep boxes of these heights apart and within bounds. */
export function spread(
  wanted: readonly number[],
  heights: readonly number[],
  top: number,
  bottom: number,
): number[] {
  const centres: number[] = []
  let free = top
  for (const [index, centre] of wanted.entries()) {
    const half = (heights[index] ?? 0) / 2
    centres.push(Math.max(centre, free + half))
    free = (centres[index] ?? 0) + half
  }
  let limit = bottom
  for (const index of [...centres.keys()].reverse()) {
    const half = (heights[index] ?? 0) / 2
    centres[index] = Math.min(centres[index] ?? 0, limit - half)
    limit = (centres[index] ?? 0) - half
  }
  return centres
}

/** Plugin that draws the panels' titles and the lines' names, each joined to the end of its line. */
export function createLinesPlugin(lines: LineFacts): Plugin {
  return {
    id: 'trustbench-lines',
    beforeDatasetsDraw(chart) {
      const pen = penOf(chart)
      isolated(pen, () => {
        drawPanels(pen, chart, lines)
      })
    },
    afterDatasetsDraw(chart) {
      const pen = penOf(chart)
      isolated(pen, () => {
        drawNames(pen, chart, lines)
      })
    },
  }
}

function drawPanels(pen: Pen, chart: Chart, { panels }: LineFacts): void {
  const { top, bottom } = chart.chartArea
  for (const [index, { axis, title }] of panels.entries()) {
    const scale = chart.scales[axis]
    if (scale === undefined) continue
    write(pen, title, { x: scale.left, y: top - PANEL_TITLE_PX, sizePx: NAME_PX, weight: 600 })
    if (index === 0) continue
    pen.fillStyle = paper
    pen.fillRect(scale.left - PANEL_GAP_PX, top - 1, PANEL_GAP_PX, bottom - top + 2)
    pen.strokeStyle = axisColour
    pen.lineWidth = 1
    pen.beginPath()
    pen.moveTo(scale.left, top)
    pen.lineTo(scale.left, bottom)
    pen.stroke()
  }
}

function drawNames(pen: Pen, chart: Chart, { names }: LineFacts): void {
  const { right, top, bottom } = chart.chartArea
  const ends = names
    .map((name) => ({ name, end: lineEnd(chart, name.dataset) }))
    .sort((a, b) => (a.end?.y ?? bottom) - (b.end?.y ?? bottom))
  const centres = spread(
    ends.map(({ end }) => end?.y ?? bottom),
    ends.map(({ name }) => textHeightPx(name) + NAME_GAP_PX),
    top,
    bottom,
  )
  for (const [index, { name, end }] of ends.entries()) {
    const y = centres[index] ?? bottom
    if (end !== null) drawLeader(pen, end, { x: right + LEADER_PX, y }, right)
    drawName(pen, name, right + LEADER_PX, y)
  }
}

function drawLeader(pen: Pen, from: Point, to: Point, right: number): void {
  pen.strokeStyle = axisColour
  pen.lineWidth = 1
  pen.setLineDash([])
  pen.beginPath()
  pen.moveTo(from.x + 6, from.y)
  pen.lineTo(Math.max(right, from.x + 6), from.y)
  pen.lineTo(to.x - 3, to.y)
  pen.stroke()
}

function drawName(pen: Pen, { name, detail, style }: LineName, x: number, y: number): void {
  pen.strokeStyle = style.colour
  pen.lineWidth = 2.25
  pen.setLineDash([...style.dash])
  pen.beginPath()
  pen.moveTo(x, y)
  pen.lineTo(x + SAMPLE_PX, y)
  pen.stroke()
  pen.setLineDash([])
  drawMarker(pen, style.marker, { x: x + SAMPLE_PX / 2, y, radiusPx: 4.5 }, style.colour)
  const textX = x + SAMPLE_PX + SAMPLE_GAP_PX
  let top = y - textHeightPx({ name, detail }) / 2
  if (name !== '') {
    write(pen, name, { x: textX, y: top + NAME_LINE_PX / 2, sizePx: NAME_PX, weight: 600 })
    top += NAME_LINE_PX
  }
  const colour = name === '' ? ink : mutedInk
  for (const [line, text] of detail.entries()) {
    write(pen, text, {
      x: textX,
      y: top + (line + 0.5) * DETAIL_LINE_PX,
      sizePx: DETAIL_PX,
      colour,
    })
  }
}

/** Where chart.js drew the last point of a line; null when it drew none. */
function lineEnd(chart: Chart, dataset: number | null): Point | null {
  const last = dataset === null ? undefined : chart.getDatasetMeta(dataset).data.at(-1)
  return last === undefined ? null : { x: last.x, y: last.y }
}

function textHeightPx({ name, detail }: Pick<LineName, 'name' | 'detail'>): number {
  return (name === '' ? 0 : NAME_LINE_PX) + detail.length * DETAIL_LINE_PX
}

interface Point {
  readonly x: number
  readonly y: number
}

const NAME_PX = 12.5
const NAME_LINE_PX = 16
const DETAIL_PX = 10.5
const DETAIL_LINE_PX = 12
const NAME_WIDTH_PX = 150
const NAME_GAP_PX = 4
const LEADER_PX = 20
const SAMPLE_PX = 26
const SAMPLE_GAP_PX = 6
const EDGE_PX = 12
const PANEL_TITLE_PX = 12
const PANEL_GAP_PX = 14
