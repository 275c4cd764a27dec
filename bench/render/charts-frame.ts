import type { Plugin } from 'chart.js'
import type { ChartFrame, LegendEntry } from './charts-facts.ts'
import type { Pen } from './charts-pen.ts'
import { drawHatch, drawMarker, drawWhisker, isolated, penOf, write } from './charts-pen.ts'
import { textWidthPx, wrapText } from './charts-text.ts'
import { mutedInk, paper } from './palette.ts'

/** Texts every chart carries; `interval` says what its whiskers are, null where there are none. */
export interface ChartText {
  readonly title: string
  readonly subtitle: string
  /** Where the numbers come from: machine, commit, blocks, level. */
  readonly footer: string
  readonly interval: string | null
}

/** Parts of a frame before they are laid out. */
export interface FrameParts {
  readonly text: ChartText
  /** Case parameters that all rows share. */
  readonly common: readonly string[]
  readonly legend: readonly LegendEntry[]
  readonly notes: readonly string[]
  /** Height that the plot needs, axes included. */
  readonly plotHeightPx: number
}

/** Breaks all text of a frame into lines; the chart grows in height where 800 x 450 cannot hold it. */
export function layOutFrame({ text, common, legend, notes, plotHeightPx }: FrameParts): ChartFrame {
  const innerPx = WIDTH_PX - 2 * MARGIN_PX
  const subtitles = common.length === 0 ? [text.subtitle] : [text.subtitle, common.join(', ')]
  const frame = {
    widthPx: WIDTH_PX,
    heightPx: HEIGHT_PX,
    title: wrapText(text.title, innerPx, TITLE_PX, 600),
    subtitle: subtitles.flatMap((line) => wrapText(line, innerPx, TEXT_PX)),
    legend: legendRows(legend, innerPx),
    notes: notes.flatMap((note) => wrapText(note, innerPx, NOTE_PX)),
    footer: wrapText(text.footer, innerPx, FOOTER_PX),
  }
  const { top, bottom } = framePadding(frame)
  return { ...frame, heightPx: Math.max(HEIGHT_PX, Math.ceil(top + plotHeightPx + bottom)) }
}

/** Room that the frame takes, for `layout.padding`, in CSS px. */
export function framePadding(frame: ChartFrame): { top: number; bottom: number; left: number } {
  const notesPx = frame.notes.length * NOTE_LINE_PX
  const footerPx = frame.footer.length * FOOTER_LINE_PX
  return {
    top: legendTop(frame) + frame.legend.length * LEGEND_LINE_PX + GAP_PX,
    bottom: GAP_PX + notesPx + NOTES_GAP_PX + footerPx + MARGIN_PX / 2,
    left: MARGIN_PX,
  }
}

/** Plugin that draws the white ground, title, subtitle, legend, notes and footer. */
export function createFramePlugin(frame: ChartFrame): Plugin {
  return {
    id: 'trustbench-frame',
    beforeDraw(chart) {
      const pen = penOf(chart)
      isolated(pen, () => {
        pen.fillStyle = paper
        pen.fillRect(0, 0, chart.width, chart.height)
        drawTop(pen, frame)
        drawBottom(pen, frame, chart.height)
      })
    },
  }
}

function drawTop(pen: Pen, frame: ChartFrame): void {
  const subtitleTop = TOP_PX + frame.title.length * TITLE_LINE_PX
  for (const [line, text] of frame.title.entries()) {
    const y = TOP_PX + (line + 0.5) * TITLE_LINE_PX
    write(pen, text, { x: MARGIN_PX, y, sizePx: TITLE_PX, weight: 600 })
  }
  for (const [line, text] of frame.subtitle.entries()) {
    const y = subtitleTop + (line + 0.5) * TEXT_LINE_PX
    write(pen, text, { x: MARGIN_PX, y, sizePx: TEXT_PX, colour: mutedInk })
  }
  for (const [line, entries] of frame.legend.entries()) {
    let x = MARGIN_PX
    const y = legendTop(frame) + (line + 0.5) * LEGEND_LINE_PX
    for (const entry of entries) {
      drawSign(pen, entry, x, y)
      x += SIGN_PX + SIGN_GAP_PX
      x += write(pen, entry.label, { x, y, sizePx: TEXT_PX }) + ENTRY_GAP_PX
    }
  }
}

function drawBottom(pen: Pen, frame: ChartFrame, heightPx: number): void {
  let y = heightPx - framePadding(frame).bottom + GAP_PX
  for (const text of frame.notes) {
    write(pen, text, { x: MARGIN_PX, y: y + NOTE_LINE_PX / 2, sizePx: NOTE_PX })
    y += NOTE_LINE_PX
  }
  y += NOTES_GAP_PX
  for (const text of frame.footer) {
    write(pen, text, {
      x: MARGIN_PX,
      y: y + FOOTER_LINE_PX / 2,
      sizePx: FOOTER_PX,
      colour: mutedInk,
    })
    y += FOOTER_LINE_PX
  }
}

function drawSign(pen: Pen, { sign, colour }: LegendEntry, x: number, y: number): void {
  const box = { x, y: y - SIGN_HEIGHT_PX / 2, width: SIGN_PX, height: SIGN_HEIGHT_PX }
  switch (sign) {
    case 'bar':
      pen.fillStyle = colour
      pen.fillRect(box.x, box.y, box.width, box.height)
      return
    case 'hatched':
      drawHatch(pen, box, colour)
      return
    case 'whisker':
      drawWhisker(pen, x + 2, x + SIGN_PX - 2, y, 4)
      return
    case 'diamond':
      drawMarker(pen, 'rectRot', { x: x + SIGN_PX / 2, y, radiusPx: 7 }, colour)
  }
}

function legendTop(frame: Pick<ChartFrame, 'title' | 'subtitle'>): number {
  return TOP_PX + frame.title.length * TITLE_LINE_PX + frame.subtitle.length * TEXT_LINE_PX + 4
}

function legendRows(entries: readonly LegendEntry[], widthPx: number): LegendEntry[][] {
  const rows: LegendEntry[][] = []
  let usedPx = widthPx
  for (const entry of entries) {
    const entryPx = SIGN_PX + SIGN_GAP_PX + textWidthPx(entry.label, TEXT_PX) + ENTRY_GAP_PX
    const row = rows.at(-1)
    if (row === undefined || usedPx + entryPx - ENTRY_GAP_PX > widthPx) {
      rows.push([entry])
      usedPx = entryPx
    } else {
      row.push(entry)
      usedPx += entryPx
    }
  }
  return rows
}

// At twice these sizes in device px a README column of about 800 px shows the chart 1 to 1.
const WIDTH_PX = 800
const HEIGHT_PX = 450
const MARGIN_PX = 16
const TOP_PX = 12
const GAP_PX = 8
const TITLE_PX = 18
const TITLE_LINE_PX = 25
const TEXT_PX = 12.5
const TEXT_LINE_PX = 17
const LEGEND_LINE_PX = 21
const NOTE_PX = 11.5
const NOTE_LINE_PX = 16
const NOTES_GAP_PX = 4
const FOOTER_PX = 10.5
const FOOTER_LINE_PX = 14
const SIGN_PX = 22
const SIGN_HEIGHT_PX = 12
const SIGN_GAP_PX = 7
const ENTRY_GAP_PX = 20
