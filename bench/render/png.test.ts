import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { createCanvas, GlobalFonts, loadImage } from 'canvas'
import { cpuChart, throughputChart } from './charts.ts'
import { spectrumChart } from './charts-spectrum.ts'
import { fontName, ink, issuerColour, observedColour, paper, roleColours } from './palette.ts'
import { renderPng } from './png.ts'

test('a chart is a PNG of 1600 x 900 px, taller where its rows need more', () => {
  const png = renderPng(cpuChart(input))
  assert.deepEqual([...png.subarray(0, 8)], [137, 80, 78, 71, 13, 10, 26, 10])
  // IHDR is the first chunk: width at 16, height at 20.
  assert.deepEqual([png.readUInt32BE(16), png.readUInt32BE(20)], [1600, 900])
  const rows = Array.from({ length: 40 }, (_, row) => ({ ...tls, label: `tls/key=${row}` }))
  const tall = cpuChart({ ...input, rows })
  const tallPng = renderPng(tall)
  assert.equal(tallPng.readUInt32BE(16), 1600)
  assert.equal(tallPng.readUInt32BE(20), 2 * tall.facts.frame.heightPx)
})

test('the same input gives the same bytes, another one others', () => {
  for (const draw of charts) {
    const digest = digestOf(renderPng(draw('a title')))
    assert.equal(digestOf(renderPng(draw('a title'))), digest)
    assert.notEqual(digestOf(renderPng(draw('another title'))), digest)
  }
})

test('drawing leaves the chart as it was: a frozen one draws the same again', () => {
  for (const draw of charts) {
    const chart = draw('a title')
    freeze(chart)
    assert.equal(digestOf(renderPng(chart)), digestOf(renderPng(chart)))
  }
})

test('text is drawn by the font that is brought along, in both weights', () => {
  renderPng(cpuChart(input))
  const ours = GlobalFonts.families.find(({ family }) => family === fontName)
  assert.deepEqual(
    ours?.styles.map(({ weight }) => weight),
    [400, 600],
  )
})

// The canvas reads /usr/share/fonts whatever the environment says: only a mount hides it.
test('on a machine without any font the text is there, to the byte', (t) => {
  if (spawnSync('unshare', [...emptied, 'true']).status !== 0) {
    assert.notEqual(process.env['CI'], 'true', 'CI can mount, and must not skip this')
    t.skip('this system lets no user mount an empty folder over /usr/share/fonts')
    return
  }
  const node = [process.execPath, '--input-type=module', '-e', fontlessProgram]
  const child = spawnSync('unshare', [...emptied, ...node], {
    env: { ...process.env, DISABLE_SYSTEM_FONTS_LOAD: '1' },
    cwd: import.meta.dirname,
    encoding: 'utf8',
  })
  assert.equal(child.status, 0, child.stderr)
  assert.deepEqual(JSON.parse(child.stdout), {
    // The control: without the font, text vanishes there.
    inkBefore: 0,
    digest: digestOf(renderPng(cpuChart(input))),
  })
})

test('the title is drawn, on white', async () => {
  const image = await decode(renderPng(cpuChart(input)))
  // CSS px: the title's line, left half; below it another one without ink.
  const title = image.pixels(16, 12, 400, 25)
  assert.ok(title.filter(isDark).length > 500)
  assert.equal(title[0], paper)
  const untitled = await decode(renderPng(cpuChart({ ...input, title: '' })))
  assert.notDeepEqual(untitled.pixels(16, 12, 400, 25), title)
  for (const [x, y] of [
    [0, 0],
    [799, 0],
    [0, 449],
    [799, 449],
  ] as const) {
    assert.deepEqual(image.pixels(x, y, 1, 1), [paper, paper, paper, paper])
  }
})

test('bars show their role, the hatch of the authorization server and of a client at its limit', async () => {
  const issuerCpuUs = { estimate: 230, low: 225, high: 238 }
  const table = [
    { chart: cpuChart(input), colour: roleColours.baseline, hatched: false },
    {
      chart: cpuChart({ ...input, rows: [{ ...tls, issuerCpuUs }] }),
      colour: issuerColour,
      hatched: true,
    },
    { chart: throughput(false), colour: roleColours.part, hatched: false },
    { chart: throughput(true), colour: roleColours.part, hatched: true },
  ]
  for (const { chart, colour, hatched } of table) {
    const { pixels } = await decode(renderPng(chart))
    const found = stripes(pixels, colour)
    // Along a line of a hatched bar its colour and white take turns; a whisker parts a plain bar once.
    assert.ok(hatched ? found > 10 : found >= 1 && found <= 2, `${found} stripes`)
  }
})

