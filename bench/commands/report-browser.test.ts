import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import test from 'node:test'
import { hopRun } from '../analysis/hops-testdata.ts'
import { renderReport } from '../render/report-html.ts'
import { combinedRun, reported, reportInput } from '../render/report-testdata.ts'
import { renderRunPage } from '../render/run-page.ts'
import { targetRuns } from '../render/target-testdata.ts'
import type { Run } from '../results.ts'
import {
  blankCharts,
  captionOf,
  fileOf,
  noBrowser,
  openPage,
  seriousFaults,
  startBrowser,
} from './browser-testbed.ts'
import { inlineAssets } from './report-assets.ts'

const assets = inlineAssets()
const options = { skip: noBrowser }
const other = combinedRun({ runId: 'run-2', startedAt: '2025-01-02T00:00:00.000Z' }, 2)
const pageOf = (run: Run) => renderReport(reportInput(run, { others: [other], assets }))
const whole = pageOf(combinedRun())

for (const width of [1_280, 390]) {
  for (const colorScheme of ['light', 'dark'] as const) {
    test(
      `report, ${width} px, ${colorScheme}: draws, fits, and is usable by all`,
      options,
      async (t) => {
        const browser = await startBrowser(t)
        const { page, faults } = await openPage(browser, fileOf(t, whole), { width, colorScheme })
        assert.equal(await page.locator('canvas').count(), 8)
        assert.deepEqual(await blankCharts(page), [])
        const wide: unknown = await page.evaluate('document.documentElement.scrollWidth')
        assert.equal(wide, width)
        assert.deepEqual(await seriousFaults(page), [])
        assert.deepEqual(faults, [])
      },
    )
  }
}

for (const run of targetRuns()) {
  for (const width of [1_280, 390]) {
    const colorScheme = width === 390 ? 'dark' : 'light'
    test(
      `${run.runId}, ${width} px, ${colorScheme}: draws, fits, and is usable by all`,
      options,
      async (t) => {
        const browser = await startBrowser(t)
        const html = renderRunPage(reported(run), { assets })
        const { page, faults } = await openPage(browser, fileOf(t, html), { width, colorScheme })
        const isCurve = run.runId === 'target-curve'
        assert.equal(await page.locator('canvas').count(), isCurve ? 2 : 1)
        assert.deepEqual(await blankCharts(page), [])
        assert.equal(await page.evaluate('document.documentElement.scrollWidth'), width)
        assert.deepEqual(await seriousFaults(page), [])
        assert.deepEqual(faults, [])
      },
    )
  }
}

test(
  'targets beside the reference servers: every load can be chosen, with both targets',
  options,
  async (t) => {
    const browser = await startBrowser(t)
    const html = renderReport(reportInput(combinedRun(), { targets: targetRuns(), assets }))
    const { page, faults } = await openPage(browser, fileOf(t, html))
    const choices = await page.locator('#target-spectrum-load option').allTextContents()
    assert.equal(choices.length, 11)
    for (const [index, label] of choices.entries()) {
      await page.selectOption('#target-spectrum-load', String(index))
      assert.ok((await captionOf(page, 'target-spectrum')).endsWith(`by percentile, ${label}`))
      assert.equal(await page.locator('[data-figures="target-spectrum"] tbody tr').count(), 2)
    }
    await page.selectOption('#target-curve-percentile', 'latencyP50Us')
    assert.match(await captionOf(page, 'target-curve'), /^p50 latency, ms/)
    // What the reference servers have of the same kind is not touched by it.
    assert.match(await captionOf(page, 'curve'), /^p99 latency, ms/)
    assert.deepEqual(await blankCharts(page), [])
    assert.deepEqual(faults, [])
  },
)

test('controls: metric, unit, cases, percentile and another run', options, async (t) => {
  const browser = await startBrowser(t)
  const { page, faults } = await openPage(browser, fileOf(t, whole))
  const rows = (chart: string) => page.locator(`[data-figures="${chart}"] tbody tr`).count()
  assert.equal(await captionOf(page, 'cost'), 'CPU per request, µs, by case')
  await page.selectOption('#cost-metric', 'latencyP99Us')
  await page.selectOption('#cost-unit', 'ms')
  assert.equal(await captionOf(page, 'cost'), 'p99 latency, ms, by case')
  assert.equal(await rows('cost'), 5)
  await page.locator('#cost-cases input').first().uncheck()
  assert.equal(await rows('cost'), 4)
  // A unit that a rate does not have falls back to its own.
  await page.selectOption('#cost-metric', 'requestsPerCoreSecond')
  assert.match(await captionOf(page, 'cost'), /1\/s/)

  assert.equal(await page.locator('#changes').isVisible(), false)
  await page.selectOption('#cost-compare', 'run-2')
  assert.equal(await page.locator('#changes').isVisible(), true)
  assert.equal(await page.textContent('#changes-note'), 'not compared here')
  await page.selectOption('#spectrum-compare', 'run-2')
  assert.equal(await rows('spectrum'), 10)
  await page.selectOption('#spectrum-connections', '1')
  assert.match(await captionOf(page, 'spectrum'), /at 1 connection$/)

  await page.selectOption('#curve-percentile', 'latencyP50Us')
  await page.selectOption('#curve-unit', 's')
  assert.match(await captionOf(page, 'curve'), /^p50 latency, s/)
  await page.selectOption('#timeline-event', 'revoke-opaque')
  assert.match(await captionOf(page, 'timeline'), /^revoke-opaque: /)
  assert.deepEqual(await blankCharts(page), [])
  assert.deepEqual(faults, [])
})

