import assert from 'node:assert/strict'
import test from 'node:test'
import { HistogramLogReader } from 'hdr-histogram-js'
import { claims } from '../analysis/claims.ts'
import type { Run } from '../results.ts'
import { badgesOf } from './badges.ts'
import { renderHistogramLog } from './histogram-log.ts'
import { renderCsv } from './report-csv.ts'
import { renderReport } from './report-html.ts'
import { renderReportMarkdown } from './report-markdown.ts'
import { combinedRun, reportInput } from './report-testdata.ts'

const run = combinedRun()
const other = combinedRun({ runId: 'run-2', startedAt: '2025-01-02T00:00:00.000Z' }, 2)
const inputOf = (main: Run) => reportInput(main, { others: [other] })
const page = renderReport(inputOf(run))

test('the same runs give the same bytes, well below a megabyte', () => {
  assert.equal(renderReport(inputOf(combinedRun())), page)
  assert.ok(page.length < 400_000, `${page.length} characters`)
})

test('nothing is loaded from anywhere: what runs is let in by its digest, links stay on the page', () => {
  const urls = [...page.matchAll(/\b(?:src|href)="([^"]*)"/g)].map(([, url = '']) => url)
  assert.ok(urls.length > 5)
  assert.deepEqual(
    urls.filter((url) => !url.startsWith('#')),
    ['data:,'],
  )
  const [, policy = ''] = /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(page) ?? []
  assert.match(
    policy,
    /^default-src 'none'; img-src data:; style-src 'sha256-[^ ]+'; script-src 'sha256-[^ ]+'; base-uri 'none'; form-action 'none'$/,
  )
})

test('every link has its target, every canvas and every region a name, every table a caption', () => {
  const targets = [...page.matchAll(/href="#([^"]*)"/g)].map(([, id = '']) => id)
  assert.ok(targets.some((target) => target.startsWith('run-')))
  for (const id of targets) assert.ok(page.includes(`id="${id}"`), id)
  const ids = [...page.matchAll(/ id="([^"]*)"/g)].map(([, id = '']) => id)
  assert.deepEqual(ids.toSorted(), [...new Set(ids)].toSorted())
  for (const [canvas] of page.matchAll(/<canvas [^>]*>/g))
    assert.match(canvas, /aria-label="[^"]+"/)
  const filled = page.match(/<table(?: class="prose" role="table")?>\s*<caption>/g) ?? []
  assert.equal(filled.length, page.match(/<caption>/g)?.length)
  assert.match(page, /<html lang="en">/)
})

test('every section of a report, every chart, every case, claim and question is in it', () => {
  const sections = [...page.matchAll(/<section\s+id="([^"]*)"/g)].map(([, id]) => id)
  assert.deepEqual(sections, [
    ...['trust', 'ledger-section', 'percentiles', 'curves', 'break-even', 'claims'],
    ...['events', 'score', 'history-section', 'questions', 'method', 'machine'],
  ])
  const charts = [...page.matchAll(/<canvas\s+id="([^"]*)"/g)].map(([, id]) => id)
  assert.deepEqual(charts, [
    ...['cost', 'ledger', 'spectrum', 'curve', 'churn', 'lanes', 'timeline', 'history'],
  ])
  for (const { id } of claims) assert.match(page, new RegExp(`<th scope="row"[^>]*>${id}</th>`))
  assert.ok(page.includes('supported'))
  assert.match(page, /not measured: <code>npm run claims -- O1<\/code>/)
})

test('without other runs the sections say what would measure them', () => {
  const alone = { ...inputOf(run), micro: null, churn: null, storm: null, curve: null, events: [] }
  const bare = renderReport({ ...alone, history: null, others: [] })
  for (const command of ['npm run micro', 'npm run bench -- tls mtls jwt --load churn', '--curve'])
    assert.ok(bare.includes(command), command)
})

test('an incomplete run says so, and a case that was not measured says why', () => {
  const arms = run.arms.map((arm, index) =>
    index === 0 ? { ...arm, outcome: 'failed' as const, reason: 'the server fell over' } : arm,
  )
  const bad = renderReport(inputOf({ ...run, arms, complete: false, incompleteReason: 'Ctrl-C' }))
  assert.match(bad, /This run is incomplete: Ctrl-C/)
  assert.match(bad, /not measured: the server fell over/)
})

test('text out of a run is text: it opens no element and ends no script', () => {
  const evil = '</script><img src=x onerror=alert(1)>'
  const arms = run.arms.map((arm) => ({ ...arm, caseId: `${arm.scenario}/${evil}` }))
  const bad = renderReport(
    inputOf({
      ...run,
      arms,
      runId: evil,
      command: ['bench', evil],
      environment: { ...run.environment, cpuModel: evil, commit: evil },
    }),
  )
  assert.ok(!bad.includes('<img src=x'))
  assert.equal(bad.match(/<\/script>/g)?.length, page.match(/<\/script>/g)?.length)
})

test('the data is in the page: figures, the values of blocks, histograms', () => {
  const [, json = ''] =
    /<script type="application\/json" id="data">(.*?)<\/script>/s.exec(page) ?? []
  const data = JSON.parse(json) as {
    runs: {
      runId: string
      cases: { id: string; byBlock: Record<string, unknown[]>; histograms: unknown[] }[]
    }[]
  }
  const [first] = data.runs
  assert.equal(first?.runId, run.runId)
  assert.deepEqual(
    first.cases.map(({ id }) => id),
    run.arms.map(({ id }) => id),
  )
  assert.equal(first.cases[0]?.byBlock['cpuUsPerRequest']?.length, run.blocks.length)
  assert.equal(first.cases[0].histograms.length, 2)
})

test('Markdown and CSV say the same figures', () => {
  const { main, claims: decided } = inputOf(run)
  const markdown = renderReportMarkdown(main, decided)
  assert.ok(markdown.length < 65_536)
  assert.match(markdown, /^\| combined /m)
  const [head, ...lines] = renderCsv(main.summary).trimEnd().split('\r\n')
  assert.equal(head, 'case,role,metric,unit,estimate,low,high,level,blocks')
  assert.ok(lines.length > 20)
  for (const line of lines) assert.equal(line.split(',').length, 9, line)
})

test('the HdrHistogram log is read back by its own reader, with every histogram', () => {
  const reader = new HistogramLogReader(renderHistogramLog(run))
  const tags = new Set<string>()
  let samples = 0
  for (
    let next = reader.nextIntervalHistogram();
    next !== null;
    next = reader.nextIntervalHistogram()
  ) {
    tags.add(next.tag)
    samples += next.totalCount
  }
  assert.ok(tags.has(`${run.arms[0]?.id ?? ''}|duet|8`))
  const slices = run.blocks.flatMap((block) => block.slices)
  assert.equal(
    samples,
    slices.reduce((sum, slice) => sum + slice.requests, 0),
  )
})

test('badges are what shields.io reads, and red where something was let in', () => {
  const { main, claims: decided } = inputOf(run)
  const { cost, refused } = badgesOf(main.summary, { attacked: run.arms, claims: decided })
  assert.deepEqual([cost.schemaVersion, cost.label], [1, 'combined over tls'])
  assert.deepEqual([refused.message, refused.color], ['10 of 10', 'brightgreen'])
  const holes = run.arms.map((arm) => ({
    ...arm,
    preflight: arm.preflight === null ? null : { ...arm.preflight, refused: 1 },
  }))
  assert.equal(badgesOf(main.summary, { attacked: holes, claims: [] }).refused.color, 'red')
})
