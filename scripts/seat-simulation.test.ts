import assert from 'node:assert/strict'
import test from 'node:test'
import { noRedis } from '../servers/database-testbed.ts'
import { simulate } from './seat-simulation.ts'

test(
  'twenty seats of 5,000 samples come together: none is lost, and few keys are used',
  { skip: noRedis },
  async () => {
    const { seats, requests, isExact, redis, startSkewUs } = await simulate(20, 5_000)
    assert.deepEqual([seats, requests, isExact], [20, 100_000, true])
    // Plan, seats, ready, start, notices, results.
    assert.equal(redis.keys, 6)
    assert.ok(startSkewUs > 0)
    // None asks again and again: a word is waited for, a place is taken once, and a plan is published once.
    assert.ok((redis.calls['xread'] ?? 0) <= 20)
    assert.ok((redis.calls['eval'] ?? 0) <= 2 * 20 + 1)
  },
)
