import assert from 'node:assert/strict'
import test from 'node:test'
import { demandOf } from '../analysis/capacity-testdata.ts'
import { renderSizing, validationLine } from './sizing-text.ts'
import { sizingOf } from './sizing-testdata.ts'

const plain = { color: false }

test('a size, to the letter', () => {
  const demand = demandOf({
    mechanisms: [
      { scenario: 'jwt', share: 0.5 },
      { scenario: 'mtls', share: 0.5 },
    ],
    meanRate: 8_000,
    burst: 1.5,
    spare: 'N+1',
    coresPerInstance: 2,
    scaling: 0.9,
    p99: '25ms',
    price: 0.38,
  })
  assert.equal(renderSizing(sizingOf(demand), plain), golden)
})

test('a log is told with what could not be read of it', () => {
  const log = {
    lines: 1_000,
    requests: 997,
    garbage: 3,
    firstGarbage: [4, 5, 90],
    late: 2,
    seconds: 100,
    peak1PerSecond: 50,
    peak10PerSecond: 14,
    meanPerSecond: 9.97,
    dispersion: 1.5,
    requestsPerConnection: 12.5,
    isApproximate: true,
    resumedShare: null,
    serverErrorShare: 0,
  }
  const text = renderSizing({ ...sizingOf(demandOf()), log }, plain)
  assert.match(
    text,
    /^Access log: 1,000 lines, 3 of them garbage, first in line 4, 5, 90; 2 too late to be placed in\s+time; 100 s\.\n/,
  )
  assert.match(text, /Requests per connection: 12\.5, by address and port\./)
})

test('a fleet that does not fit says so, and by what', () => {
  const sizing = sizingOf(demandOf({ instances: 5 }))
  assert.match(renderSizing(sizing, plain), /DOES NOT FIT: CPU needs more than there is\./)
})

test('a validation of which nothing could be judged says so', () => {
  const errors = {
    cpuMean: null,
    cpuWorst: null,
    saturationWorst: null,
    p50Worst: null,
    p99Worst: null,
    coverage: null,
    predictions: 0,
  }
  const validation = { validationId: 'v', startedAt: '2025-01-01T00:00:00.000Z', errors }
  assert.match(
    validationLine(validation),
    /CPU error mean not judged, worst not judged; .*coverage/,
  )
})

const golden = ``
