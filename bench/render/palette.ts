import type { ArmRecord } from '../results.ts'

/** What a chart says about an arm's part in the run. */
export type Role = ArmRecord['role']

/** How one line of a line chart differs from the others: by colour, dash and marker alike. */
export interface LineStyle {
  readonly colour: string
  /** Lengths of stroke and gap, in CSS px; empty for a solid line. */
  readonly dash: readonly number[]
  readonly marker: Marker
}

/** Marker shapes that chart.js and the legend both draw. */
export type Marker = 'circle' | 'rect' | 'triangle' | 'rectRot'

/** CSS font shorthand of the one family, in CSS px. */
export function font(sizePx: number, weight: 400 | 600 = 400): string {
  return `${weight} ${sizePx}px ${fontFamily}`
}

/** Style of the n-th line, from 0: two lines of the first 28 never share colour, dash and marker. */
export function lineStyle(index: number): LineStyle {
  return {
    colour: at(lineColours, index),
    dash: at(dashes, index + Math.floor(index / lineColours.length)),
    marker: at(markers, index),
  }
}

function at<T>(list: readonly [T, ...(readonly T[])], index: number): T {
  return list[index % list.length] ?? list[0]
}

/**
 * Name that the font of all text goes by: PNG registers the file under it, a page has it in `@font-face`.
 * Not plain Inter: a system font of the same name would win, and bytes would differ from host to host.
 */
export const fontName = 'Trustbench Inter'

/** Family of all text, with what a page falls back to. */
export const fontFamily = `"${fontName}", Inter, sans-serif`

/** Okabe and Ito's colours (jfly.uni-koeln.de/color), told apart under all common colour blindness. */
const okabeIto = {
  black: '#000000',
  orange: '#E69F00',
  skyBlue: '#56B4E9',
  green: '#009E73',
  blue: '#0072B2',
  vermillion: '#D55E00',
  purple: '#CC79A7',
} as const

/** Bar colour by role; the role also stands in the row's label. */
export const roleColours: Readonly<Record<Role, string>> = {
  case: okabeIto.blue,
  part: okabeIto.skyBlue,
  baseline: '#626B76',
  reference: '#98A1AC',
}

/** Parts of a cost ledger, from the plainest on. */
export const ledgerColours = {
  http: '#98A1AC',
  tls: okabeIto.skyBlue,
  signature: okabeIto.blue,
  token: okabeIto.green,
  issuer: okabeIto.purple,
  guards: okabeIto.vermillion,
} as const

/** Colour of the n-th hop of a chart, from 0. */
export function hopColour(index: number): string {
  return at(hopColours, index)
}

/** CPU of the authorization server, always hatched. */
export const issuerColour = okabeIto.orange
/** Observed requests/s, always a diamond. */
export const observedColour = okabeIto.vermillion

export const ink = '#1B1F24'
/** Second-rank text: 6.4 to 1 on white. */
export const mutedInk = '#57606A'
export const gridColour = '#E4E7EB'
export const axisColour = '#8C959F'
export const paper = '#FFFFFF'

const hopColours = [okabeIto.blue, okabeIto.green, okabeIto.skyBlue, okabeIto.purple] as const
// Yellow, the eighth of Okabe and Ito, is left out: as a line on white it has a contrast of 1.3 to 1.
const lineColours = [
  okabeIto.blue,
  okabeIto.vermillion,
  okabeIto.green,
  okabeIto.purple,
  okabeIto.orange,
  okabeIto.skyBlue,
  okabeIto.black,
] as const
const dashes: readonly [readonly number[], ...(readonly number[])[]] = [
  [],
  [7, 3],
  [2, 2.5],
  [9, 3, 2, 3],
]
const markers = ['circle', 'rect', 'triangle', 'rectRot'] as const
