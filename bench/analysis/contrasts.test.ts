import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { Run } from '../results.ts'
import { burstiness, compareArms, decompose, type Readings } from './contrasts.ts'
import { measuredBlocks, ownConnections, readArm } from './reading.ts'
import type { Estimate } from './stats.ts'
import { combinedArms, idOf, syntheticRun, tlsSettings, type SyntheticRun } from './testdata.ts'
import { defaultThresholds } from './verdict.ts'

const exact = { blockSd: 0, sliceSd: 0 } as const
const combined = idOf({
  scenario: 'combined',
  parameters: { ...tlsSettings, alg: 'ES256', token: 'jwt' },
})
const tls = idOf({ scenario: 'tls', parameters: tlsSettings })

suite('comparisons', () => {
  test('cover every arm that names another, in both gated metrics', () => {
    const run = syntheticRun({ arms: combinedArms(), blocks: 2 })
    const cells = compare(run).map(({ case: id, against, metric }) => [
      id.split('/')[0],
      against,
      metric,
    ])
    assert.deepEqual(cells, [
      ['combined', tls, 'cpuUsPerRequest'],
      ['combined', tls, 'latencyP50Us'],
      ['mtls', tls, 'cpuUsPerRequest'],
      ['mtls', tls, 'latencyP50Us'],
      ['jwt', tls, 'cpuUsPerRequest'],
      ['jwt', tls, 'latencyP50Us'],
    ])
  })

  test('without noise give the ratio and the difference of the true costs', () => {
    const run = syntheticRun({ ...exact, arms: combinedArms(), blocks: 12 })
    const [cpu] = compare(run)
    assertInterval(cpu?.ratio, 197 / 35, 197 / 35)
    assertInterval(cpu?.difference, 162, 162)
    assert.equal(cpu?.verdict, 'worse')
    assert.equal(cpu.rulesOutMoreThan, null)
  })

  test('take out a drift that all arms share', () => {
    // Costs grow by 0.4 % from slice to slice, to one and a half within a block.
    const run = syntheticRun({ ...exact, drift: 0.004, arms: twins(1), blocks: 12 })
    const [cpu] = compare(run)
    assertInterval(cpu?.ratio, 1, 1)
    assert.equal(cpu?.verdict, 'same')
  })

  test('find an injected 5 % and flag nothing where there is nothing', () => {
    for (let seed = 1; seed <= 8; seed++) {
      const options = { blocks: 12, blockSd: 0.005, sliceSd: 0.02, seed }
      const verdictOf = (factor: number) =>
        compare(syntheticRun({ ...options, arms: twins(factor) }))[0]?.verdict
      assert.equal(verdictOf(1.05), 'worse', `seed ${seed}`)
      assert.equal(verdictOf(1 / 1.05), 'better', `seed ${seed}`)
      assert.ok(['same', 'undecided'].includes(verdictOf(1) ?? ''), `seed ${seed}`)
    }
  })

  test('leave out failed blocks and arms that were not measured', () => {
    const run = syntheticRun({ ...exact, arms: combinedArms(), blocks: 9 })
    const spoilt: Run = {
      ...run,
      blocks: run.blocks.map((block) =>
        block.index === 3 ? { ...block, outcome: 'failed' } : block,
      ),
      arms: run.arms.map((arm) => (arm.scenario === 'mtls' ? { ...arm, outcome: 'failed' } : arm)),
    }
    const comparisons = compare(spoilt)
    assert.deepEqual([...new Set(comparisons.map(({ ratio }) => ratio?.blocks))], [8])
    assert.deepEqual(
      [...new Set(comparisons.map(({ case: id }) => id.split('/')[0]))],
      ['combined', 'jwt'],
    )
  })

  test('mark latencies that the client limited, never costs', () => {
    const limited = compare(syntheticRun({ ...exact, arms: combinedArms(), blocks: 2 }))
      .filter(({ clientLimited }) => clientLimited)
      .map(({ case: id, metric }) => [id.split('/')[0], metric])
    // tls is limited by the client, so every latency against it is.
    assert.deepEqual(limited, [
      ['combined', 'latencyP50Us'],
      ['mtls', 'latencyP50Us'],
      ['jwt', 'latencyP50Us'],
    ])
  })
})

