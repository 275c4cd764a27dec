import type { Chart, Plugin } from 'chart.js'
import type { Verdict } from '../analysis/verdict.ts'
import { isolated, penOf, type Pen } from './charts-pen.ts'
import { axisColour, ink, mutedInk, paper, type Marker } from './palette.ts'

/** What is drawn in a forest plot beside rows, in per cent of change. */
export interface ForestFacts {
  /** Ends of the axis. */
  readonly min: number
  readonly max: number
  /** Widest first: the others lie on it. None where nothing was measured. */
  readonly bands: readonly {
    readonly low: number
    readonly high: number
    readonly colour: string
  }[]
  /** Intervals that go on beyond the axis. */
  readonly clipped: readonly { readonly row: number; readonly side: 'low' | 'high' }[]
}

/** How the marker of a verdict looks: no two share colour or shape. */
export const verdictStyles: Readonly<
  Record<
    Verdict,
    {
      readonly colour: string
      readonly marker: Marker
      readonly radiusPx: number
      readonly isHollow: boolean
    }
  >
> = {
  // Of Okabe and Ito's colours, as in the other charts.
  worse: { colour: '#D55E00', marker: 'triangle', radiusPx: 8, isHollow: false },
  better: { colour: '#0072B2', marker: 'rectRot', radiusPx: 8, isHollow: false },
  undecided: { colour: '#8A6100', marker: 'circle', radiusPx: 5.5, isHollow: true },
  same: { colour: '#626B76', marker: 'rect', radiusPx: 6, isHollow: false },
}

/** Grounds of what is no effect, and of what is the same. */
export const bandColours = { effect: '#C9D3DD', same: '#E8EDF2' } as const

/** Plugin that draws bands and the line of no change behind everything, and arrows where an interval goes on. */
export function createForestPlugin(facts: ForestFacts): Plugin {
  return {
    id: 'trustbench-forest',
    // After the frame's white ground and before the grid.
    beforeDraw(chart) {
      const pen = penOf(chart)
      isolated(pen, () => {
        drawBands(pen, chart, facts)
      })
    },
    beforeDatasetsDraw(chart) {
      if (facts.bands.length === 0) return
      const pen = penOf(chart)
      isolated(pen, () => {
        drawZero(pen, chart)
      })
    },
    afterDatasetsDraw(chart) {
      const pen = penOf(chart)
      isolated(pen, () => {
        for (const { row, side } of facts.clipped) drawArrow(pen, chart, row, side)
      })
    },
  }
}

function drawBands(pen: Pen, chart: Chart, { bands }: ForestFacts): void {
  const { x } = chart.scales
  if (x === undefined) return
  const { top, bottom } = chart.chartArea
  for (const { low, high, colour } of bands) {
    const left = x.getPixelForValue(low)
    pen.fillStyle = colour
    pen.fillRect(left, top, x.getPixelForValue(high) - left, bottom - top)
  }
}

function drawZero(pen: Pen, chart: Chart): void {
  const { x } = chart.scales
  if (x === undefined) return
  const { top, bottom } = chart.chartArea
  pen.strokeStyle = mutedInk
  pen.lineWidth = 1
  pen.beginPath()
  pen.moveTo(x.getPixelForValue(0), top)
  pen.lineTo(x.getPixelForValue(0), bottom)
  pen.stroke()
}

/** An arrow instead of the whisker's cap, which would say that the interval ends there. */
function drawArrow(pen: Pen, chart: Chart, row: number, side: 'low' | 'high'): void {
  const { y } = chart.scales
  if (y === undefined) return
  const { left, right } = chart.chartArea
  const [tip, direction] = side === 'low' ? [left, 1] : [right, -1]
  const centre = y.getPixelForValue(row)
  pen.fillStyle = paper
  pen.fillRect(tip - 3, centre - ARROW_PX, 6, 2 * ARROW_PX)
  if (side === 'low') {
    pen.fillStyle = axisColour
    pen.fillRect(left - 0.5, centre - ARROW_PX, 1, 2 * ARROW_PX)
  }
  pen.fillStyle = ink
  pen.beginPath()
  pen.moveTo(tip, centre)
  pen.lineTo(tip + direction * 1.6 * ARROW_PX, centre - ARROW_PX * 0.8)
  pen.lineTo(tip + direction * 1.6 * ARROW_PX, centre + ARROW_PX * 0.8)
  pen.closePath()
  pen.fill()
}

const ARROW_PX = 7
