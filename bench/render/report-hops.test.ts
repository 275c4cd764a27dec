import assert from 'node:assert/strict'
import { test } from 'node:test'
import { summarise } from '../analysis/summary.ts'
import { combinedArms, syntheticRun } from '../analysis/testdata.ts'
import { hopCosts, hopRefusals } from './report-hops.ts'

const run = syntheticRun({ arms: combinedArms() })
const summary = summarise(run)
const [first] = summary.arms

test('hops are told with their costs and what each refuses alone', () => {
  assert.ok(first?.record.preflight)
  const figure = { estimate: 210, low: 208, high: 212, level: 0.99, blocks: 12 }
  const bypassed = { holds: 'the <tokens> of the gateway', tried: 9, refused: 8 }
  const hop = {
    ...{ hop: 'service', cpuUsPerRequest: figure, ownP50Us: null },
    ...{ wholeP50Us: null, singleOwnP50Us: null, bypassed },
  }
  const costs = String(hopCosts({ ...summary, arms: [{ ...first, hops: [hop] }] }, () => 'chain'))
  for (const part of ['chain', 'service', '210 ± 2', '8 of 9'])
    assert.ok(costs.includes(part), part)
  const preflight = {
    ...first.record.preflight,
    hops: [{ ...bypassed, hop: 'service', refusals: [] }],
  }
  const refusals = String(hopRefusals([{ ...first.record, preflight }]))
  assert.ok(refusals.includes('combined: the service alone refuses 8 of 9'), refusals)
  assert.ok(refusals.includes('the &lt;tokens&gt; of the gateway'), refusals)
})

test('where every case is one server nothing is told', () => {
  assert.equal(
    hopCosts(summary, (id) => id),
    null,
  )
  assert.equal(hopRefusals(run.arms), null)
})
