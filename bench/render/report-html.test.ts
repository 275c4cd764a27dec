import assert from 'node:assert/strict'
import test from 'node:test'
import { combinedArms, syntheticRun } from '../analysis/testdata.ts'
import { claims } from '../analysis/claims.ts'
import { decideClaim } from '../analysis/claim.ts'
import { summarise } from '../analysis/summary.ts'
import type { Run } from '../results.ts'
import { renderCsv } from './report-csv.ts'
import { renderReport, type ReportInput } from './report-html.ts'
import { renderReportMarkdown } from './report-markdown.ts'

const run = syntheticRun({ arms: combinedArms(), blocks: 12 })
const inputOf = (main: Run): ReportInput => ({
  main: {
    run: main,
    summary: summarise(main),
    charts: [{ title: 'Server CPU', alt: 'bars of CPU', png: Buffer.from('png') }],
  },
  micro: null,
  churn: null,
  curve: null,
  claims: claims.map((claim) => ({
    claim,
    decision: decideClaim(claim, new Map([['combined', main]])),
    isProvisional: false,
    reproduce: [],
    runs: [],
  })),
})
const page = renderReport(inputOf(run))

test('the same runs give the same bytes, well below a megabyte', () => {
  assert.equal(renderReport(inputOf(run)), page)
  assert.ok(page.length < 300_000, `${page.length} characters`)
})

test('nothing is loaded from anywhere: pictures are data, links stay on the page', () => {
  const urls = [...page.matchAll(/\b(?:src|href)="([^"]*)"/g)].map(([, url = '']) => url)
  assert.ok(urls.length > 5)
  assert.deepEqual(
    urls.filter((url) => !url.startsWith('data:image/png;base64,') && !url.startsWith('#')),
    [],
  )
  assert.match(page, /http-equiv="Content-Security-Policy" content="default-src 'none'/)
})

test('every link of the page has its section, every picture words, every table a caption', () => {
  const targets = [...page.matchAll(/href="#([^"]*)"/g)].map(([, id = '']) => id)
  for (const id of targets) assert.ok(page.includes(`id="${id}"`), id)
  for (const [image] of page.matchAll(/<img [^>]*>/g)) assert.match(image, /alt="[^"]+"/)
  assert.equal(page.match(/<table>/g)?.length, page.match(/<caption>/g)?.length)
  assert.match(page, /<html lang="en">/)
})

test('every case, every claim and its verdict is told; what is missing says how to measure it', () => {
  for (const name of ['combined', 'mtls', 'jwt', 'tls']) assert.ok(page.includes(name))
  for (const { id } of claims) assert.ok(page.includes(`<th scope="row">${id}</th>`), id)
  assert.ok(page.includes('supported'))
  for (const command of ['npm run micro', 'npm run bench -- tls mtls jwt --load churn'])
    assert.ok(page.includes(command), command)
})

test('text out of a run is text: it opens no element and ends no script', () => {
  const evil = '</script><img src=x onerror=alert(1)>'
  const bad = renderReport(
    inputOf({ ...run, runId: evil, environment: { ...run.environment, cpuModel: evil } }),
  )
  assert.ok(!bad.includes('<img src=x'))
  assert.equal(bad.match(/<\/script>/g)?.length, 2)
})

test('the data is in the page, whole', () => {
  const [, json = ''] =
    /<script type="application\/json" id="data">(.*?)<\/script>/s.exec(page) ?? []
  const data = JSON.parse(json) as { runs: { runId: string; cases: { id: string }[] }[] }
  assert.equal(data.runs[0]?.runId, run.runId)
  assert.deepEqual(
    data.runs[0].cases.map(({ id }) => id),
    run.arms.map(({ id }) => id),
  )
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
