import assert from 'node:assert/strict'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import test, { type TestContext } from 'node:test'
import { cli, temporaryFolder } from '../cli-testbed.ts'
import { combinedRun } from '../render/report-testdata.ts'
import { targetRuns } from '../render/target-testdata.ts'
import { saveRun } from '../store.ts'
import { blankCharts, noBrowser, openPage, seriousFaults, startBrowser } from './browser-testbed.ts'

const evil = '<script>alert(1)</script>'

/** Three runs of two commits, one of them with hostile words, one of targets, and a file that is no run. */
async function build(t: TestContext): Promise<{ site: string; results: string; err: string }> {
  const results = temporaryFolder(t)
  const run = combinedRun()
  const other = { ...run.environment, commit: 'f'.repeat(40), branch: evil }
  saveRun(results, run)
  saveRun(results, combinedRun({ runId: 'run-2', startedAt: '2025-01-02T00:00:00.000Z' }, 2))
  saveRun(results, {
    ...combinedRun({ runId: 'run-3', startedAt: '2024-12-31T00:00:00.000Z' }, 3),
    command: ['bench', evil],
    complete: false,
    incompleteReason: evil,
    environment: other,
  })
  saveRun(results, targetRuns()[0])
  writeFileSync(join(results, 'other.json'), '{}')
  const site = join(results, 'site')
  const { exitCode, err, out } = await cli(['report', '--results', results, '--site', site])
  assert.equal(exitCode, 0, err)
  assert.match(out, /index\.html\n.*history\.html\n\d+ pages of \d+ runs: /)
  return { site, results, err }
}

test('a site: index, report, history, a page a run and a commit; the same bytes again', async (t) => {
  const { site, results, err } = await build(t)
  assert.match(err, /left out \d+ files that are no runs: /)
  const files = () => readdirSync(site, { recursive: true }).map(String).sort()
  const built = files()
  const runs = ['run-1', 'run-2', 'run-3', 'target-closed'].map((run) => `runs/${run}`)
  const pages = ['index', 'report', 'history', ...runs]
  for (const page of [...pages, `commits/${'f'.repeat(40)}`]) {
    assert.ok(built.includes(`${page}.html`), page)
  }
  const bytes = () => pages.map((page) => readFileSync(join(site, `${page}.html`), 'utf8'))
  const before = bytes()
  for (const page of before) assert.ok(!page.includes(evil))
  await cli(['report', '--results', results, '--site', site])
  assert.deepEqual(files(), built)
  assert.deepEqual(bytes(), before)
})

test('a folder that cannot be made: one line that says so', async (t) => {
  const file = join(temporaryFolder(t), 'file')
  writeFileSync(file, '')
  const { exitCode, err } = await cli(['report', '--site', join(file, 'site')])
  assert.equal(exitCode, 3)
  assert.match(err, /^trustbench: cannot write .*file/)
  assert.equal(err.trimEnd().split('\n').length, 1)
})

test(
  'every page of a site opens from files, draws, links to pages that exist',
  { skip: noBrowser },
  async (t) => {
    const { site } = await build(t)
    const browser = await startBrowser(t)
    const addressOf = (page: string) => pathToFileURL(join(site, page)).href
    const commit = `commits/${'f'.repeat(40)}.html`
    const runs = ['runs/run-3.html', 'runs/target-closed.html']
    for (const name of ['index.html', 'history.html', 'report.html', ...runs, commit]) {
      for (const width of [1_280, 390]) {
        const colorScheme = width === 390 ? 'dark' : 'light'
        const { page, faults } = await openPage(browser, addressOf(name), { width, colorScheme })
        assert.deepEqual(await blankCharts(page), [], name)
        assert.equal(await page.evaluate('document.documentElement.scrollWidth'), width, name)
        assert.deepEqual(await seriousFaults(page), [], name)
        assert.deepEqual(faults, [], name)
        const links: unknown = await page.evaluate(
          `[...document.querySelectorAll('a[href]')].map(({ href }) => href.split('#')[0])`,
        )
        assert.ok(Array.isArray(links))
        for (const link of new Set(links.map(String))) readFileSync(new URL(link))
        await page.close()
      }
    }
  },
)