test('hops: costs are stacked, times stand side by side', options, async (t) => {
  const browser = await startBrowser(t)
  const { page, faults } = await openPage(browser, fileOf(t, pageOf(hopRun(9))))
  assert.equal(await captionOf(page, 'hops'), 'CPU per request, µs, by case and hop')
  assert.equal(await page.locator('[data-figures="hops"] tbody tr').count(), 2)
  await page.selectOption('#hops-figure', 'singleOwnP50Us')
  assert.match(await captionOf(page, 'hops'), /^p50 in the hop itself/)
  const cells = await page.locator('[data-figures="hops"] tbody td').allTextContents()
  assert.deepEqual([cells[1], cells[4]], ['40.0 ± 0.0', '–'])
  assert.deepEqual(await blankCharts(page), [])
  assert.deepEqual(await seriousFaults(page), [])
  assert.deepEqual(faults, [])
})

test('the keyboard alone reaches and works the controls', options, async (t) => {
  const browser = await startBrowser(t)
  const { page, faults } = await openPage(browser, fileOf(t, whole))
  await page.keyboard.press('Tab')
  assert.equal(await page.evaluate('document.activeElement.className'), 'skip')
  await page.keyboard.press('Enter')
  for (let press = 0; press < 5; press++) {
    await page.keyboard.press('Tab')
    if ((await page.evaluate('document.activeElement.id')) === 'cost-metric') break
  }
  assert.equal(await page.evaluate('document.activeElement.id'), 'cost-metric')
  await page.keyboard.press('ArrowDown')
  assert.doesNotMatch(await captionOf(page, 'cost'), /^CPU per request/)
  assert.deepEqual(faults, [])
})

test(
  'a hostile case id, branch, reason and event runs nothing and loads nothing',
  options,
  async (t) => {
    const evil = '</script><script>alert(1)</script><img src=http://127.0.0.1:9/x onerror=alert(2)>'
    const run = combinedRun()
    const hostile = {
      ...run,
      runId: evil,
      command: ['bench', evil],
      complete: false,
      incompleteReason: evil,
      environment: { ...run.environment, branch: evil, commit: evil, cpuModel: evil },
      arms: run.arms.map((arm) => ({ ...arm, caseId: `${arm.scenario}/x=${evil}` })),
    }
    const input = reportInput(hostile, { others: [other], assets })
    const [first] = input.events
    assert.ok(first)
    const browser = await startBrowser(t)
    const html = renderReport({ ...input, events: [{ ...first, name: evil, what: evil }] })
    const { page, faults } = await openPage(browser, fileOf(t, html))
    assert.deepEqual(await blankCharts(page), [])
    assert.equal(await page.locator('img').count(), 0)
    assert.match((await page.textContent('.alarm')) ?? '', /incomplete: <\/script><script>/)
    assert.deepEqual(await seriousFaults(page), [])
    assert.deepEqual(faults, [])
  },
)

test('an incomplete run with a failed case draws what there is', options, async (t) => {
  const run = combinedRun()
  const arms = run.arms.map((arm, index) =>
    index === 0 ? { ...arm, outcome: 'failed' as const, reason: 'the server fell over' } : arm,
  )
  const html = pageOf({ ...run, arms, blocks: run.blocks.slice(0, 1), complete: false })
  const browser = await startBrowser(t)
  const { page, faults } = await openPage(browser, fileOf(t, html))
  assert.deepEqual(await blankCharts(page), [])
  assert.match((await page.textContent('#trust')) ?? '', /not measured: the server fell over/)
  assert.deepEqual(faults, [])
})

test('the data can be saved, and is what the page holds', options, async (t) => {
  const browser = await startBrowser(t)
  const { page } = await openPage(browser, fileOf(t, whole))
  const [download] = await Promise.all([page.waitForEvent('download'), page.click('#save')])
  const saved: unknown = JSON.parse(readFileSync(await download.path(), 'utf8'))
  const held: unknown = JSON.parse((await page.textContent('#data')) ?? '')
  assert.deepEqual(saved, held)
})

test('printed, it is light and whole; without scripts its tables are there', options, async (t) => {
  const browser = await startBrowser(t)
  const { page, faults } = await openPage(browser, fileOf(t, whole), {
    width: 1_280,
    colorScheme: 'dark',
  })
  assert.ok((await page.pdf({ format: 'A4' })).length > 50_000)
  await page.emulateMedia({ media: 'print' })
  assert.equal(
    await page.evaluate('getComputedStyle(document.body).backgroundColor'),
    'rgb(255, 255, 255)',
  )
  assert.equal(await page.locator('.controls').first().isVisible(), false)
  assert.deepEqual(faults, [])
  const context = await browser.newContext({ javaScriptEnabled: false })
  const still = await context.newPage()
  await still.goto(page.url())
  assert.equal(await still.locator('#trust tbody tr').count(), 5)
  assert.equal(await still.locator('.controls').first().isVisible(), false)
  await context.close()
})
