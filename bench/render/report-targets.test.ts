import assert from 'node:assert/strict'
import test from 'node:test'
import type { Run } from '../results.ts'
import { renderReport } from './report-html.ts'
import { combinedRun, reported, reportInput } from './report-testdata.ts'
import { renderRunPage } from './run-page.ts'
import { renderTargetMarkdown } from './target-markdown.ts'
import { targetLoads } from './target-spectra.ts'
import { shownUrl } from './target-tables.ts'
import { targetRuns } from './target-testdata.ts'

const runs = targetRuns()
const assets = { kind: 'inline', style: 'body {}', scripts: ['start()'] } as const
const pageOf = (run: Run) => renderRunPage(reported(run), { assets })
const noCpu = 'No server CPU, wall-clock only'
const oneLine = (text: string) => text.replaceAll(/\s+/g, ' ')

test('every load of a target has latencies to draw, of each target, under a name of its own', () => {
  const labels = runs.map((run) => targetLoads(reported(run)))
  assert.deepEqual(
    labels.map((loads) => loads.map(({ label }) => label)),
    [
      ['closed loop, 1 connection', 'closed loop, 8 connections'],
      ['400/s offered'],
      ['100/s offered', '400/s offered', '800/s offered', '900/s offered'],
      [
        'full, 1: connect to first answer',
        'full, 10: connect to first answer',
        'connections stay: each answer',
        '10 clients at once, full: connect to first answer',
      ],
    ],
  )
  for (const { label, lines } of labels.flat()) {
    assert.deepEqual(
      lines.map(({ name }) => name),
      ['gateway', 'api.example/v1'],
      label,
    )
    for (const { samples, points } of lines) assert.ok(samples > 0 && points.length > 0, label)
  }
})

test('the page of a run of targets: what was asked, its figures, what was let in, and that no CPU is known', () => {
  const wanted: [Run, string[]][] = [
    [
      runs[0],
      ['Closed loops on 8 connections', 'p99.9 µs', 'p50 of api.example/v1 against gateway'],
    ],
    [runs[1], ['Under offered load', '3600 of 3600']],
    [runs[2], ['Latency against rate', 'id="target-curve"']],
    [runs[3], ['New connections', 'TLS p50 µs', 'So many clients connect at one instant']],
  ]
  for (const [run, texts] of wanted) {
    const page = oneLine(pageOf(run))
    for (const text of [
      ...texts,
      ...[
        'What these servers take',
        noCpu,
        'id="target-spectrum"',
        'GET https://gateway.example/pay',
      ],
      ...['the same request without the token', 'LET IN', '7 fetched, each good for 9 s'],
      ...['refreshes FAILED: 1', '1,000 requests/s, 64 connections', 'is it checked at all?'],
    ]) {
      assert.ok(page.includes(text), `${run.runId}: ${text}`)
    }
    // Nothing of what is said of reference servers.
    for (const text of ['CPU µs/request', 'npm run verify', 'let in 1', 'reference server'])
      assert.ok(!page.includes(text), `${run.runId}: ${text}`)
    assert.equal(pageOf(run), pageOf(run))
  }
})

test('CPU that is known is told, and then nobody says that it is not', () => {
  const [closed] = runs
  const arms = closed.arms.map((arm) =>
    arm.target === undefined
      ? arm
      : { ...arm, target: { ...arm.target, cpu: 'processes' as const } },
  )
  const blocks = closed.blocks.map((block) => ({
    ...block,
    slices: block.slices.map((slice) => ({ ...slice, cpuUs: 40 * slice.requests })),
  }))
  const page = pageOf({ ...closed, arms, blocks })
  assert.ok(!page.includes(noCpu))
  assert.ok(page.includes('CPU µs/request') && page.includes('of its processes, from schedstat'))
})

test('an address is told without user, password and what is behind the question mark', () => {
  const shown: [string, string][] = [
    ['https://gw.example/pay?…', 'https://gw.example/pay?…'],
    [
      'https://s3cret:s3cret@gw.example:8443/pay?token=s3cret#s3cret',
      'https://gw.example:8443/pay?…',
    ],
    ['http://[::1]:8080/', 'http://[::1]:8080/'],
    ['s3cret', 'no address'],
  ]
  for (const [stored, wanted] of shown) assert.equal(shownUrl(stored), wanted)
  const url = 'https://s3cret:s3cret@gw.example/pay?token=s3cret#s3cret'
  for (const run of runs) {
    const arms = run.arms.map((arm) => ({
      ...arm,
      source: { ...arm.source, label: url },
      ...(arm.target === undefined ? {} : { target: { ...arm.target, url } }),
    }))
    const told = reported({ ...run, arms })
    const report = renderReport(reportInput(combinedRun(), { targets: [told.run] }))
    for (const text of [report, pageOf(told.run), renderTargetMarkdown([told])]) {
      assert.ok(text.includes('gw.example'), run.runId)
      assert.ok(!text.includes('s3cret'), run.runId)
    }
  }
})

test('beside the reference servers they are one section of the report, with all loads in its chart', () => {
  const page = renderReport(reportInput(combinedRun(), { targets: runs }))
  const sections = [...page.matchAll(/<section\s+id="([^"]*)"/g)].map(([, id]) => id)
  assert.equal(sections.filter((id) => id === 'targets').length, 1)
  const [, choices = ''] = /<select id="target-spectrum-load">(.*?)<\/select>/s.exec(page) ?? []
  assert.equal(choices.match(/<option/g)?.length, 2 + 1 + 4 + 4)
  const ids = [...page.matchAll(/ id="([^"]*)"/g)].map(([, id = '']) => id)
  assert.deepEqual(ids.toSorted(), [...new Set(ids)].toSorted())
  for (const run of runs) assert.ok(page.includes(`Run ${run.runId} of`), run.runId)
})

test('hostile names are text, in the page and in Markdown', () => {
  const evil = '</script><img src=x onerror=alert(1)>|`'
  const [closed] = runs
  const arms = closed.arms.map((arm) => ({
    ...arm,
    preflight:
      arm.preflight === null
        ? null
        : {
            ...arm.preflight,
            refusals: arm.preflight.refusals.map((one) => ({ ...one, outcome: evil })),
          },
    ...(arm.target === undefined ? {} : { target: { ...arm.target, method: evil, tls: evil } }),
  }))
  const told = reported({ ...closed, arms })
  for (const text of [pageOf(told.run), renderTargetMarkdown([told])])
    assert.ok(!text.includes('<img src=x'))
})

test('Markdown has the same tables, and no cell is lost', () => {
  for (const run of runs) {
    const text = renderTargetMarkdown([reported(run)])
    assert.match(text, /^### What these servers take/)
    assert.ok(text.includes(noCpu))
    for (const line of text.split('\n\n').filter((part) => part.startsWith('|'))) {
      const widths = line
        .trimEnd()
        .split('\n')
        .map((row) => row.split('|').length)
      assert.equal(new Set(widths).size, 1, line)
    }
  }
})
