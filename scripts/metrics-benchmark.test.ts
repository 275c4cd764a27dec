import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { temporaryFolder } from '../bench/cli-testbed.ts'

interface Told {
  readonly pairs: readonly {
    readonly withMetrics: { readonly scrapes: number; readonly exporter: unknown }
    readonly without: { readonly scrapes: number; readonly exporter: unknown }
  }[]
}

test('one pair of smoke runs: both are there, one of them watched, and nothing is claimed', (t) => {
  const folder = temporaryFolder(t)
  const out = join(folder, 'metrics.json')
  const script = join(import.meta.dirname, 'metrics-benchmark.ts')
  const words = ['--pairs', '1', '--smoke', '--scenario', 'http', '--out', out]
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...words], {
    encoding: 'utf8',
    env: { ...process.env, TMPDIR: folder },
    timeout: 110_000,
  })
  assert.equal(status, 0, stderr)
  assert.match(stdout, /1 pairs of runs/)
  assert.match(stdout, /no interval +too few pairs/)
  assert.match(stdout, /the exporter’s process, most in any run: [\d.]+ ms of CPU while blocks ran/)
  // One before the only block, one at the end.
  assert.match(stdout, /^exports received: 2$/m)
  const { pairs } = JSON.parse(readFileSync(out, 'utf8')) as Told
  const [pair] = pairs
  assert.ok(pair !== undefined && pair.withMetrics.scrapes > 0)
  assert.ok(pair.withMetrics.exporter !== null && pair.without.exporter === null)
  assert.equal(pair.without.scrapes, 0)
})

test('what is no number of pairs is refused', () => {
  const script = join(import.meta.dirname, 'metrics-benchmark.ts')
  const { status, stderr } = spawnSync(process.execPath, [script, '--pairs', '0'], {
    encoding: 'utf8',
  })
  assert.deepEqual([status, stderr], [64, '--pairs 0: expected 1 to 999\n'])
})
