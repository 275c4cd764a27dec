import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { createCanvas, loadImage } from 'canvas'
import type { RunComparison } from '../analysis/sides.ts'
import { forestChart, type ForestChart } from './charts-forest.ts'
import { bandColours, verdictStyles } from './charts-forest-plugin.ts'
import { changeOf, emptyComparison, environment } from './compare-testdata.ts'
import { renderPng } from './png.ts'

const worse = changeOf('jwt/connections=8', 1.05, 0.01)
const better = changeOf('jwt/connections=8', 0.93, 0.02, 'latencyP50Us')
const undecided = changeOf('tls/connections=8', 1.02, 0.03)
const same = changeOf('tls/connections=8', 1, 0.01, 'latencyP50Us')

test('one row for each case and figure, what changed first, with the verdict by word and shape', () => {
  const chart = draw({ changes: [same, undecided, worse, better] })
  assert.deepEqual(textsOf(chart), [
    ['jwt', 'CPU per request', 'worse +5.0 % (+4.0 % to +6.0 %)'],
    ['jwt', 'p50 latency', 'better -7.0 % (-9.0 % to -5.0 %)'],
    ['tls', 'CPU per request', 'undecided rules out more than 5.0 %'],
    ['tls', 'p50 latency', 'same +0.0 % (-1.0 % to +1.0 %)'],
  ])
  const [, points] = chart.data.datasets
  assert.deepEqual(
    points?.data.map((change) => change?.toFixed(3)),
    ['5.000', '-7.000', '2.000', '0.000'],
  )
  assert.ok('pointStyle' in points)
  assert.deepEqual(points.pointStyle, ['triangle', 'rectRot', 'circle', 'rect'])
  assert.deepEqual(
    whiskersOf(chart),
    // 100 × (bound − 1).
    ['4.000 to 6.000', '-9.000 to -5.000', '-1.000 to 5.000', '-1.000 to 1.000'],
  )
})

test('bands are ratios both ways, as the verdict has them', () => {
  const { bands } = draw({ changes: [same] }).forest
  assert.deepEqual(
    bands.map(({ low, high, colour }) => [low.toFixed(3), high, colour]),
    [
      // 1/1.03 − 1 and 1/1.01 − 1.
      ['-2.913', 3, bandColours.same],
      ['-0.990', 1, bandColours.effect],
    ],
  )
})

test('the axis holds both bands and every estimate, and cuts what is far wider', () => {
  for (const [changes, expected] of [
    // 1.1 × 1.5 × 3 on either side.
    [[same], [-4.95, 4.95]],
    // 1.1 × 10.
    [[changeOf('a', 1.08, 0.02)], [-4.95, 11]],
    // 5 × 3: the interval goes on to 90 % on either side.
    [[changeOf('a', 1, 0.9)], [-15, 15]],
    // 1.5 × 40: the estimate itself is far out.
    [[changeOf('a', 1.4, 0.9)], [-55, 60]],
  ] as const) {
    const { min, max } = draw({ changes }).forest
    assert.deepEqual([Number(min.toFixed(6)), Number(max.toFixed(6))], expected)
  }
})

test('an interval that goes on beyond the axis ends there in an arrow', () => {
  const chart = draw({ changes: [changeOf('a', 1, 0.9), same, changeOf('b', 1.02, 0.16)] })
  assert.deepEqual(chart.forest.clipped, [
    { row: 0, side: 'low' },
    { row: 0, side: 'high' },
    { row: 1, side: 'high' },
  ])
  assert.deepEqual(whiskersOf(chart).slice(0, 2), ['-15.000 to 15.000', '-14.000 to 15.000'])
  assert.ok(chart.facts.frame.subtitle.join(' ').includes('an arrow: the interval goes on'))
  assert.ok(
    !draw({ changes: [same] })
      .facts.frame.subtitle.join(' ')
      .includes('arrow'),
  )
})

test('what is missing has a row with its reason; one too long is told in full below', () => {
  const reason = `failed in main: ${'J3 was accepted, '.repeat(9)}that is all`
  const chart = draw({
    changes: [same, { ...worse, ratio: null, verdict: 'undecided', rulesOutMoreThan: null }],
    missing: [
      { case: 'dpop/connections=8', reason: 'only in working tree' },
      { case: 'combined/connections=8', reason },
    ],
  })
  assert.deepEqual(
    textsOf(chart).map(([name, , label]) => [name, label?.slice(0, 40)]),
    [
      ['jwt', 'not compared: nothing was measured in bo'],
      ['tls', 'same +0.0 % (-1.0 % to +1.0 %)'],
      ['dpop', 'not compared: only in working tree'],
      ['combined', 'not compared: failed in main: J3 was acc'],
    ],
  )
  assert.equal(chart.facts.frame.notes.join(' '), `combined/connections=8: ${reason}`)
  assert.equal(chart.facts.bars?.whiskers.length, 1)
})

