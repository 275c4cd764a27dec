import assert from 'node:assert/strict'
import test from 'node:test'
import { noRedis } from '../../servers/database-testbed.ts'
import { createSeatsBed } from './seats-testbed.ts'
import { seatsFor } from './trial.ts'

test(
  '--seats auto: seat 0 tries alone, the coordinator tells how many are needed and waits for them',
  { skip: noRedis },
  async (t) => {
    const bed = await createSeatsBed(t)
    const coordinator = bed.coordinator(
      'auto',
      ...['--seats', 'auto', '--seat-wait', '2m', '--json'],
    )
    await coordinator.saw(/waiting for seat 0/)
    // Of the others those that come early wait until it is known that they are needed.
    const early = bed.seat('auto', 1)
    const first = bed.seat('auto', 0)
    await coordinator.saw(/one seat can offer|trustbench:/)
    const { err: told } = coordinator.output()
    const [, clean = '', seats = ''] =
      /one seat can offer (\d+) requests\/s: start (\d+) in all, in Kubernetes with completions: \d+ and parallelism: \d+\n/.exec(
        told,
      ) ?? []
    // 100 requests/s are one stage, and no more than 0.7 of what a seat does is asked of it.
    assert.deepEqual([Number(clean), Number(seats)], [100, seatsFor(100, 100)], told)
    const { exitCode, err } = await coordinator.ended
    assert.equal(exitCode, 0, err)
    assert.deepEqual([(await first.ended).exitCode, (await early.ended).exitCode], [0, 0])
    // Two seconds of trial, one of the window; one of each seat before, of the first twice, and one of the coordinator.
    assert.equal(bed.target.seen(), 200 + 100 + 3 + 1)
    assert.equal(bed.run().blocks[0]?.windows?.[0]?.seats?.each.length, 2)
  },
)
