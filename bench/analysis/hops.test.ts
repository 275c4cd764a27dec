import assert from 'node:assert/strict'
import test from 'node:test'
import { hopFigures } from './hops.ts'
import { hopArm, hopRun } from './hops-testdata.ts'
import { idOf, syntheticRun } from './testdata.ts'

const at = { arm: idOf(hopArm), connections: 8, level: 0.99 }
const blocks = () => hopRun(9).blocks

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
  const plain = syntheticRun({ arms: [hopArm], blocks: 2 }).blocks
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
