import type { Chart, Plugin } from 'chart.js'
import type { Pen } from './charts-pen.ts'
import { drawMarker, isolated, penOf, write } from './charts-pen.ts'
import type { ShortId } from './charts-text.ts'
import { textWidthPx } from './charts-text.ts'
import { axisColour, ink, mutedInk, paper, type LineStyle } from './palette.ts'

/** All that is drawn of a history besides points: its plugin and its tests read it. */
export interface HistoryFacts {
  /** From the top down. */
  readonly panels: readonly HistoryPanel[]
  readonly legend: readonly HistoryLegendEntry[]
  /** Top of the legend, CSS px. */
  readonly legendTop: number
  /** Points stand so close that means are drawn over them, and whiskers are paler. */
  readonly dense: boolean
}

/** One case; x counts runs from 1, a mark between two runs stands at the half. */
export interface HistoryPanel {
  /** Id of its y axis. */
  readonly axis: string
  readonly title: ShortId
  readonly whiskers: readonly {
    readonly x: number
    readonly low: number
    readonly high: number
    readonly colour: string
  }[]
  readonly means: readonly {
    readonly from: number
    readonly to: number
    readonly y: number
    readonly colour: string
  }[]
  /** Labels stand in lanes, counted from the title down. */
  readonly changes: readonly { readonly x: number; readonly text: string; readonly lane: number }[]
  /** Where the machine changes. */
  readonly switches: readonly number[]
}

/** One explained sign. */
export type HistoryLegendEntry =
  | { readonly sign: 'point'; readonly style: LineStyle; readonly label: string }
  | {
      readonly sign: 'hollow' | 'whisker' | 'mean' | 'change' | 'switch'
      readonly label: string
    }

/** Height that the legend takes, CSS px. */
export function historyLegendPx(legend: readonly HistoryLegendEntry[]): number {
  return (placeLegend(legend).at(-1)?.row ?? -1) * LEGEND_LINE_PX + LEGEND_LINE_PX + LEGEND_GAP_PX
}

/** For each label the first lane in which it does not run into the one before. */
export function labelLanes(
  changes: readonly { readonly x: number; readonly text: string }[],
  runs: number,
): number[] {
  const pxPerRun = ABOUT_WIDE_PX / Math.max(1, runs)
  const ends: number[] = []
  const order = [...changes.keys()].sort((a, b) => (changes[a]?.x ?? 0) - (changes[b]?.x ?? 0))
  const lanes = changes.map(() => 0)
  for (const index of order) {
    const { x = 0, text = '' } = changes[index] ?? {}
    const width = textWidthPx(text, LABEL_PX, 600) + 14
    // At the right edge a label stands before its mark.
    const mark = x * pxPerRun
    const start = mark + width > ABOUT_WIDE_PX ? mark - width : mark
    const free = ends.findIndex((end) => end <= start)
    const lane = free < 0 ? ends.length : free
    ends[lane] = start + width
    lanes[index] = lane
  }
  return lanes
}

/** Plugin that draws the legend, and for each panel its title, whiskers, means, changes and machine changes. */
export function createHistoryPlugin({ panels, legend, legendTop, dense }: HistoryFacts): Plugin {
  return {
    id: 'trustbench-history',
    beforeDatasetsDraw(chart) {
      const pen = penOf(chart)
      isolated(pen, () => {
        drawLegend(pen, legend, { top: legendTop, dense })
        for (const panel of panels) drawBehind(pen, chart, panel, dense)
      })
    },
    afterDatasetsDraw(chart) {
      const pen = penOf(chart)
      isolated(pen, () => {
        for (const panel of panels) {
          if (dense) drawMeansInFront(pen, chart, panel)
          drawLabels(pen, chart, panel)
        }
      })
    },
  }
}

function drawBehind(pen: Pen, chart: Chart, panel: HistoryPanel, dense: boolean): void {
  const at = scalesOf(chart, panel)
  if (at === null) return
  for (const x of panel.switches) {
    drawLine(pen, [at.x(x), at.top], [at.x(x), at.bottom], { colour: axisColour, ...switchLine })
  }
  for (const { x } of panel.changes) {
    drawLine(pen, [at.x(x), at.top + TITLE_PX], [at.x(x), at.bottom], {
      colour: ink,
      ...changeLine,
    })
  }
  for (const { from, to, y, colour } of dense ? [] : panel.means) {
    drawLine(pen, [at.x(from), at.y(y)], [at.x(to), at.y(y)], {
      colour: `${colour}${MEAN_ALPHA}`,
      widthPx: MEAN_PX,
    })
  }
  for (const { x, low, high, colour } of panel.whiskers) {
    drawLine(pen, [at.x(x), at.y(low)], [at.x(x), at.y(high)], {
      colour: dense ? `${colour}${MEAN_ALPHA}` : colour,
      widthPx: 1,
    })
  }
}

function drawMeansInFront(pen: Pen, chart: Chart, panel: HistoryPanel): void {
  const at = scalesOf(chart, panel)
  if (at === null) return
  for (const { from, to, y } of panel.means) {
    for (const [colour, widthPx] of [
      [paper, 3],
      [ink, 1.5],
    ] as const) {
      drawLine(pen, [at.x(from), at.y(y)], [at.x(to), at.y(y)], { colour, widthPx })
    }
  }
}