test('a whisker reaches from low to high', async () => {
  const cpuUs = { estimate: 50, low: 10, high: 90 }
  const { pixels } = await decode(renderPng(cpuChart({ ...input, rows: [{ ...tls, cpuUs }] })))
  // The bar is 50 long, the whisker 90 - 10.
  const ratio = longestRun(pixels, ink) / longestRun(pixels, roleColours.baseline)
  assert.ok(Math.abs(ratio - 80 / 50) < 0.02, `${ratio}`)
})

test('the diamond stands in front of all else in its row', async () => {
  const { pixels } = await decode(renderPng(throughput(true)))
  const diamonds = pixels(0, 100, 800, 280).filter((pixel) => pixel === observedColour)
  // A square on its corner with half a diagonal of 7 CSS px: 2 * 7 * 7 * 4 = 392 device px, less its outline.
  assert.ok(diamonds.length > 250 && diamonds.length < 392, `${diamonds.length}`)
})

function digestOf(png: Buffer): string {
  return createHash('sha256').update(png).digest('hex')
}

function throughput(clientLimited: boolean) {
  return throughputChart({
    ...input,
    rows: [
      {
        label: 'mtls',
        role: 'part',
        reason: null,
        // The diamond covers the whisker.
        perCoreSecond: { estimate: 20_000, low: 19_950, high: 20_050 },
        observedPerSecond: 10_000,
        clientLimited,
      },
    ],
  })
}

interface Picture {
  /** Colours, row by row, of a rectangle in CSS px: four device px each. */
  pixels: (x: number, y: number, width: number, height: number) => string[]
}

async function decode(png: Buffer): Promise<Picture> {
  const image = await loadImage(png)
  const pen = createCanvas(image.width, image.height).getContext('2d')
  pen.drawImage(image, 0, 0)
  return {
    pixels: (x, y, width, height) => {
      const { data } = pen.getImageData(2 * x, 2 * y, 2 * width, 2 * height)
      const hex = Buffer.from(data).toString('hex').toUpperCase()
      return Array.from({ length: data.length / 4 }, (_, at) => `#${hex.slice(8 * at, 8 * at + 6)}`)
    },
  }
}

/** Longest unbroken line of a colour, in device px. */
function longestRun(pixels: Picture['pixels'], colour: string): number {
  let longest = 0
  let run = 0
  for (const pixel of pixels(0, 120, 800, 260)) {
    run = pixel === colour ? run + 1 : 0
    longest = Math.max(longest, run)
  }
  return longest
}

/** How often a colour starts along a line of device px, at most. */
function stripes(pixels: Picture['pixels'], colour: string): number {
  const plot = pixels(0, 120, 800, 260)
  const rows = Array.from({ length: 520 }, (_, row) => plot.slice(row * 1600, (row + 1) * 1600))
  const starts = (row: string[]): number =>
    row.filter((pixel, index) => pixel === colour && row[index - 1] !== colour).length
  return Math.max(...rows.map(starts))
}

function isDark(colour: string): boolean {
  return Number.parseInt(colour.slice(1, 3), 16) < 0x60
}

function freeze(value: unknown): void {
  if (typeof value !== 'object' || value === null) return
  Object.freeze(value)
  for (const inner of Object.values(value)) freeze(inner)
}

const tls = {
  label: 'tls',
  role: 'baseline',
  reason: null,
  cpuUs: { estimate: 35, low: 34, high: 36 },
  issuerCpuUs: null,
} as const

const input = {
  title: 'Server CPU per request, µs',
  subtitle: 'a subtitle',
  footer: 'a machine',
  interval: '99 % interval',
  rows: [tls],
}

const charts = [
  (title: string) => cpuChart({ ...input, title }),
  (title: string) => throughputChart({ ...input, title, rows: [] }),
  (title: string) =>
    spectrumChart({
      ...input,
      title,
      series: [1, 8].map((connections) => ({
        label: 'tls',
        load: { connections },
        samples: 10_000,
        points: [0, 50, 90, 99].map((percentile) => ({ percentile, latencyUs: 100 + percentile })),
        reason: null,
      })),
    }),
]

/** Runs what follows where the folder of the system's fonts is empty. */
const emptied = [
  '--map-root-user',
  '--mount',
  'sh',
  '-c',
  'mount -t tmpfs none /usr/share/fonts && exec "$@"',
  'sh',
]

const fontlessProgram = `
import { createHash } from 'node:crypto'
import { createCanvas } from 'canvas'
import { cpuChart } from './charts.ts'
import { font } from './palette.ts'
import { renderPng } from './png.ts'
const pen = createCanvas(200, 50).getContext('2d')
pen.font = font(20)
pen.fillText('text', 5, 30)
const inkBefore = pen.getImageData(0, 0, 200, 50).data.filter((value) => value > 0).length
const png = renderPng(cpuChart(${JSON.stringify(input)}))
const digest = createHash('sha256').update(png).digest('hex')
process.stdout.write(JSON.stringify({ inkBefore, digest }))
`
