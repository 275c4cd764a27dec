import assert from 'node:assert/strict'
import test from 'node:test'
import { demandOf } from '../analysis/capacity-testdata.ts'
import { renderReport } from './report-html.ts'
import { combinedRun, reportInput } from './report-testdata.ts'
import { sizingOf } from './sizing-testdata.ts'

test('a stored size is a section of the report; without one there is none', () => {
  const main = combinedRun()
  const without = renderReport(reportInput(main))
  assert.ok(!without.includes('id="sizing"'))
  const envelope = sizingOf(demandOf({ p99: '25ms', spare: 1 }))
  const page = renderReport({ ...reportInput(main), sizing: envelope })
  assert.match(page, /<section\s+id="sizing"/)
  assert.match(page, /combined: 20,000 requests\/s at peak/)
  assert.match(page, /7 instances of 1\s+core/)
  assert.match(page, /NOT VALIDATED on this machine/)
  assert.doesNotMatch(page.slice(page.indexOf('id="sizing"')).slice(0, 5_000), /undefined|NaN/)
})
