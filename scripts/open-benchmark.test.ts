import assert from 'node:assert/strict'
import test from 'node:test'
import { createSchedule, type OpenPlan } from '../bench/load/schedule.ts'
import { bucketShares, dispersionDeviate } from './open-benchmark/judge.ts'

const plan: OpenPlan = { ratePerSecond: 1_000, arrivals: 'constant', durationMs: 10_001, seed: 4 }
const arrivals = (changes: Partial<OpenPlan>) => ({
  arrivalsMs: [...createSchedule({ ...plan, ...changes })],
})

test('even arrivals have a tenth of each second in each tenth of it', () => {
  assert.deepEqual(bucketShares(arrivals({})), { least: 0.1, most: 0.1 })
})

test('a burst at the start of each second is seen', () => {
  const burst = Array.from({ length: 10 }, (_, second) =>
    Array.from({ length: 1_000 }, (_, index) => second * 1_000 + index / 100),
  ).flat()
  assert.deepEqual(bucketShares({ arrivalsMs: [...burst, 10_000] }), { least: 0, most: 1 })
})

test('Poisson arrivals pass the dispersion test, even and clumped ones fail it', () => {
  assert.ok(Math.abs(dispersionDeviate(arrivals({ arrivals: 'poisson' }))) < 3.3)
  assert.ok(dispersionDeviate(arrivals({})) < -3.3)
  const twice = arrivals({ arrivals: 'poisson' }).arrivalsMs.flatMap((atMs) => [atMs, atMs])
  assert.ok(dispersionDeviate({ arrivalsMs: twice }) > 3.3)
})
