import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { HopFigures } from '../analysis/hops.ts'
import { summarise } from '../analysis/summary.ts'
import { combinedArms, syntheticRun } from '../analysis/testdata.ts'
import { hopTables } from './hops-text.ts'
import { TEXT_WIDTH } from './table.ts'

const figure = (estimate: number) => ({
  ...{ estimate, low: estimate - 2, high: estimate + 2 },
  ...{ level: 0.99, blocks: 12 },
})
const gateway: HopFigures = {
  hop: 'gateway',
  cpuUsPerRequest: figure(210),
  ownP50Us: figure(800),
  wholeP50Us: figure(1_500),
  singleOwnP50Us: figure(150),
  bypassed: null,
}
const service: HopFigures = {
  hop: 'service',
  cpuUsPerRequest: figure(40),
  ownP50Us: null,
  wholeP50Us: null,
  singleOwnP50Us: null,
  bypassed: { holds: 'the machine of the gateway', tried: 9, refused: 0 },
}

test('each hop has a row, and what an attacker has who gets at it a line', () => {
  const [first] = summarise(syntheticRun({ arms: combinedArms() })).arms
  assert.ok(first)
  const sections = hopTables([{ ...first, hops: [gateway, service] }], () => 'chain', {
    color: false,
  })
  assert.equal(sections.map((lines) => lines.join('\n')).join('\n\n'), GOLDEN)
  for (const line of sections.flat()) assert.ok(line.length <= TEXT_WIDTH, line)
})

test('what a product does not tell is said', () => {
  const [first] = summarise(syntheticRun({ arms: combinedArms() })).arms
  assert.ok(first?.record.preflight)
  const preflight = { ...first.record.preflight, product: 'nginx 1.22.1' }
  const arm = { ...first, record: { ...first.record, preflight }, hops: [gateway, service] }
  const [table = []] = hopTables([arm], () => 'chain', { color: false })
  assert.ok(table.includes('–: nginx 1.22.1 does not tell how long it takes'), table.join('\n'))
})

test('where every case is one server there is no table and no note', () => {
  const { arms } = summarise(syntheticRun({ arms: combinedArms() }))
  assert.deepEqual(
    hopTables(arms, (id) => id, { color: false }),
    [],
  )
})

const GOLDEN = `chain, hop by hop
         CPU µs/req  own p50 µs    alone  with rest  still refuses
gateway     210 ± 2     800 ± 2  150 ± 2  1,500 ± 2
service      40 ± 2           –        –          –         0 of 9
service: by an attacker who has the machine of the gateway

own: in the process of the hop, without waiting for the next one; alone: the same at one
  connection; with rest: to the answer, all hops behind it included. still refuses: bad requests
  refused where all hops before are in the hands of an attacker; npm run verify names them.`
