import type { LineStyle } from './palette.ts'

/** All that trustbench draws itself, as data: its plugins, its tests and a page's alternative text read it. */
export interface ChartFacts {
  readonly frame: ChartFrame
  readonly bars?: BarFacts
  readonly lines?: LineFacts
}

/** What stands around the plot, as laid out lines, top to bottom. Sizes are CSS px. */
export interface ChartFrame {
  readonly widthPx: number
  readonly heightPx: number
  readonly title: readonly string[]
  readonly subtitle: readonly string[]
  readonly legend: readonly (readonly LegendEntry[])[]
  /** What is missing from the plot and why. */
  readonly notes: readonly string[]
  readonly footer: readonly string[]
}

/** One explained sign. */
export interface LegendEntry {
  readonly label: string
  readonly sign: 'bar' | 'hatched' | 'whisker' | 'diamond'
  readonly colour: string
}

/** What is drawn over horizontal bars; rows count from 0 at the top. */
export interface BarFacts {
  readonly rows: readonly BarRow[]
  readonly whiskers: readonly Whisker[]
  /** Bars to hatch. */
  readonly hatched: readonly {
    readonly dataset: number
    readonly row: number
    readonly colour: string
  }[]
}

/** Texts of one row. */
export interface BarRow {
  readonly name: string
  /** Second rank, below the name: role and parameters. */
  readonly detail: readonly string[]
  readonly label: readonly LabelRun[]
  /** Where the label starts, in units of the x axis: behind everything else in the row. */
  readonly labelAt: number
}

/** A stretch of a label in one weight. */
export interface LabelRun {
  readonly text: string
  readonly strong: boolean
}

/** An interval, in units of the x axis. */
export interface Whisker {
  readonly row: number
  readonly low: number
  readonly high: number
}

/** What is drawn over lines. */
export interface LineFacts {
  /** Left to right, with the id of their x axis. */
  readonly panels: readonly { readonly axis: string; readonly title: string }[]
  readonly names: readonly LineName[]
}

/** Name of a line, in the right margin. */
export interface LineName {
  readonly name: string
  /** Second rank, below the name: parameters. */
  readonly detail: readonly string[]
  /** The line it continues; null when the last panel has none. */
  readonly dataset: number | null
  readonly style: LineStyle
}
