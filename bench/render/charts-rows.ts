import type { Chart, Plugin } from 'chart.js'
import type { BarFacts, BarRow, LabelRun } from './charts-facts.ts'
import type { Box, Pen } from './charts-pen.ts'
import { drawHatch, drawWhisker, isolated, penOf, write, writeRuns } from './charts-pen.ts'
import { clipText, textWidthPx, wrapText } from './charts-text.ts'
import type { Role } from './palette.ts'
import { ink, mutedInk } from './palette.ts'

/** Lines below a row's name: its role, unless it is plainly a case, then what tells it from other rows. */
export function rowDetail(role: Role | '', parameters: string): string[] {
  const detail = [role === 'case' ? '' : role, parameters].filter((part) => part !== '')
  return wrapText(detail.join(' · '), DETAIL_WIDTH_PX, DETAIL_PX)
}

/** A row's name, cut where it would take the bars' room. */
export function rowName(name: string): string {
  return clipText(name, DETAIL_WIDTH_PX, NAME_PX, 600)
}

/** Label of a row without a value: never a zero, always a reason. */
export function missingLabel(reason: string | null): LabelRun[] {
  const text = clipText(
    `not measured: ${reason ?? 'no reason recorded'}`,
    MISSING_WIDTH_PX,
    LABEL_PX,
  )
  return [{ text, strong: false }]
}

/** Width of the column that holds the rows' names, CSS px. */
export function nameColumnPx(rows: readonly BarRow[]): number {
  const widths = rows.flatMap(({ name, detail }) => [
    textWidthPx(name, NAME_PX, 600),
    ...detail.map((line) => textWidthPx(line, DETAIL_PX)),
  ])
  return Math.ceil(Math.max(0, ...widths) + COLUMN_GAP_PX)
}

/** Width of a label and its gap from the bar, CSS px. */
export function labelPx(label: readonly LabelRun[]): number {
  const widths = label.map(({ text, strong }) => textWidthPx(text, LABEL_PX, strong ? 600 : 400))
  return Math.ceil(widths.reduce((sum, width) => sum + width, LABEL_GAP_PX))
}

/** Height of one row that keeps its lines apart from its neighbours', CSS px. */
export function rowPitchPx(rows: readonly BarRow[]): number {
  return Math.max(0, ...rows.map((row) => rowTextPx(row) + 4))
}

/** Plugin that draws what chart.js does not: hatches, whiskers, names and values of horizontal bars. */
export function createRowsPlugin(bars: BarFacts): Plugin {
  return {
    id: 'trustbench-rows',
    afterDatasetDraw(chart, { index }) {
      const pen = penOf(chart)
      isolated(pen, () => {
        drawHatches(pen, chart, bars, index)
        // The first dataset is the last of the bars; diamonds come after, in front of it all.
        if (index === 0) drawWhiskers(pen, chart, bars)
      })
    },
    afterDatasetsDraw(chart) {
      const pen = penOf(chart)
      isolated(pen, () => {
        for (const [index, row] of bars.rows.entries()) drawRow(pen, chart, row, index)
      })
    },
  }
}

function drawHatches(pen: Pen, chart: Chart, { hatched }: BarFacts, index: number): void {
  for (const { dataset, row, colour } of hatched) {
    if (dataset !== index) continue
    const box = barBox(chart, dataset, row)
    if (box !== null) drawHatch(pen, box, colour)
  }
}

function drawWhiskers(pen: Pen, chart: Chart, { whiskers }: BarFacts): void {
  const { x, y } = scalesOf(chart)
  for (const { row, low, high } of whiskers) {
    drawWhisker(pen, x(low), x(high), y(row), WHISKER_CAP_PX)
  }
}

function drawRow(pen: Pen, chart: Chart, row: BarRow, index: number): void {
  const scales = scalesOf(chart)
  const centre = scales.y(index)
  const x = chart.chartArea.left - COLUMN_GAP_PX / 2
  let top = centre - rowTextPx(row) / 2
  if (row.name !== '') {
    const y = top + NAME_LINE_PX / 2
    write(pen, row.name, { x, y, sizePx: NAME_PX, weight: 600, align: 'right' })
    top += NAME_LINE_PX
  }
  const colour = row.name === '' ? ink : mutedInk
  for (const [line, text] of row.detail.entries()) {
    const y = top + (line + 0.5) * DETAIL_LINE_PX
    write(pen, text, { x, y, sizePx: DETAIL_PX, colour, align: 'right' })
  }
  writeRuns(pen, row.label, {
    x: scales.x(row.labelAt) + LABEL_GAP_PX,
    y: centre,
    sizePx: LABEL_PX,
  })
}

function rowTextPx({ name, detail }: BarRow): number {
  return (name === '' ? 0 : NAME_LINE_PX) + detail.length * DETAIL_LINE_PX
}

function scalesOf(chart: Chart): Record<'x' | 'y', (value: number) => number> {
  const { x, y } = chart.scales
  if (x === undefined || y === undefined) throw new TypeError('chart has no x and y scale')
  return { x: (value) => x.getPixelForValue(value), y: (value) => y.getPixelForValue(value) }
}

/** Where chart.js drew a bar; null when it has none. */
function barBox(chart: Chart, dataset: number, row: number): Box | null {
  const bar: unknown = chart.getDatasetMeta(dataset).data[row]
  if (!isBar(bar)) return null
  const left = Math.min(bar.base, bar.x)
  return {
    x: left,
    y: bar.y - bar.height / 2,
    width: Math.abs(bar.x - bar.base),
    height: bar.height,
  }
}

function isBar(value: unknown): value is Record<'x' | 'y' | 'base' | 'height', number> {
  if (typeof value !== 'object' || value === null) return false
  const known: Partial<Record<string, unknown>> = { ...value }
  return ['x', 'y', 'base', 'height'].every((name) => typeof known[name] === 'number')
}

const NAME_PX = 13
const NAME_LINE_PX = 16
const DETAIL_PX = 11
const DETAIL_LINE_PX = 13
/** A third of the chart: names never take more from the bars. */
const DETAIL_WIDTH_PX = 240
/** Fits beside the widest column of names. */
const MISSING_WIDTH_PX = 480
const COLUMN_GAP_PX = 14
const LABEL_PX = 12.5
const LABEL_GAP_PX = 9
const WHISKER_CAP_PX = 5
