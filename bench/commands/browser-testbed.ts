import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { TestContext } from 'node:test'
import { chromium, type Browser, type Page } from 'playwright-core'
import { temporaryFolder } from '../cli-testbed.ts'

/** Why pages cannot be looked at here; false where they can, and on CI, where a missing browser must fail. */
export const noBrowser =
  existsSync(executable()) || process.env['CI'] === 'true'
    ? false
    : 'chromium is not installed: apt-get install chromium'

/** How a reader looks at a page. */
export interface View {
  readonly width: number
  readonly colorScheme: 'light' | 'dark'
}

/** A page and what went wrong on it so far. */
export interface OpenPage {
  readonly page: Page
  /** Errors and warnings of the console, failures of scripts, requests that left the folder. */
  readonly faults: readonly string[]
}

/** Debian's Chromium; it is closed after the test. */
export async function startBrowser(t: TestContext): Promise<Browser> {
  // Without a sandbox, since tests run as root in containers; it opens nothing but files of ours.
  const browser = await chromium.launch({ executablePath: executable(), args: ['--no-sandbox'] })
  t.after(() => browser.close())
  return browser
}

/** Writes a page to a file of its own and gives its address. */
export function fileOf(t: TestContext, html: string): string {
  const file = join(temporaryFolder(t), 'page.html')
  writeFileSync(file, html)
  return pathToFileURL(file).href
}

/** Opens a page as a reader would, and listens to what goes wrong. */
export async function openPage(
  browser: Browser,
  address: string,
  { width, colorScheme }: View = { width: 1_280, colorScheme: 'light' },
): Promise<OpenPage> {
  const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme })
  const faults: string[] = []
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) faults.push(message.text())
  })
  page.on('pageerror', (error) => faults.push(error.message))
  page.on('dialog', (dialog) => {
    faults.push(`dialog: ${dialog.message()}`)
    void dialog.dismiss()
  })
  page.on('request', (request) => {
    const url = request.url()
    if (!/^(file|data|blob):/.test(url)) faults.push(`request: ${url}`)
  })
  await page.goto(address)
  return { page, faults }
}

/** What axe finds serious or critical, everything unfolded. */
export async function seriousFaults(page: Page): Promise<string[]> {
  await page.evaluate(`document.querySelectorAll('details').forEach((one) => { one.open = true })`)
  await page.evaluate(axeSource())
  const found = await page.evaluate(
    `axe.run({ preload: false }).then(({ violations }) => violations
      .filter(({ impact }) => ['serious', 'critical'].includes(impact))
      .map(({ id, nodes }) => id + ': ' + nodes.map(({ html }) => html.slice(0, 120)).join(' | ')))`,
  )
  return Array.isArray(found) ? found.map(String) : [`axe told ${String(found)}`]
}

/** Ids of canvases that show nothing: every pixel is alike. */
export async function blankCharts(page: Page): Promise<string[]> {
  const blank = await page.evaluate(
    `[...document.querySelectorAll('canvas')].filter((canvas) => {
      const { width, height } = canvas
      if (width === 0 || height === 0) return true
      const pixels = new Uint32Array(canvas.getContext('2d').getImageData(0, 0, width, height).data.buffer)
      return new Set(pixels).size < 4
    }).map(({ id }) => id)`,
  )
  return Array.isArray(blank) ? blank.map(String) : [`nothing was told: ${String(blank)}`]
}

/** Text of the captions of the tables that charts fill, by chart. */
export async function captionOf(page: Page, chart: string): Promise<string> {
  return (await page.textContent(`[data-figures="${chart}"] caption`)) ?? ''
}

function executable(): string {
  return process.env['CHROMIUM'] ?? '/usr/bin/chromium'
}

function axeSource(): string {
  return readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
}
