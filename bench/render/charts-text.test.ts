import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createCanvas } from 'canvas'
import { cpuChart } from './charts.ts'
import {
  clipText,
  formatAmount,
  formatCount,
  formatInterval,
  formatLatency,
  plainText,
  shortenCaseIds,
  textWidthPx,
  wrapText,
} from './charts-text.ts'
import { font } from './palette.ts'
import { renderPng } from './png.ts'

test('case ids are cut down to what differs', () => {
  const table = [
    {
      ids: ['tls/key=p256/tls=1.3', 'jwt/alg=ES256/key=p256/tls=1.3'],
      rows: ['tls|', 'jwt|'],
      common: ['alg=ES256', 'key=p256', 'tls=1.3'],
    },
    {
      ids: ['tls/key=p256', 'combined/key=p256/token=jwt', 'combined/key=p256/token=opaque'],
      rows: ['tls|', 'combined|token=jwt', 'combined|token=opaque'],
      common: ['key=p256'],
    },
    // What adds nothing is told where rows differ in it, and else left out.
    {
      ids: ['jwt/clients=1/key=p256/workers=1', 'jwt/clients=50/key=p256/workers=1'],
      rows: ['|clients=1', '|clients=50'],
      common: ['jwt', 'key=p256'],
    },
    {
      ids: ['introspection/store=redis:%2F%2F127.0.0.1', 'introspection/store=sqlite'],
      rows: ['|store=redis://127.0.0.1', '|store=sqlite'],
      common: ['introspection'],
    },
    // One scenario only: its name moves to the common line as well.
    {
      ids: ['tls/key=p256/tls=1.3', 'tls/key=p384/tls=1.3'],
      rows: ['|key=p256', '|key=p384'],
      common: ['tls', 'tls=1.3'],
    },
    // The one that lacks the parameter would look like the other without it.
    { ids: ['jwt', 'jwt/alg=ES256'], rows: ['jwt|', 'jwt|alg=ES256'], common: [] },
    { ids: ['tls/key=p256', 'tls/key=p256'], rows: ['tls|', 'tls|'], common: ['key=p256'] },
    { ids: ['reference'], rows: ['reference|'], common: [] },
    { ids: [], rows: [], common: [] },
  ]
  for (const { ids, rows, common } of table) {
    const short = shortenCaseIds(ids)
    assert.deepEqual(
      short.rows.map(({ name, detail }) => `${name}|${detail}`),
      rows,
    )
    assert.deepEqual(short.common, common)
  }
})

test('text holds nothing that a canvas draws as something else', () => {
  const table = [
    ['<b>&amp;"', '<b>&amp;"'],
    ['a\nb\tc\u0000d', 'a b c d'],
    ['evil\u202egnp.exe', 'evil gnp.exe'],
    [' \u200b\u00a0 ', ''],
    ['10⁶ ≥ 中', '10? ? ?'],
    ['169 ± 3 µs · 4 ÷ 2 … “x” – ’', '169 ± 3 µs · 4 ÷ 2 … “x” – ’'],
  ] as const
  for (const [given, expected] of table) assert.equal(plainText(given), expected)
})

test('lines keep to the width and lose no character', () => {
  const text = 'a word, averyveryverylongwordthatfitsnowhere and the rest'
  const lines = wrapText(text, 90, 12)
  assert.ok(lines.length > 4)
  for (const line of lines) assert.ok(textWidthPx(line, 12) <= 90, line)
  assert.equal(lines.join('').replaceAll(' ', ''), text.replaceAll(' ', ''))
  assert.deepEqual(wrapText('', 90, 12), [])
})

test('a clipped text ends in an ellipsis, one that fits does not', () => {
  assert.equal(clipText('fits', 200, 12), 'fits')
  const clipped = clipText('does not fit into so little', 60, 12)
  assert.match(clipped, /^does.*…$/)
  assert.ok(textWidthPx(clipped, 12) <= 60)
})

test('every drawable character is drawn, and no wider than estimated', () => {
  // Registers the font.
  renderPng(cpuChart({ title: '', subtitle: '', footer: '', interval: null, rows: [] }))
  const characters = Array.from({ length: 0x2213 }, (_, code) => String.fromCodePoint(code))
  const drawable = characters.filter((one) => one !== '?' && plainText(one) === one)
  // ASCII but space and "?", Latin-1 but no-break space and soft hyphen, punctuation.
  assert.equal(drawable.length, 93 + 94 + 18)
  for (const weight of [400, 600] as const) {
    const missing = glyph('中', weight)
    for (const one of drawable) {
      assert.notDeepEqual(glyph(one, weight), missing, `U+${one.codePointAt(0)?.toString(16)}`)
      assert.ok(textWidthPx(one, 100, weight) >= measured(one, weight), `${one} ${weight}`)
    }
    // Not so far above that lines would break early: 1.2 is what the classes of advances cost.
    const line = 'authorization server, alg=ES256 connections=8 key=p256: 169 ± 3 + 230 ± 8 µs'
    assert.ok(textWidthPx(line, 100, weight) < 1.2 * measured(line, weight))
  }
})

test('an interval is shown as tables show it: its farther end, rounded up', () => {
  const table = [
    [207.4, 203.9, 211.1, '207', '4'],
    // 0.4 below, 0.6 above.
    [25.1, 24.7, 25.7, '25.1', '0.6'],
    [25.1, 25.09, 25.11, '25.100', '0.010'],
    [39_841, 39_243, 40_558, '39,840', '720'],
    [4831.2, 4831.1, 4831.3, '4,831.20', '0.10'],
    [169.4, null, null, '169', null],
    [43.04, null, null, '43.0', null],
  ] as const
  for (const [estimate, low, high, value, half] of table) {
    assert.deepEqual(formatInterval(estimate, low, high), { value, half })
  }
})

test('numbers and latencies', () => {
  assert.equal(formatCount(1_234_567.4), '1,234,567')
  assert.equal(formatCount(999), '999')
  assert.equal(formatAmount(0.25), '0.25')
  assert.equal(formatAmount(10_000), '10,000')
  assert.equal(formatLatency(500), '500 µs')
  assert.equal(formatLatency(2000), '2 ms')
  assert.equal(formatLatency(2_500_000), '2.5 s')
})

function measured(text: string, weight: 400 | 600): number {
  const pen = createCanvas(1, 1).getContext('2d')
  pen.font = font(100, weight)
  return pen.measureText(text).width
}

function glyph(text: string, weight: 400 | 600): Uint8ClampedArray {
  const pen = createCanvas(60, 60).getContext('2d')
  pen.font = font(40, weight)
  pen.fillText(text, 5, 45)
  return pen.getImageData(0, 0, 60, 60).data
}
