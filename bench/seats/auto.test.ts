import assert from 'node:assert/strict'
import test from 'node:test'
import { noRedis } from '../../servers/database-testbed.ts'
import { connectRedis } from './client.ts'
import { createSeatsBed, lastLine } from './seats-testbed.ts'

const auto = ['--seats', 'auto', '--seat-wait', '2m', '--json']

test(
  '--seats auto: by what seat 0 found out the coordinator tells how many to start, and waits for them',
  { skip: noRedis },
  async (t) => {
    const bed = await createSeatsBed(t)
    const coordinator = bed.coordinator('auto', ...auto)
    await coordinator.saw(/waiting for seat 0/)
    // Of the others those that come early wait until it is known that they are needed.
    const early = bed.seat('auto', 1)
    const { client } = await connectRedis({ url: bed.secretRendezvous, password: null, ca: null })
    await client.hSet('trustbench:{auto}:results', '0', '{"trial":100,"stages":1}')
    client.destroy()
    // 100 requests/s ÷ (0.7 × 100)
    await coordinator.saw(
      /one seat can offer 100 requests\/s: start 2 in all, in Kubernetes with completions: 2 and parallelism: 2\n/,
    )
    const first = bed.seat('auto', 0)
    const { exitCode, err } = await coordinator.ended
    assert.equal(exitCode, 0, err)
    assert.deepEqual([(await first.ended).exitCode, (await early.ended).exitCode], [0, 0])
    assert.equal(bed.target.seen(), 100 + 2 + 1)
    assert.equal(bed.run().blocks[0]?.windows?.[0]?.seats?.each.length, 2)
  },
)

test(
  'a rate that no thousand seats can offer is told when it is known',
  { skip: noRedis },
  async (t) => {
    const bed = await createSeatsBed(t)
    const coordinator = bed.coordinator('slow', ...auto)
    await coordinator.saw(/run slow: npm run seat -- --run-id slow --index 0, which tries alone/)
    await coordinator.saw(/waiting for seat 0/)
    const { client } = await connectRedis({ url: bed.secretRendezvous, password: null, ca: null })
    await client.hSet('trustbench:{slow}:results', '0', '{"trial":0.1,"stages":1}')
    client.destroy()
    const { exitCode, err } = await coordinator.ended
    assert.equal(exitCode, 3)
    assert.equal(
      lastLine(err),
      'trustbench: one seat can offer 0 requests/s: 100 need 1429 seats, and a run has 1000 at most; lower --rate, or give seats faster machines',
    )
  },
)

test(
  'seat 0 alone offers the rates of the stages, and says at which it was not the limit',
  { skip: noRedis },
  async (t) => {
    const bed = await createSeatsBed(t)
    const coordinator = bed.coordinator('alone', ...auto)
    const seat = bed.seat('alone', 0)
    await seat.saw(/seat 0 alone at 100 requests\/s: /)
    // One stage of two seconds, and the request that asks whether the target answers.
    assert.equal(bed.target.seen(), 200 + 1)
    const isClean = /requests\/s: not the limit\n/.test(seat.output().err)
    if (isClean) await coordinator.saw(/one seat can offer 100 requests\/s: start 2 in all/)
    else await coordinator.saw(/seat 0 alone was the limit at the lowest rate already/)
    if (isClean) coordinator.child.kill('SIGINT')
    assert.equal((await coordinator.ended).exitCode, isClean ? 130 : 3)
    assert.equal((await seat.ended).exitCode, 3)
  },
)
