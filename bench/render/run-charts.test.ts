import assert from 'node:assert/strict'
import { test } from 'node:test'
import { summarise } from '../analysis/summary.ts'
import type { Run, Window } from '../results.ts'
import { chartsOf } from './run-charts.ts'
import { targetRuns } from './target-testdata.ts'

const open = targetRuns().find(({ runId }) => runId === 'target-open')
assert.ok(open !== undefined)

function withWindows(run: Run, change: (window: Window) => Window): Run {
  const blocks = run.blocks.map(({ windows = [], ...block }) => ({
    ...block,
    windows: windows.map(change),
  }))
  return { ...run, blocks }
}

test('offered loads are drawn, and of windows that were no measurement nothing is', () => {
  assert.deepEqual(Object.keys(chartsOf(open, summarise(open))), ['latency'])
  // A generator that had no time left.
  const late = withWindows(open, (window) => ({
    ...window,
    clientCpuUs: 2 * window.wallUs,
    spinUs: 0,
  }))
  assert.deepEqual(chartsOf(late, summarise(late)), {})
})
