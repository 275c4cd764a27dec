import assert from 'node:assert/strict'
import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { cli, temporaryFolder } from '../cli-testbed.ts'
import { combinedRun } from '../render/report-testdata.ts'
import { targetRuns } from '../render/target-testdata.ts'
import { saveRun } from '../store.ts'

const reference = join(import.meta.dirname, '..', '..', 'results', 'reference', 'reference.json')

test('a report of a stored run: a page, Markdown, CSV, charts, histograms and badges', async (t) => {
  const folder = temporaryFolder(t)
  const out = join(folder, 'report')
  const words = ['report', reference, '--results', folder, '--out', out, '--json']
  const { exitCode, out: printed, err } = await cli(words)
  assert.equal(exitCode, 0, err)
  const { files } = JSON.parse(printed) as { files: { html: string; badges: string[] } }
  assert.deepEqual(readdirSync(out).sort(), [
    ...['badges', 'cpu.png', 'latency.png'],
    ...['report.csv', 'report.hlog', 'report.html', 'report.md', 'throughput.png'],
  ])
  const page = readFileSync(files.html)
  assert.ok(page.length < 1_000_000, `${page.length} bytes`)
  const badges = files.badges.map((file) => JSON.parse(readFileSync(file, 'utf8')) as unknown)
  assert.equal(badges.length, 3)
  // Again: the same bytes.
  await cli(words)
  assert.ok(readFileSync(files.html).equals(page))
})

test('a report of targets: by name, and where nothing else was measured, without', async (t) => {
  const folder = temporaryFolder(t)
  for (const run of targetRuns()) saveRun(folder, run)
  const filesOf = async (...words: string[]) => {
    const out = join(folder, 'report')
    rmSync(out, { recursive: true, force: true })
    const {
      exitCode,
      out: printed,
      err,
    } = await cli([...['report', ...words, '--results', folder, '--out', out, '--json']])
    assert.equal(exitCode, 0, err)
    const { runId } = JSON.parse(printed) as { runId: string }
    return { runId, names: readdirSync(out).sort(), html: readFileSync(join(out, 'report.html')) }
  }
  const texts = ['report.csv', 'report.hlog', 'report.html', 'report.md']
  const charts: [string, string[]][] = [
    ['target-closed', ['latency.png']],
    ['target-open', ['latency.png']],
    ['target-curve', ['curve.png']],
    ['target-churn', []],
  ]
  for (const [runId, pictures] of charts) {
    const { runId: told, names, html } = await filesOf(runId)
    assert.deepEqual([told, names], [runId, [...pictures, ...texts]])
    assert.match(html.toString(), /<h1>What these servers take<\/h1>/)
    assert.ok((await filesOf(runId)).html.equals(html))
  }
  const whole = await filesOf()
  assert.match(whole.runId, /^target-/)
  for (const [target] of charts) assert.ok(whole.html.includes(`Run ${target} of`), target)
  // With a run of the reference servers, they stand in its report.
  saveRun(folder, combinedRun())
  const { runId, html } = await filesOf()
  assert.equal(runId, 'run-1')
  for (const [target] of charts) assert.ok(html.includes(`Run ${target} of`), target)
})

test('without any run: one line that says what to do', async (t) => {
  const { exitCode, err } = await cli(['report', '--results', temporaryFolder(t)])
  assert.equal(exitCode, 64)
  assert.match(err, /no whole run is stored; npm run bench -- combined measures one\n$/)
})
