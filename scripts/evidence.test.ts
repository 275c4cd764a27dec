import assert from 'node:assert/strict'
import test from 'node:test'
import type { Calibration } from '../bench/analysis/calibration.ts'
import { evidenceRows, renderEvidence, type Evidence } from './evidence/table.ts'

const seconds = (worst: number) => ({ median: worst / 2, worst })

function calibration(changes: Partial<Calibration['falsePositives']> = {}): Calibration {
  const found = (injectedShare: number, name: string, worst: number) => ({
    injectedShare,
    case: `${name}/connections=8`,
    tries: 5,
    found: 5,
    measuredShare: injectedShare,
    secondsPerMechanism: seconds(worst),
    firstSecondsPerMechanism: seconds(worst - 10),
  })
  return {
    falsePositives: {
      comparisons: 10,
      verdicts: 40,
      flagged: 0,
      undecided: 4,
      resampledShare: 0.005,
      blocks: 150,
      ...changes,
    },
    power: [
      found(0.05, 'tls', 60),
      found(0.05, 'combined', 60),
      found(0.03, 'tls', 120),
      found(0.03, 'combined', 120),
    ],
    smallestDetectable: [],
    blocksPerVerdict: 15,
    halfWidthAt16Blocks: { median: 0.012, worst: 0.02 },
    pairing: [
      { case: 'tls/connections=8', pairedSd: 0.01, sequentialSd: 0.05, gain: 5 },
      { case: 'combined/connections=8', pairedSd: 0.01, sequentialSd: 0.06, gain: 6 },
    ],
  }
}

const good: Evidence = {
  calibration: calibration(),
  full: { seconds: 600, blocks: 40 },
  reanalysis: {
    analyses: [
      { seconds: 0.5, sha256: 'a' },
      { seconds: 1.9, sha256: 'a' },
    ],
  },
  drivers: { claims: [{ name: 'CPU', ratio: { estimate: 1, low: 0.9, high: 1.1 }, holds: true }] },
}

test('exactly what was asked holds, row by row', () => {
  const rows = evidenceRows(good)
  assert.equal(rows.length, 10)
  for (const { asked, holds } of rows) assert.equal(holds, true, asked)
})

const misses: [string, Evidence][] = [
  ['A/A, 10', { ...good, calibration: calibration({ flagged: 1 }) }],
  ['A/A resampled', { ...good, calibration: calibration({ resampledShare: 0.0051 }) }],
  ['A/A undecided', { ...good, calibration: calibration({ undecided: 5 }) }],
  [
    '99 % half-width',
    {
      ...good,
      calibration: { ...calibration(), halfWidthAt16Blocks: { median: 0.0121, worst: 1 } },
    },
  ],
  [
    'sd, sequential',
    {
      ...good,
      calibration: {
        ...calibration(),
        pairing: [{ case: 'tls', pairedSd: 0.01, sequentialSd: 0.049, gain: 4.9 }],
      },
    },
  ],
  ['+5 %', { ...good, calibration: withPower(0, { found: 4 }) }],
  ['+5 %', { ...good, calibration: withPower(0, { secondsPerMechanism: seconds(61) }) }],
  ['+3 %', { ...good, calibration: withPower(2, { found: 3 }) }],
  ['five mechanisms', { ...good, full: { seconds: 601, blocks: 40 } }],
  ['the same run', { ...good, reanalysis: { analyses: [analysis(1, 'a'), analysis(1, 'b')] } }],
  ['the same run', { ...good, reanalysis: { analyses: [analysis(1, 'a'), analysis(2, 'a')] } }],
]
for (const [asked, evidence] of misses) {
  test(`a miss is told as one: ${asked}`, () => {
    const missed = evidenceRows(evidence).filter(({ holds }) => holds === false)
    assert.equal(missed.length, 1)
    assert.ok(missed[0]?.asked.startsWith(asked))
    assert.match(renderEvidence(evidence), /missed/)
  })
}

test('+3 %: one of ten may be missed', () => {
  const rows = evidenceRows({ ...good, calibration: withPower(2, { found: 4 }) })
  assert.ok(rows.every(({ holds }) => holds === true))
})

test('what was not measured, or too little of it, is not shown, never held', () => {
  const none = evidenceRows({ calibration: null, full: null, reanalysis: null, drivers: null })
  assert.ok(none.every(({ holds, seen }) => holds === null && seen === 'not measured'))
  const few = { ...calibration({ comparisons: 9, blocks: 149 }), power: [] }
  const rows = evidenceRows({ ...good, calibration: few })
  assert.deepEqual(
    rows.filter(({ holds }) => holds === null).map(({ asked }) => asked.slice(0, 13)),
    ['A/A, 10 compa', 'A/A resampled', '+5 %, 10 trie', '+3 %, 10 trie'],
  )
  // Shares that nobody injected are no zero tries in zero seconds.
  const powers = rows.filter(({ asked }) => asked.startsWith('+'))
  assert.ok(powers.every(({ seen }) => seen === 'not measured'))
})

function withPower(row: number, change: Partial<Calibration['power'][number]>): Calibration {
  const whole = calibration()
  return {
    ...whole,
    power: whole.power.map((each, index) => (index === row ? { ...each, ...change } : each)),
  }
}

function analysis(wanted: number, sha256: string) {
  return { seconds: wanted, sha256 }
}