/** Over all else, on white: a label must be legible where points and grid are. */
function drawLabels(pen: Pen, chart: Chart, { title, changes, axis }: HistoryPanel): void {
  const at = scalesOf(chart, { axis })
  if (at === null) return
  drawLine(pen, [at.left, at.top], [at.right, at.top], { colour: axisColour, widthPx: 1 })
  const y = at.top + TITLE_PX / 2 + 1
  const width =
    title.name === ''
      ? 0
      : write(pen, title.name, { x: at.left + 6, y, sizePx: 12.5, weight: 600 }) + 8
  write(pen, title.detail, { x: at.left + 6 + width, y, sizePx: 11, colour: mutedInk })
  for (const { x, text, lane } of changes) {
    const labelPx = textWidthPx(text, LABEL_PX, 600) + LABEL_GAP_PX
    const isRight = at.x(x) + labelPx <= at.right + OVERHANG_PX
    const left = isRight ? at.x(x) + LABEL_GAP_PX : at.x(x) - labelPx
    const centre = at.top + TITLE_PX + (lane + 0.5) * LANE_PX
    pen.fillStyle = paper
    pen.fillRect(left - 2, centre - LANE_PX / 2, labelPx - 2, LANE_PX - 1)
    write(pen, text, { x: left, y: centre, sizePx: LABEL_PX, weight: 600 })
  }
}

function drawLegend(
  pen: Pen,
  legend: readonly HistoryLegendEntry[],
  { top, dense }: { readonly top: number; readonly dense: boolean },
): void {
  for (const { entry, x, row } of placeLegend(legend)) {
    const y = top + (row + 0.5) * LEGEND_LINE_PX
    drawSign(pen, entry, { x, y, dense })
    write(pen, entry.label, { x: x + SIGN_PX + SIGN_GAP_PX, y, sizePx: LEGEND_PX })
  }
}

function drawSign(
  pen: Pen,
  entry: HistoryLegendEntry,
  { x, y, dense }: { readonly x: number; readonly y: number; readonly dense: boolean },
): void {
  const centre = x + SIGN_PX / 2
  const upright = [
    [centre, y - 7],
    [centre, y + 7],
  ] as const
  switch (entry.sign) {
    case 'point':
      drawLine(pen, [x, y], [x + SIGN_PX, y], { colour: entry.style.colour, widthPx: 0.75 })
      drawMarker(pen, entry.style.marker, { x: centre, y, radiusPx: 4.5 }, entry.style.colour)
      return
    case 'hollow':
      pen.beginPath()
      pen.arc(centre, y, 4, 0, 2 * Math.PI)
      pen.strokeStyle = ink
      pen.lineWidth = 1.5
      pen.stroke()
      return
    case 'whisker':
      drawLine(pen, ...upright, { colour: ink, widthPx: 1 })
      return
    case 'mean':
      drawLine(
        pen,
        [x, y],
        [x + SIGN_PX, y],
        dense
          ? { colour: ink, widthPx: 2 }
          : { colour: `${mutedInk}${MEAN_ALPHA}`, widthPx: MEAN_PX },
      )
      return
    case 'change':
      drawLine(pen, ...upright, { colour: ink, ...changeLine })
      return
    case 'switch':
      drawLine(pen, ...upright, { colour: axisColour, ...switchLine })
  }
}

function drawLine(
  pen: Pen,
  from: readonly [number, number],
  to: readonly [number, number],
  style: { readonly colour: string; readonly widthPx: number; readonly dash?: readonly number[] },
): void {
  pen.strokeStyle = style.colour
  pen.lineWidth = style.widthPx
  pen.setLineDash([...(style.dash ?? [])])
  pen.beginPath()
  pen.moveTo(...from)
  pen.lineTo(...to)
  pen.stroke()
  pen.setLineDash([])
}

/** Entries one behind the other, each row as full as it gets. */
function placeLegend(legend: readonly HistoryLegendEntry[]) {
  let [x, row] = [MARGIN_PX, 0]
  return legend.map((entry) => {
    const entryPx = SIGN_PX + SIGN_GAP_PX + textWidthPx(entry.label, LEGEND_PX)
    if (x > MARGIN_PX && x + entryPx > WIDTH_PX - MARGIN_PX) [x, row] = [MARGIN_PX, row + 1]
    const placed = { entry, x, row }
    x += entryPx + ENTRY_GAP_PX
    return placed
  })
}

function scalesOf(chart: Chart, { axis }: Pick<HistoryPanel, 'axis'>) {
  const x = chart.scales['x']
  const y = chart.scales[axis]
  if (x === undefined || y === undefined) return null
  return {
    x: (value: number) => x.getPixelForValue(value),
    y: (value: number) => y.getPixelForValue(value),
    top: y.top,
    bottom: y.bottom,
    left: x.left,
    right: x.right,
  }
}

const switchLine = { widthPx: 1, dash: [2, 3] } as const
const changeLine = { widthPx: 1.25, dash: [5, 3] } as const
const MEAN_PX = 4
/** Pale enough for points to stand on. */
const MEAN_ALPHA = '66'
const WIDTH_PX = 800
const MARGIN_PX = 16
const LEGEND_PX = 11.5
const LEGEND_LINE_PX = 19
const LEGEND_GAP_PX = 8
const ENTRY_GAP_PX = 18
const SIGN_PX = 20
const SIGN_GAP_PX = 6
const TITLE_PX = 20
const LANE_PX = 15
const LABEL_PX = 11
const LABEL_GAP_PX = 5
/** A label may reach into the right margin. */
const OVERHANG_PX = 18
/** Of 800, what margins and axis leave: labels are laid out before there is a chart to ask. */
const ABOUT_WIDE_PX = 690
