import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { cli, temporaryFolder } from '../cli-testbed.ts'

const reference = join(import.meta.dirname, '..', '..', 'results', 'reference', 'reference.json')

test('a report of a stored run: one page, Markdown, CSV and a badge', async (t) => {
  const folder = temporaryFolder(t)
  const out = join(folder, 'report')
  const words = ['report', reference, '--results', folder, '--out', out, '--json']
  const { exitCode, out: printed, err } = await cli(words)
  assert.equal(exitCode, 0, err)
  const { files } = JSON.parse(printed) as { files: Record<string, string> }
  assert.deepEqual(readdirSync(out).sort(), [
    'badge.json',
    'report.csv',
    'report.html',
    'report.md',
  ])
  const page = readFileSync(files['html'] ?? '', 'utf8')
  // Charts are in it.
  assert.equal(page.match(/data:image\/png;base64,/g)?.length, 3)
  assert.ok(page.length < 1_000_000, `${page.length} characters`)
  const badge = JSON.parse(readFileSync(files['badge'] ?? '', 'utf8')) as Record<string, unknown>
  assert.deepEqual([badge['schemaVersion'], badge['label']], [1, 'combined over tls'])
  // Again: the same bytes.
  await cli(words)
  assert.equal(readFileSync(files['html'] ?? '', 'utf8'), page)
})

test('without any run: one line that says what to do', async (t) => {
  const { exitCode, err } = await cli(['report', '--results', temporaryFolder(t)])
  assert.equal(exitCode, 64)
  assert.match(err, /no whole run is stored; npm run bench -- combined measures one\n$/)
})
