import assert from 'node:assert/strict'
import test from 'node:test'
import { closedRun, demandOf } from '../analysis/capacity-testdata.ts'
import { sizingChart } from './charts-sizing.ts'
import { roleColours } from './palette.ts'
import { sizingOf } from './sizing-testdata.ts'

test('a bar for each limit, before it is rounded up; the one that binds has a colour of its own', () => {
  const { sizing } = sizingOf(demandOf({ burst: 1.5 }))
  const { facts, data } = sizingChart(sizing, { sizingId: 'size-1' })
  assert.deepEqual(
    facts.bars?.rows.map(({ name }) => name),
    ['CPU', 'CPU in bursts', 'measured range'],
  )
  const [bars] = data.datasets
  // 4 cores of work: ÷ 0.7 at peak, × 1.5 ÷ 0.95 in bursts.
  const [cpu, bursts] = bars?.data ?? []
  assert.ok(Math.abs((cpu ?? 0) - 4 / 0.7) < 0.05)
  assert.ok(Math.abs((bursts ?? 0) - 6 / 0.95) < 0.05)
  assert.deepEqual(bars?.backgroundColor, [
    roleColours.baseline,
    roleColours.case,
    roleColours.baseline,
  ])
  assert.match(facts.frame.title.join(' '), /^7 instances of 1 core/)
  assert.match(facts.frame.footer.join(' '), /NOT VALIDATED/)
})

test('a limit that no number of instances meets has no bar, and says so', () => {
  const introspection = closedRun([{ scenario: 'introspection', cpuUs: 250, issuerCpuUs: 200 }])
  const demand = demandOf({ mechanisms: [{ scenario: 'introspection' }], issuerCores: 1 })
  const { sizing } = sizingOf(demand, {}, [introspection])
  const { facts, data } = sizingChart(sizing, { sizingId: 'size-1' })
  assert.equal(data.datasets[0]?.data.at(-1), null)
  assert.match(facts.bars?.rows.at(-1)?.label[0]?.text ?? '', /no number of instances is enough/)
})
