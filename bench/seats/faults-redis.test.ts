import assert from 'node:assert/strict'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { noRedis, startRedis } from '../../servers/database-testbed.ts'
import { isAlive, startCli } from '../cli-testbed.ts'
import { createSeatsBed, lastLine } from './seats-testbed.ts'

// What becomes of a run whose Redis is not there, goes away, or says nothing any more.

test('Redis that is not there, and one with another password', { skip: noRedis }, async (t) => {
  const bed = await createSeatsBed(t)
  const wrong = 'a-wr0ng-password'
  const runs: [string, RegExp][] = [
    [
      'redis://127.0.0.1:1',
      /^trustbench: --rendezvous redis:\/\/127\.0\.0\.1:1: cannot be used \(connect ECONNREFUSED 127\.0\.0\.1:1\): is it there,/,
    ],
    [
      bed.rendezvous.replace('//', `//:${wrong}@`),
      /^trustbench: --rendezvous redis:\/\/127\.0\.0\.1:\d+: cannot be used \(WRONGPASS [^()]*\): is it there, and its password in/,
    ],
  ]
  for (const [url, message] of runs) {
    const env = { ...process.env, TRUSTBENCH_RENDEZVOUS: url }
    for (const words of [
      ['seat', '--run-id', 'x', '--index', '0'],
      [
        ...['bench', '--target', bed.target.url, '--i-own-this-target', '--rate', '10'],
        ...['--seats', '1', '--results', bed.results],
      ],
    ]) {
      const { exitCode, err } = await startCli(t, words, { env }).ended
      assert.equal(exitCode, 3)
      assert.match(lastLine(err), message)
      assert.equal(err.trimEnd().split('\n').length, 1)
      assert.ok(!err.includes(wrong))
    }
  }
  assert.equal(bed.target.seen(), 0)
})

test(
  'Redis that dies in the window and comes back empty: nothing is lost',
  { skip: noRedis },
  async (t) => {
    const bed = await createSeatsBed(t)
    const coordinator = bed.coordinator('r', '--seats', '2', '--duration', '2s')
    const seats = [bed.seat('r', 0), bed.seat('r', 1)]
    await bed.target.reached(10)
    await bed.redis.kill()
    await bed.target.reached(150)
    await using again = await startRedis({ port: Number(new URL(bed.rendezvous).port) })
    assert.equal((await coordinator.ended).exitCode, 0, coordinator.output().err)
    for (const { ended } of seats) assert.equal((await ended).exitCode, 0)
    assert.equal(bed.run().blocks[0]?.windows?.[0]?.requests, 200)
    assert.ok(isAlive(again.pid))
  },
)

test(
  'Redis that does not come back: seats keep their results, the coordinator says so',
  { skip: noRedis },
  async (t) => {
    const bed = await createSeatsBed(t)
    const coordinator = bed.coordinator('g', '--seats', '1', '--result-wait', '2s')
    const seat = bed.seat('g', 0)
    await bed.target.reached(10)
    await bed.redis.kill()
    const told = await seat.ended
    assert.equal(told.exitCode, 3)
    const file = join(bed.results, 'seat-g-0.seat')
    assert.match(
      lastLine(told.err),
      /^trustbench: seat 0: its result is in \S+seat-g-0\.seat and was not handed over: --rendezvous redis:\S+: cannot be used \(connect ECONNREFUSED/,
    )
    assert.ok(existsSync(file), readdirSync(bed.results).join())
    const { exitCode, err } = await coordinator.ended
    assert.equal(exitCode, 3)
    assert.match(
      lastLine(err),
      /^trustbench: no seat handed over a result: seat 0 \(--rendezvous redis:\S+: cannot be used/,
    )
  },
)

test('Redis that says nothing any more, before, while and after', { skip: noRedis }, async (t) => {
  const bed = await createSeatsBed(t)
  const { redis } = bed
  const freeze = () => process.kill(redis.pid, 'SIGSTOP')
  const thaw = () => process.kill(redis.pid, 'SIGCONT')
  // One that is frozen does not end, either.
  using _thawed = { [Symbol.dispose]: thaw }
  const silent = /^trustbench: .*--rendezvous redis:\S+: cannot be used \(no answer within 5 s\)/
  freeze()
  for (const one of [bed.coordinator('f', '--seats', '1'), bed.seat('f', 0)]) {
    const { exitCode, err } = await one.ended
    assert.equal(exitCode, 3)
    assert.match(lastLine(err), silent)
  }
  thaw()
  // Ctrl-C is heard by those that wait for each other.
  const waiting = bed.coordinator('g', '--seats', '2')
  const ready = bed.seat('g', 0)
  await waiting.saw(/1 of 2 seats ready/)
  freeze()
  for (const one of [waiting, ready]) {
    one.child.kill('SIGINT')
    assert.equal((await one.ended).exitCode, 130)
  }
  thaw()
  // What was measured is kept, and nobody waits longer than was asked for.
  const coordinator = bed.coordinator('h', '--seats', '1', '--result-wait', '2s')
  const seat = bed.seat('h', 0)
  const before = bed.target.seen()
  await bed.target.reached(before + 10)
  freeze()
  const told = await seat.ended
  assert.equal(told.exitCode, 3)
  assert.match(lastLine(told.err), /its result is in \S+seat-h-0\.seat and was not handed over: /)
  const { exitCode, err } = await coordinator.ended
  assert.equal(exitCode, 3)
  assert.match(lastLine(err), /^trustbench: no seat handed over a result: seat 0 \(/)
})
