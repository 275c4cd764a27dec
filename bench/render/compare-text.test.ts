import assert from 'node:assert/strict'
import { test } from 'node:test'
import { stripVTControlCharacters } from 'node:util'
import { compareRuns } from '../analysis/compare.ts'
import { liveComparison } from '../analysis/live.ts'
import type { RunComparison } from '../analysis/sides.ts'
import { summarise } from '../analysis/summary.ts'
import { combinedArms, syntheticRun, type SyntheticArm } from '../analysis/testdata.ts'
import { renderComparison } from './compare-text.ts'
import { TEXT_WIDTH } from './table.ts'

const plain = { color: false } as const

test('two stored runs read as this table', () => {
  assert.equal(renderComparison(stored(), plain), STORED)
})

test('two trees measured live read as this table', () => {
  assert.equal(renderComparison(live(), plain), LIVE)
})

test('a forced comparison says so first', () => {
  const [before, after] = [
    syntheticRun({ arms: combinedArms(), blocks: 8 }),
    syntheticRun({ arms: combinedArms(), blocks: 8, seed: 2 }),
  ]
  const other = { ...after, measuringVersion: 2 }
  const told = renderComparison(
    compareRuns(before, other, { defaults: () => null, force: true }),
    plain,
  )
  assert.match(told, /^FORCED although measuring version differs \(1 and 2\)\n\nbefore: /)
})

test('without anything in common there is no table, but the names', () => {
  const told = renderComparison({ ...live(), changes: [] }, plain)
  assert.match(told, /\nnothing to compare\n/)
  assert.doesNotMatch(told, /Changes:/)
})

test('colours only if asked for; 100 columns; no space at the end of a line', () => {
  for (const comparison of [stored(), live()]) {
    const told = renderComparison(comparison, plain)
    assert.ok(!told.includes('\u001b'))
    const coloured = renderComparison(comparison, { color: true })
    assert.ok(coloured.includes('\u001b['))
    assert.equal(stripVTControlCharacters(coloured), told)
    for (const line of told.split('\n')) {
      assert.ok(line.length <= TEXT_WIDTH, `${line.length}: ${line}`)
      assert.equal(line, line.trimEnd())
    }
  }
})

function stored(): RunComparison {
  const slower = combinedArms()
    .filter(({ scenario }) => scenario !== 'mtls')
    .map((arm) => (arm.scenario === 'jwt' ? { ...arm, cpuUs: arm.cpuUs * 1.2 } : arm))
  return compareRuns(
    syntheticRun({ arms: combinedArms(), seed: 1 }),
    syntheticRun({ arms: slower, seed: 2 }),
    { defaults: () => null },
  )
}

function live(): RunComparison {
  const pair = (scenario: string, cpuUs: number, nowUs: number): SyntheticArm[] => [
    {
      scenario,
      id: `${scenario}@now`,
      against: `${scenario}@main`,
      cpuUs: nowUs,
      source: { label: 'working tree', commit: 'a'.repeat(40), dirty: true },
    },
    {
      scenario,
      id: `${scenario}@main`,
      role: 'baseline',
      cpuUs,
      source: { label: 'main', commit: 'b'.repeat(40), dirty: false },
    },
  ]
  const run = syntheticRun({
    blocks: 16,
    blockSd: 0.006,
    arms: [
      ...pair('tls', 60, 60),
      ...pair('jwt', 190, 180),
      ...pair('combined', 197, 209),
      ...pair('mtls', 62, 62).map(
        (arm) => ({ ...arm, outcome: 'skipped', reason: 'not in this tree' }) as const,
      ),
      { scenario: 'reference', role: 'reference', cpuUs: 30 },
    ],
  })
  return liveComparison(run, summarise(run))
}

const STORED = `before: 01234567 (main), run run-1
after:  01234567 (main), run run-2

                            before ÷ ref    after ÷ ref         change
jwt       CPU per request    6.31 ± 0.09    7.64 ± 0.10  worse  +21.0 % (+10.6 % to +32.5 %)
jwt       p50 latency *      3.96 ± 0.05    4.76 ± 0.07  worse  +20.3 % (+9.9 % to +31.7 %)
combined  CPU per request    6.55 ± 0.14    6.62 ± 0.15  ~      rules out more than 10.9 %
combined  p50 latency *      4.11 ± 0.10    4.12 ± 0.10  ~      rules out more than 10.1 %
tls       CPU per request  1.158 ± 0.017    1.18 ± 0.03  ~      rules out more than 11.5 %
tls       p50 latency *    0.998 ± 0.008  1.006 ± 0.012  ~      rules out more than 10.3 %

not compared: mtls/connections=8/key=p256/tls=1.3, only in the first run

Changes: 99 % interval over 12 blocks, all 6 at once. worse and better: all of it is beyond 1 %;
  same: all of it is within 3 %; ~ neither.
±: 99 % interval over 12 blocks, of that figure alone.
÷ ref: divided by the same figure of the reference server in the same blocks.
all rows that have it: alg=ES256, connections=8, key=p256, tls=1.3, token=jwt
* the client was the limit there or of the reference: this latency is largely the client’s.

warning: runs of different sessions: each is taken to wander by 2.0 % sd, assumed until one commit
  has three runs here, so that only large changes show
  npm run compare -- --live 01234567 measures both now, side by side
`

const LIVE = `before: main
after:  working tree, uncommitted changes

                                    before        after          change
combined  CPU per request, µs  196.4 ± 1.4  209.5 ± 1.4  worse   +6.5 % (+5.3 % to +7.9 %)
combined  p50 latency, µs       1,571 ± 18   1,674 ± 11  worse   +6.5 % (+5.3 % to +7.9 %)
jwt       CPU per request, µs  189.7 ± 1.4  180.3 ± 1.1  better  -5.0 % (-5.9 % to -3.9 %)
jwt       p50 latency, µs       1,515 ± 13   1,439 ± 13  better  -5.0 % (-5.9 % to -3.9 %)
tls       CPU per request, µs   60.1 ± 0.5   59.9 ± 0.5  same    -0.4 % (-1.7 % to +0.5 %)
tls       p50 latency, µs          482 ± 4      481 ± 5  same    -0.4 % (-1.7 % to +0.5 %)

not compared: mtls/connections=8, skipped in working tree: not in this tree
not compared: mtls/connections=8, skipped in main: not in this tree

Changes: 99.1 % interval over 16 blocks, all 6 at once. worse and better: all of it is beyond 1 %;
  same: all of it is within 3 %; ~ neither.
±: 99 % interval over 16 blocks, of that figure alone.
all rows that have it: connections=8
`