suite('decompositions', () => {
  test('without noise split the cost exactly', () => {
    const run = syntheticRun({ ...exact, arms: combinedArms(), blocks: 12 })
    const [found, ...others] = decomposeRun(run)
    assert.equal(others.length, 0)
    assert.deepEqual([found?.case, found?.against], [combined, tls])
    assertInterval(found?.total, 162, 162)
    // mtls 37 - 35, jwt 190 - 35; 162 - 2 - 155 is left.
    assertInterval(found?.parts[0]?.share, 2 / 162, 2 / 162)
    assertInterval(found?.parts[1]?.share, 155 / 162, 155 / 162)
    assertInterval(found?.parts[1]?.difference, 155, 155)
    assertInterval(found?.interaction, 5, 5)
  })

  test('add up in every block, noise or not', () => {
    const run = syntheticRun({ arms: combinedArms(), blocks: 1, seed: 5 })
    const [found] = decomposeRun(run)
    const parts = found?.parts.map(({ difference }) => difference?.estimate ?? 0) ?? []
    const sum = parts.reduce((total, part) => total + part, found?.interaction?.estimate ?? 0)
    assert.ok(Math.abs(sum - (found?.total.estimate ?? 0)) < 1e-9)
  })

  test('give no share of a total that may be nothing', () => {
    const [first, ...rest] = combinedArms()
    assert.ok(first !== undefined)
    const free = { ...first, cpuUs: 35.05 }
    const run = syntheticRun({ arms: [free, ...rest], blocks: 12, blockSd: 0.02 })
    const [found] = decomposeRun(run)
    assert.deepEqual(
      found?.parts.map(({ share }) => share),
      [null, null],
    )
    assert.ok(found.parts.every(({ difference }) => difference !== null))
  })

  test('give no share below the least level: 5 blocks reach 93.75 %', () => {
    const shares = (blocks: number) =>
      decomposeRun(syntheticRun({ arms: combinedArms(), blocks }))[0]?.parts.map(
        ({ share }) => share !== null,
      )
    assert.deepEqual(shares(5), [false, false])
    assert.deepEqual(shares(6), [true, true])
  })

  test('are left out where a part was not measured', () => {
    const arms = combinedArms().map((arm) =>
      arm.scenario === 'jwt' ? ({ ...arm, outcome: 'failed' } as const) : arm,
    )
    assert.deepEqual(decomposeRun(syntheticRun({ arms, blocks: 8 })), [])
  })
})

test('a cost in few slices shows as burstiness, not in the typical slice', () => {
  const run = syntheticRun({ ...exact, arms: twins(1), blocks: 8 })
  const bursty: Run = {
    ...run,
    blocks: run.blocks.map((block) => ({
      ...block,
      // 2 of 10 paired slices of the case cost twice as much: 20 % on the mean, nothing on the median.
      slices: block.slices.map((slice) =>
        slice.arm === 'after' && slice.position < 4
          ? { ...slice, cpuUs: (slice.cpuUs ?? 0) * 2 }
          : slice,
      ),
    })),
  }
  const readings = readAll(bursty)
  const [one, other] = [readings.get('after'), readings.get('before')]
  assert.ok(one !== undefined && other !== undefined)
  assertInterval(burstiness(one, other, 0.99), Math.log(1.2), Math.log(1.2))
  assertInterval(compare(bursty)[0]?.ratio, 1, 1)
})

/** One case from two trees, the second so many times as dear. */
function twins(factor: number): SyntheticRun['arms'] {
  return [
    { scenario: 'tls', id: 'after', role: 'case', against: 'before', cpuUs: 60 * factor },
    { scenario: 'tls', id: 'before', role: 'baseline', cpuUs: 60 },
  ]
}

function readAll(run: Run): Readings {
  return new Map(
    run.arms
      .filter(({ outcome }) => outcome === 'measured')
      .map((arm) => [arm.id, readArm(measuredBlocks(run.blocks), arm.id, ownConnections(arm))]),
  )
}

function compare(run: Run) {
  return compareArms(run.arms, readAll(run), { thresholds: defaultThresholds, seed: run.seed })
}

function decomposeRun(run: Run) {
  return decompose(run.arms, readAll(run), defaultThresholds)
}

function assertInterval(actual: Estimate | null | undefined, low: number, high: number): void {
  assert.ok(actual?.low != null && actual.high !== null)
  assert.ok(Math.abs(actual.low - low) < 1e-9, `low ${actual.low}, expected ${low}`)
  assert.ok(Math.abs(actual.high - high) < 1e-9, `high ${actual.high}, expected ${high}`)
}
