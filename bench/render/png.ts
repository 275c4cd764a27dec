import { fileURLToPath } from 'node:url'
import { GlobalFonts } from 'canvas'
import type { ChartConfiguration } from 'chart.js'
import { ChartJSNodeCanvas } from 'chartjs-node-canvas'
import { BenchError } from '../errors.ts'
import type { BarChart } from './charts-bars.ts'
import type { LineChart } from './charts-spectrum.ts'
import { fontName } from './palette.ts'

/**
 * PNG of a chart at two device px a CSS px: 1600 x 900, or taller where its rows need more room.
 * The same chart gives the same bytes, and is left as it was.
 */
export function renderPng(chart: BarChart | LineChart): Buffer {
  registerFonts()
  const { widthPx, heightPx } = chart.facts.frame
  const renderer = new ChartJSNodeCanvas({ width: widthPx, height: heightPx })
  // Not `renderToBuffer`: it hands `toBuffer` a callback, which the canvas of our override refuses.
  return renderer.renderToBufferSync(ownCopy(chart))
}

/** A copy of what chart.js and its wrapper write into: configuration, options and data, not the datasets. */
function ownCopy({ type, data, plugins = [], options }: BarChart | LineChart): ChartConfiguration {
  return {
    type,
    data: { ...data },
    plugins: [...plugins],
    options: { ...options, devicePixelRatio: DEVICE_PIXELS },
  }
}

/** Makes Inter known to the canvas, once: a slim machine has no fonts, and all text would vanish. */
function registerFonts(): void {
  for (const weight of [400, 600]) {
    const file = `@fontsource/inter/files/inter-latin-${weight}-normal.woff2`
    if (registered.has(file)) continue
    if (GlobalFonts.registerFromPath(fileURLToPath(import.meta.resolve(file)), fontName) === null) {
      throw new BenchError('results-unwritable', `charts: cannot read the font ${file}: run npm ci`)
    }
    registered.add(file)
  }
}

const registered = new Set<string>()
const DEVICE_PIXELS = 2
