import type { LabelRun } from './charts-facts.ts'
import type { Marker } from './palette.ts'
import { font, ink, mutedInk, paper } from './palette.ts'

/** The part of a 2D canvas context that charts draw with: a page's and Node's alike. */
export interface Pen {
  fillStyle: unknown
  strokeStyle: unknown
  lineWidth: number
  font: string
  textAlign: string
  textBaseline: string
  save(): void
  restore(): void
  beginPath(): void
  closePath(): void
  moveTo(x: number, y: number): void
  lineTo(x: number, y: number): void
  rect(x: number, y: number, width: number, height: number): void
  arc(x: number, y: number, radius: number, start: number, end: number): void
  clip(): void
  fill(): void
  stroke(): void
  fillRect(x: number, y: number, width: number, height: number): void
  strokeRect(x: number, y: number, width: number, height: number): void
  setLineDash(segments: number[]): void
  fillText(text: string, x: number, y: number): void
  measureText(text: string): { readonly width: number }
}

/** A rectangle in CSS px. */
export interface Box {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

/** The context of a chart. chart.js types it by the DOM, which is not among our libraries. */
export function penOf(chart: { readonly ctx: unknown }): Pen {
  if (!isPen(chart.ctx)) throw new TypeError('chart has no 2D context')
  return chart.ctx
}

/** Runs drawing commands and undoes the state they set. */
export function isolated(pen: Pen, draw: () => void): void {
  pen.save()
  draw()
  pen.restore()
}

/** Writes one line of text, vertically centred on `y`; returns its width in px. */
export function write(
  pen: Pen,
  text: string,
  at: {
    x: number
    y: number
    sizePx: number
    weight?: 400 | 600
    colour?: string
    align?: 'left' | 'right'
  },
): number {
  pen.font = font(at.sizePx, at.weight)
  pen.fillStyle = at.colour ?? ink
  pen.textAlign = at.align ?? 'left'
  pen.textBaseline = 'middle'
  pen.fillText(text, at.x, at.y)
  return pen.measureText(text).width
}

/** Writes the runs of a label one after another on white: strong ones in ink, the others muted. */
export function writeRuns(
  pen: Pen,
  runs: readonly LabelRun[],
  at: { x: number; y: number; sizePx: number },
): void {
  let { x } = at
  for (const { text, strong } of runs) {
    const weight = strong ? 600 : 400
    pen.font = font(at.sizePx, weight)
    pen.fillStyle = paper
    // Grid lines would cross the digits.
    pen.fillRect(x, at.y - at.sizePx * 0.6, pen.measureText(text).width, at.sizePx * 1.2)
    x += write(pen, text, { ...at, x, weight, colour: strong ? ink : mutedInk })
  }
}

/** Covers a box by stripes of its colour on a pale ground: a bar of another kind, in any colour vision. */
export function drawHatch(pen: Pen, box: Box, colour: string): void {
  isolated(pen, () => {
    pen.beginPath()
    pen.rect(box.x, box.y, box.width, box.height)
    pen.clip()
    pen.fillStyle = paper
    pen.fillRect(box.x, box.y, box.width, box.height)
    pen.strokeStyle = colour
    pen.lineWidth = HATCH_STROKE_PX
    pen.beginPath()
    for (let x = box.x - box.height; x < box.x + box.width; x += HATCH_STEP_PX) {
      pen.moveTo(x, box.y + box.height)
      pen.lineTo(x + box.height, box.y)
    }
    pen.stroke()
    // The clip halves it.
    pen.lineWidth = 2 * OUTLINE_PX
    pen.strokeRect(box.x, box.y, box.width, box.height)
  })
}

/** An interval as a horizontal line with end caps; white below it so that it shows on any bar. */
export function drawWhisker(pen: Pen, lowX: number, highX: number, y: number, capPx: number): void {
  for (const [colour, width] of [
    [paper, 4],
    [ink, 1.5],
  ] as const) {
    const end = colour === paper ? 1.25 : 0
    pen.strokeStyle = colour
    pen.lineWidth = width
    pen.beginPath()
    pen.moveTo(lowX, y)
    pen.lineTo(highX, y)
    for (const x of [lowX, highX]) {
      pen.moveTo(x, y - capPx - end)
      pen.lineTo(x, y + capPx + end)
    }
    pen.stroke()
  }
}

/** A marker of about `2 * radiusPx` in size, outlined in white. */
export function drawMarker(
  pen: Pen,
  marker: Marker,
  at: { x: number; y: number; radiusPx: number },
  colour: string,
): void {
  pen.beginPath()
  if (marker === 'circle') pen.arc(at.x, at.y, at.radiusPx, 0, 2 * Math.PI)
  else traceCorners(pen, marker, at)
  pen.closePath()
  pen.fillStyle = colour
  pen.fill()
  pen.strokeStyle = paper
  pen.lineWidth = 1
  pen.stroke()
}

function traceCorners(
  pen: Pen,
  marker: Exclude<Marker, 'circle'>,
  { x, y, radiusPx }: { x: number; y: number; radiusPx: number },
): void {
  const [first, ...rest] = corners[marker].map(
    ([dx, dy]) => [x + dx * radiusPx, y + dy * radiusPx] as const,
  )
  if (first === undefined) return
  pen.moveTo(...first)
  for (const corner of rest) pen.lineTo(...corner)
}

function isPen(value: unknown): value is Pen {
  return typeof value === 'object' && value !== null && 'fillText' in value
}

/** Corners in units of the radius, of the sizes that chart.js gives its point styles. */
const corners: Readonly<Record<Exclude<Marker, 'circle'>, readonly (readonly [number, number])[]>> =
  {
    rect: [
      [-0.71, -0.71],
      [0.71, -0.71],
      [0.71, 0.71],
      [-0.71, 0.71],
    ],
    triangle: [
      [0, -1],
      [0.87, 0.5],
      [-0.87, 0.5],
    ],
    rectRot: [
      [0, -1],
      [1, 0],
      [0, 1],
      [-1, 0],
    ],
  }
// Found by looking: narrower stripes merge to a grey at half size, wider ones vanish on short bars.
const HATCH_STEP_PX = 6
const HATCH_STROKE_PX = 2.5
const OUTLINE_PX = 1.5
