import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import type { RunEnvelope } from '../analysis/envelope-schema.ts'
import { startCli, temporaryFolder } from '../cli-testbed.ts'
import { parseRun } from '../results.ts'

test('a curve: every rate offered, as many answers as requests, a chart', async (t) => {
  const folder = temporaryFolder(t)
  const words = [
    'bench',
    'tls',
    '--curve',
    '--rates',
    '40,80',
    '--slo',
    '1s',
    '--arrivals',
    'constant',
  ]
  const options = ['--smoke', '--seed', '1', '--json', '--results', folder]
  const { exitCode, out, err } = await startCli(t, [...words, ...options]).ended
  assert.equal(exitCode, 0, err)
  const { cases, charts } = JSON.parse(out) as RunEnvelope
  const [trial] = cases
  // 200 ms at 40/s and at 80/s.
  assert.deepEqual(
    trial?.curve?.points.map(({ openLoop }) => [
      openLoop.ratePerSecond,
      openLoop.requests,
      openLoop.answered,
    ]),
    [
      [40, 8, 8],
      [80, 16, 16],
    ],
  )
  // So few samples have no p99, and what cannot be told is not met.
  assert.deepEqual(
    [trial.curve.objective?.sloP99Us, trial.curve.objective?.highest],
    [1_000_000, null],
  )
  assert.equal(trial.openLoop, null)
  assert.equal(charts.length, 1)
  const [file = ''] = readdirSync(folder).filter((name) => name.endsWith('.json'))
  assert.equal(parseRun(JSON.parse(readFileSync(join(folder, file), 'utf8')), file).complete, true)
})

test('what does not belong to a curve is refused', async (t) => {
  const wrong: [string[], RegExp][] = [
    [['bench', 'tls', '--curve', '--rate', '5'], /--rate 5: a curve has --rates/],
    [['bench', 'tls', '--curve', '--rates', '5,x'], /--rates x: expected/],
    [['bench', 'tls', '--curve', '--slo', '10'], /--slo 10: expected a time/],
    [['bench', 'tls', '--slo', '10ms'], /--slo needs --curve/],
    [['bench', 'tls', '--curve', '--load', 'churn'], /leave one out/],
    [['bench', 'tls', '--curve', '--policy', 'full'], /--policy needs --load churn/],
    [['bench', 'tls', '--curve', '--against', 'mtls'], /--against is for closed loops/],
  ]
  for (const [words, message] of wrong) {
    const { exitCode, err, out } = await startCli(t, words).ended
    assert.deepEqual([exitCode, out], [64, ''], words.join(' '))
    assert.match(err, message)
  }
})
