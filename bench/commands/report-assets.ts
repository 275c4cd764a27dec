import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { reportStyle } from '../render/html-style.ts'
import type { PageAssets } from '../render/html.ts'

/** Chart.js and the scripts of the page, read from the packages and the source tree, to stand in the page. */
export function inlineAssets(): PageAssets {
  return { kind: 'inline', style: reportStyle, scripts: [chartScript(), pageScript()] }
}

/** Chart.js as its package ships it, without the address of a source map that is not there. */
export function chartScript(): string {
  const main = fileURLToPath(import.meta.resolve('chart.js'))
  const source = readFileSync(join(main, '..', 'chart.umd.min.js'), 'utf8')
  return source.replace(/\n\/\/# sourceMappingURL=.*\s*$/, '\n')
}

/** Our own scripts, one after the other in one scope: they share functions, and leave the window alone. */
export function pageScript(): string {
  const sources = pageScripts.map((name) => readFileSync(join(folder, `${name}.js`), 'utf8'))
  return `(() => {\n'use strict'\n${sources.join('\n')}})()\n`
}

const folder = join(import.meta.dirname, '..', 'render', 'page')
/** In the order in which they need each other. */
const pageScripts = [
  ...['numbers', 'theme', 'plugins', 'frame'],
  ...['cost', 'hops', 'latency', 'parts', 'time', 'targets', 'start'],
] as const
