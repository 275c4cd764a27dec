import assert from 'node:assert/strict'
import test from 'node:test'
import { createHistogram, encodeHistogram, recordUs } from '../load/histogram.ts'
import type { Block, Slice } from '../results.ts'
import { hopFigures } from './hops.ts'
import { syntheticRun, type SyntheticArm } from './testdata.ts'

const arm: SyntheticArm = { scenario: 'mtls-gateway', cpuUs: 100 }
const at = { arm: 'mtls-gateway/connections=8', connections: 8, level: 0.99 }

/** Blocks in which the gateway has 60 % of the CPU, and 70 µs of a request. */
function blocks(): Block[] {
  const shared = (slice: Slice): Slice => ({
    ...slice,
    hops: [
      { hop: 'gateway', cpuUs: (slice.cpuUs ?? 0) * 0.6 },
      { hop: 'service', cpuUs: (slice.cpuUs ?? 0) * 0.4 },
    ],
  })
  const span = (hop: string, connections: number, own: number, whole: number) => ({
    ...{ arm: at.arm, connections, hop },
    ...{ own: histogram(own), whole: histogram(whole) },
  })
  return syntheticRun({ arms: [arm], blocks: 9 }).blocks.map((block) => ({
    ...block,
    slices: block.slices.map(shared),
    spans: [span('gateway', 8, 70, 130), span('service', 8, 50, 50), span('gateway', 1, 40, 90)],
  }))
}

function histogram(valueUs: number): string {
  const one = createHistogram()
  recordUs(one, valueUs)
  return encodeHistogram(one)
}

test('CPU by hop adds up to that of the arm; spans are medians over blocks', () => {
  const figures = hopFigures(blocks(), at, [])
  assert.deepEqual(
    figures.map(({ hop, ownP50Us, wholeP50Us, singleOwnP50Us }) => [
      hop,
      ownP50Us?.estimate,
      wholeP50Us?.estimate,
      singleOwnP50Us?.estimate ?? null,
    ]),
    [
      ['gateway', 70, 130, 40],
      ['service', 50, 50, null],
    ],
  )
  const [gateway, service] = figures.map(({ cpuUsPerRequest }) => cpuUsPerRequest)
  assert.ok(gateway && service)
  assert.ok(Math.abs(gateway.estimate / service.estimate - 1.5) < 1e-9)
  assert.ok(Math.abs(gateway.estimate + service.estimate - 100) < 5)
  assert.equal(gateway.blocks, 9)
})

test('what a hop refuses on its own stands beside it; the first has none before it', () => {
  const bypassed = { hop: 'service', holds: 'tokens', tried: 9, refused: 8, refusals: [] }
  assert.deepEqual(
    hopFigures(blocks(), at, [bypassed]).map((one) => one.bypassed),
    [null, { holds: 'tokens', tried: 9, refused: 8 }],
  )
})

test('one server has no hops, and slices that lack a share give no figure', () => {
  const plain = syntheticRun({ arms: [arm], blocks: 2 }).blocks
  assert.deepEqual(hopFigures(plain, at, []), [])
  const [first, ...others] = blocks()
  assert.ok(first)
  const torn = first.slices.map((slice, index) => {
    const { hops: _hops, ...bare } = slice
    return index === 0 ? bare : { ...bare, hops: [{ hop: 'gateway', cpuUs: 1 }] }
  })
  const [gateway] = hopFigures([{ ...first, slices: torn }, ...others], at, [])
  assert.equal(gateway?.cpuUsPerRequest?.blocks, others.length)
})
