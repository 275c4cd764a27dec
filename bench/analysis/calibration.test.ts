import assert from 'node:assert/strict'
import test from 'node:test'
import { calibrate, type Trial } from './calibration.ts'
import { liveComparison } from './live.ts'
import { summarise } from './summary.ts'
import { syntheticRun } from './testdata.ts'

/** A live comparison of one case of which it is known by how much the tree after is dearer. */
function trial(share: number, seed: number, blockSd = 0.004): Trial {
  const source = (label: string) => ({ label, commit: null, dirty: null })
  const run = syntheticRun({
    seed,
    blocks: 12,
    blockSd,
    sliceSd: 0.01,
    drift: 0.0005,
    arms: [
      {
        scenario: 'tls',
        role: 'case',
        against: 'tls@a',
        cpuUs: 30 * (1 + share),
        source: source('copy b'),
      },
      { scenario: 'tls', id: 'tls@a', role: 'baseline', cpuUs: 30, source: source('copy a') },
    ],
  })
  const { changes } = liveComparison(run, summarise(run))
  return {
    injectedShare: share,
    secondsPerMechanism: 30 + seed,
    firstSecondsPerMechanism: 20 + seed,
    changes,
    run,
  }
}

const unchanged = Array.from({ length: 6 }, (_, index) => trial(0, index + 1))

test('quiet A/A trials: nothing flagged, not even when their blocks are drawn anew', () => {
  const { falsePositives, blocksPerVerdict } = calibrate(unchanged, { seed: 1 })
  assert.equal(falsePositives.comparisons, 6)
  // CPU and p50 of one case, six times.
  assert.equal(falsePositives.verdicts, 12)
  assert.equal(falsePositives.flagged, 0)
  assert.equal(falsePositives.resampledShare, 0)
  // 6 comparisons of 12 blocks.
  assert.equal(falsePositives.blocks, 72)
  assert.equal(blocksPerVerdict, 12)
})

test('false positives are counted: A/A trials of unequal trees are all flagged', () => {
  const lying = [1, 2, 3].map((seed) => ({ ...trial(0.1, seed), injectedShare: 0 }))
  const { falsePositives } = calibrate(lying, { seed: 1 })
  assert.equal(falsePositives.flagged, falsePositives.verdicts)
  assert.ok((falsePositives.resampledShare ?? 0) > 0.99)
})

test('power: found, measured size and time, by share and case', () => {
  const { power } = calibrate([...unchanged, trial(0.05, 7), trial(0.05, 8), trial(0.03, 9)], {
    seed: 1,
  })
  assert.deepEqual(
    power.map(({ injectedShare, tries, found }) => [injectedShare, tries, found]),
    [
      [0.05, 2, 2],
      [0.03, 1, 1],
    ],
  )
  assert.ok(Math.abs((power[0]?.measuredShare ?? 0) - 0.05) < 0.01)
  assert.deepEqual(power[0]?.secondsPerMechanism, { median: 37.5, worst: 38 })
  assert.deepEqual(power[0].firstSecondsPerMechanism, { median: 27.5, worst: 28 })
})

test('the smallest detectable share grows with the noise, and is null where nothing would be found', () => {
  const shareAt = (blockSd: number) =>
    calibrate(
      [1, 2, 3, 4].map((seed) => trial(0, seed, blockSd)),
      { seed: 1 },
    ).smallestDetectable[0]?.share ?? null
  const [quiet, noisy] = [shareAt(0.002), shareAt(0.02)]
  assert.ok(quiet !== null && noisy !== null && quiet < noisy)
  // Nothing below the threshold of 1 % can be called worse.
  assert.ok(quiet > 0.01)
  assert.equal(shareAt(0.5), null)
})

test('pairing gain: drift that sequential analysis suffers from and pairing does not', () => {
  const { pairing, halfWidthAt16Blocks } = calibrate(unchanged, { seed: 1 })
  const [tls] = pairing
  assert.ok(tls !== undefined && tls.gain > 1 && tls.pairedSd < tls.sequentialSd)
  assert.equal(tls.gain, tls.sequentialSd / tls.pairedSd)
  assert.ok(halfWidthAt16Blocks !== null && halfWidthAt16Blocks.median <= halfWidthAt16Blocks.worst)
})

test('without A/A trials nothing is made up', () => {
  const { falsePositives, smallestDetectable, pairing, halfWidthAt16Blocks } = calibrate(
    [trial(0.05, 1)],
    { seed: 1 },
  )
  assert.deepEqual([falsePositives.resampledShare, falsePositives.blocks], [null, 0])
  assert.deepEqual([smallestDetectable, pairing, halfWidthAt16Blocks], [[], [], null])
})

test('the same trials give the same calibration', () => {
  assert.deepEqual(calibrate(unchanged, { seed: 5 }), calibrate(unchanged, { seed: 5 }))
})

test('one A/A trial has no other blocks to draw: a rate and a detectable share are unknown, not 0', () => {
  const { falsePositives, smallestDetectable } = calibrate([trial(0, 1)], { seed: 1 })
  assert.equal(falsePositives.resampledShare, null)
  assert.deepEqual(
    smallestDetectable.map(({ share }) => share),
    [null],
  )
})
