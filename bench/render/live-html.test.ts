import assert from 'node:assert/strict'
import test from 'node:test'
import { combinedArms, syntheticRun } from '../analysis/testdata.ts'
import { renderLive, type LiveView } from './live-html.ts'
import { liveScript, liveShell, liveStyle } from './live-shell.ts'

const run = syntheticRun({ arms: combinedArms(), blocks: 4 })
const going: LiveView = {
  checks: [{ caseId: 'tls/key=p256', tried: 12, refused: 12, handlerCalls: 0 }],
  run: { ...run, complete: false, finishedAt: null, incompleteReason: 'still measuring' },
  progress: { most: 12, of: 'up to 12', leftMs: 65_000 },
  ended: null,
}
const pageOf = (view: LiveView) => {
  const content = renderLive(view)
  return { ...content, page: liveShell(content, { version: 3, ended: view.ended !== null }) }
}

test('while it goes on: blocks done, time left, every case, every sensor', () => {
  const { status, title, page } = pageOf(going)
  assert.equal(status, '4 of up to 12 blocks done, about 1:05 left.')
  assert.equal(title, `trustbench: ${run.runId}`)
  for (const id of ['id="live"', 'id="status"', 'id="cases"', 'id="noise"', 'id="progress"'])
    assert.ok(page.includes(id), id)
  for (const name of ['combined', 'mtls', 'jwt', 'tls', 'reference', 'steal', 'run queue'])
    assert.ok(page.includes(name), name)
  // Two bands for each case, a line for each sensor that the run has, each with words.
  assert.equal(page.match(/<polygon /g)?.length, 2 * run.arms.length)
  for (const [picture] of page.matchAll(/<svg [^>]*>/g)) assert.match(picture, /aria-label="[^"]+"/)
  assert.equal(page.match(/<table>/g)?.length, page.match(/<caption>/g)?.length)
})

test('a resumed run has blocks before it knows how long they take', () => {
  const { status } = pageOf({ ...going, progress: { ...going.progress, leftMs: null } })
  assert.equal(status, '4 of up to 12 blocks done.')
})

test('the same view gives the same bytes', () => {
  assert.equal(pageOf(going).page, pageOf(going).page)
})

test('before preflight is over: what was checked, and nothing else', () => {
  const { status, page } = pageOf({ ...going, run: null })
  assert.equal(status, 'Before any number: 1 case checked.')
  assert.match(page, /tls\/key=p256[\s\S]*12 of 12/)
  assert.ok(!page.includes('id="cases"'))
})

test('before and after the first block there is no picture of one point', () => {
  for (const blocks of [[], run.blocks.slice(0, 1)]) {
    const { page } = pageOf({
      ...going,
      run: { ...run, blocks },
      progress: { ...going.progress, leftMs: null },
    })
    assert.ok(!page.includes('<svg'))
  }
})

test('in the end: where it is saved, or that it is not, and why it ended early', () => {
  const { page, status } = pageOf({ ...going, run, ended: { file: '/results/<b>.json' } })
  assert.equal(status, 'Ended: 4 blocks measured.')
  assert.match(page, /data-ended="true"/)
  assert.match(
    page,
    /id="saved"[\s\S]*\/results\/&lt;b&gt;\.json[\s\S]*npm run report -- &#39;\/results\/&lt;b&gt;\.json&#39;/,
  )
  const early = { ...going, run: { ...going.run, incompleteReason: 'interrupted' } as typeof run }
  assert.equal(pageOf({ ...early, ended: { file: null } }).status, 'Ended early: interrupted.')
  assert.match(pageOf({ ...early, ended: { file: null } }).page, /could not be saved/)
  assert.match(pageOf({ ...going, run: null, ended: { file: null } }).status, /before anything/)
})

test('nothing that a run holds becomes markup', () => {
  const hostile = `"><img src=x onerror=alert(1)></script><script>alert(2)</script>`
  const arms = run.arms.map((arm) => ({ ...arm, caseId: hostile, scenario: hostile }))
  const blocks = run.blocks.map((block) => ({
    ...block,
    outcome: 'failed' as const,
    reason: hostile,
  }))
  for (const view of [
    { ...going, run: { ...run, runId: hostile, arms, incompleteReason: hostile } },
    { ...going, run: { ...run, arms, blocks } },
    {
      ...going,
      run: null,
      checks: [{ ...going.checks[0], caseId: hostile }] as typeof going.checks,
    },
    {
      ...going,
      run: { ...run, complete: false, incompleteReason: hostile },
      ended: { file: hostile },
    },
  ]) {
    const { page } = pageOf(view)
    assert.ok(!page.includes('<img'), page)
    assert.equal(page.match(/<script/g)?.length, 1)
    assert.equal(page.match(/<\/script/g)?.length, 1)
  }
})

test('nothing is loaded from anywhere, and no element brings style or script of its own', () => {
  const { page } = pageOf(going)
  const markup = page.replace(liveStyle, '').replace(liveScript, '')
  assert.doesNotMatch(markup, /\s(?:src|href|style|on\w+)=/)
})
