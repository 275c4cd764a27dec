import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { DEFAULT_LEVEL } from '../bench/analysis/stats.ts'
import { temporaryFolder } from '../bench/cli-testbed.ts'
import { createRandom } from '../bench/random.ts'
import {
  dentsOf,
  describeDents,
  hasNoDent,
  type RefreshPair,
  type RefreshWindow,
} from './refresh-benchmark/report.ts'

const renewals = [1_000, 2_000, 3_000].map((askedMs) => ({ askedMs, tookMs: 7 }))

/** 1,000 requests/s for 4 s of about a millisecond each, slower by a factor for 50 ms from each renewal on. */
function windowOf(seed: number, slower: number): RefreshWindow {
  const random = createRandom(seed)
  const dueMs = Array.from({ length: 4_000 }, (_, request) => request)
  const isSlow = (atMs: number) =>
    renewals.some(({ askedMs }) => atMs >= askedMs && atMs < askedMs + 50)
  const responseMs = dueMs.map((atMs) => (1 + random() * 0.2) * (isSlow(atMs) ? slower : 1))
  return { dueMs, responseMs, renewals: [] }
}

/** Pairs in which requests feel renewals by a factor; 1: not at all. */
function pairsOf(count: number, slower: number): RefreshPair[] {
  return Array.from({ length: count }, (_, pair) => ({
    withRenewals: { ...windowOf(2 * pair, slower), renewals },
    without: windowOf(2 * pair + 1, 1),
  }))
}

test('renewals that nobody feels: no dent anywhere, and the grounds are told', () => {
  const pairs = pairsOf(12, 1)
  const dents = dentsOf(pairs, DEFAULT_LEVEL)
  assert.ok(hasNoDent(dents))
  // 3 times 100 ms of 1,000/s, and of 12 pairs all.
  assert.deepEqual(
    dents.map(({ samples }) => samples),
    [3_600, 3_600, 3_600, 3_600, 48_000, 48_000, 3_600, 3_600],
  )
  for (const { ratio } of dents) {
    assert.ok(ratio?.low != null && ratio.high !== null && ratio.low < 1.01 && ratio.high > 0.99)
    assert.equal(ratio.blocks, 12)
  }
  const text = describeDents(pairs, dents).join('\n')
  assert.match(text, /12 pairs of windows/)
  assert.match(text, /p99 of windows with renewals .* same, rules out more than \d\.\d %/)
  assert.match(text, /36 renewals, which took 7\.0 ms, 7\.0 ms at most/)
})

test('requests that are half as fast again beside a renewal are found, and the control shows nothing', () => {
  const dents = dentsOf(pairsOf(12, 1.5), DEFAULT_LEVEL)
  assert.ok(!hasNoDent(dents))
  const around = dents.filter(({ what }) => what === 'p99 around renewals')
  assert.deepEqual(
    around.map(({ ratio }) => Math.abs((ratio?.estimate ?? 0) - 1.5) < 0.05),
    [true, true],
  )
  const controls = dents.filter(({ isClaim }) => !isClaim)
  assert.equal(controls.length, 2)
  for (const { ratio } of controls) assert.ok(Math.abs((ratio?.estimate ?? 0) - 1) < 0.02)
})

test('one pair claims nothing; without renewals there is no figure around them', () => {
  const pairs = pairsOf(1, 1.5)
  assert.match(describeDents(pairs, dentsOf(pairs, DEFAULT_LEVEL)).join('\n'), /too few pairs/)
  const still = [{ withRenewals: windowOf(1, 1), without: windowOf(2, 1) }]
  const dents = dentsOf(still, DEFAULT_LEVEL)
  assert.deepEqual(
    dents.map(({ samples, ratio }) => samples > 0 && ratio !== null),
    [false, false, false, false, true, true, false, false],
  )
  assert.match(describeDents(still, dents).join('\n'), /no token was renewed/)
})

test('the script itself: tokens are renewed in one of two windows of one schedule, all is answered', async (t) => {
  const folder = temporaryFolder(t)
  const file = join(folder, 'out.json')
  const script = join(import.meta.dirname, 'refresh-benchmark.ts')
  const { code, out, err } = await runScript([script, '--smoke', '--out', file], folder)
  assert.equal(code, 0, err)
  assert.match(out, /^SMOKE RUN: no figure here is a measurement/)
  const { isSmoke, pairs } = JSON.parse(readFileSync(file, 'utf8')) as {
    isSmoke: boolean
    pairs: RefreshPair[]
  }
  assert.deepEqual([isSmoke, pairs.length], [true, 1])
  for (const { withRenewals, without } of pairs) {
    assert.deepEqual(withRenewals.dueMs, without.dueMs)
    for (const { dueMs, responseMs } of [withRenewals, without]) {
      assert.equal(responseMs.length, dueMs.length)
      assert.ok(responseMs.every((ms) => ms > 0))
    }
    // 3 s in lifetimes of 1 s.
    assert.ok(withRenewals.renewals.length >= 2 && without.renewals.length === 0)
  }
  const wrong = await runScript([script, '--pairs', '0'], folder)
  assert.deepEqual([wrong.code, wrong.err], [64, '--pairs 0: expected 1 to 99\n'])
})

/** Runs a script to its end, on a machine of its own: its lock is in that folder. */
async function runScript(words: readonly string[], folder: string) {
  const child = spawn(process.execPath, words, { env: { ...process.env, TMPDIR: folder } })
  let [out, err] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text))
  const code = await new Promise((resolve) => child.once('close', resolve))
  return { code, out, err }
}
