import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { cli, temporaryFolder } from '../cli-testbed.ts'

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

test('without any run: one line that says what to do', async (t) => {
  const { exitCode, err } = await cli(['report', '--results', temporaryFolder(t)])
  assert.equal(exitCode, 64)
  assert.match(err, /no whole run is stored; npm run bench -- combined measures one\n$/)
})