test('one block has a marker and no whisker', () => {
  const ratio = { estimate: 1.02, low: null, high: null, level: null, blocks: 1 }
  const chart = draw({
    changes: [{ ...same, ratio, verdict: 'undecided', rulesOutMoreThan: null }],
  })
  assert.deepEqual(whiskersOf(chart), [])
  assert.deepEqual(textsOf(chart)[0]?.[2], 'undecided too few blocks to tell')
  assert.ok(!chart.facts.frame.legend.flat().some(({ sign }) => sign === 'whisker'))
})

test('without anything measured there are no bands, and the PNG is drawn all the same', () => {
  for (const missing of [[], [{ case: 'jwt', reason: 'gone' }]]) {
    const chart = draw({ missing })
    assert.deepEqual([chart.forest.bands, chart.facts.frame.legend], [[], []])
    assert.equal(renderPng(chart).readUInt32BE(16), 1600)
  }
})

test('beyond 60 rows the others are counted, not drawn', () => {
  const changes = Array.from({ length: 70 }, (_, index) => changeOf(`jwt/n=${index}`, 1, 0.01))
  const chart = draw({ changes })
  assert.equal(chart.facts.bars?.rows.length, 60)
  assert.deepEqual(chart.facts.frame.notes, ['10 more rows are in the table only.'])
})

test('title and footer say what was compared, and where; markup stays text', () => {
  const { title, footer } = draw({
    after: { ...emptyComparison.after, label: '<b>|\u202e@x', complete: false },
    changes: [same],
  }).facts.frame
  assert.equal(title.join(' '), 'What changed: <b>| @x against main')
  assert.equal(
    footer.join(' '),
    'CPU of a test, 2 cores, Linux 6.1, Node 26.10.0, OpenSSL 3.5.4 · commits bbbbbbbb and aaaaaaaa · run 20250101T000000Z-aaaaaaaa-live · INCOMPLETE RUN',
  )
})

test('verdicts share neither colour nor shape, and are drawn in their colour over the bands', async () => {
  const styles = Object.values(verdictStyles)
  assert.equal(new Set(styles.map(({ colour }) => colour)).size, styles.length)
  assert.equal(new Set(styles.map(({ marker }) => marker)).size, styles.length)
  const colours = await coloursOf(renderPng(draw({ changes: [same, undecided, worse, better] })))
  for (const colour of [
    ...styles.map((style) => style.colour),
    bandColours.same,
    bandColours.effect,
  ]) {
    assert.ok((colours.get(colour) ?? 0) > 50, colour)
  }
  const only = await coloursOf(renderPng(draw({ changes: [same] })))
  assert.equal(only.get(verdictStyles.worse.colour), undefined)
})

test('the same comparison gives the same bytes', () => {
  const digest = () =>
    createHash('sha256')
      .update(renderPng(draw({ changes: [worse, same] })))
      .digest('hex')
  assert.equal(digest(), digest())
})

function draw(comparison: Partial<RunComparison>): ForestChart {
  return forestChart({ ...emptyComparison, ...comparison }, { environment })
}

function textsOf({ facts }: ForestChart): string[][] {
  return (facts.bars?.rows ?? []).map(({ name, detail, label }) => [
    name,
    detail.join(' '),
    label.map((run) => run.text).join(''),
  ])
}

function whiskersOf({ facts }: ForestChart): string[] {
  return (facts.bars?.whiskers ?? []).map(
    ({ low, high }) => `${low.toFixed(3)} to ${high.toFixed(3)}`,
  )
}

/** How many device px of each colour there are. */
async function coloursOf(png: Buffer): Promise<Map<string, number>> {
  const image = await loadImage(png)
  const pen = createCanvas(image.width, image.height).getContext('2d')
  pen.drawImage(image, 0, 0)
  const { data } = pen.getImageData(0, 0, image.width, image.height)
  const hex = Buffer.from(data).toString('hex').toUpperCase()
  const found = new Map<string, number>()
  for (let at = 0; at < hex.length; at += 8) {
    const colour = `#${hex.slice(at, at + 6)}`
    found.set(colour, (found.get(colour) ?? 0) + 1)
  }
  return found
}
