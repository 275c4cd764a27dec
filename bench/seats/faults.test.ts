import assert from 'node:assert/strict'
import test from 'node:test'
import { noRedis } from '../../servers/database-testbed.ts'
import { connectRedis, type RedisClient } from './client.ts'
import { createSeatsBed, lastLine, ownSource, type SeatsBed } from './seats-testbed.ts'
import { runSeat } from './seat.ts'

async function withRedis(
  { secretRendezvous }: SeatsBed,
  work: (client: RedisClient) => Promise<unknown>,
): Promise<void> {
  const { client } = await connectRedis({ url: secretRendezvous, password: null, ca: null })
  try {
    await work(client)
  } finally {
    client.destroy()
  }
}

test('seats that do not come', { skip: noRedis }, async (t) => {
  const bed = await createSeatsBed(t)
  const seat = bed.seat('m', 0)
  const coordinator = bed.coordinator('m', '--seats', '2', '--seat-wait', '5s')
  const { exitCode, err } = await coordinator.ended
  assert.equal(exitCode, 3)
  assert.equal(
    lastLine(err),
    'trustbench: 1 of 2 seats cannot take part or are not ready within 5 s: seat 1 (not started); --tolerate-missing 1 measures without them',
  )
  const told = await seat.ended
  assert.deepEqual(
    [told.exitCode, lastLine(told.err)],
    [3, 'trustbench: the coordinator called run m off: it could not measure'],
  )
  assert.deepEqual([bed.run().complete, bed.run().blocks[0]?.outcome], [false, 'failed'])
})

test(
  'seats that may be missing: the run says which, and of what its figures are',
  { skip: noRedis },
  async (t) => {
    const bed = await createSeatsBed(t)
    const seat = bed.seat('m', 1)
    const { exitCode, out, err } = await bed.coordinator(
      'm',
      ...['--seats', '2', '--seat-wait', '5s', '--tolerate-missing', '1'],
    ).ended
    assert.equal(exitCode, 0, err)
    assert.equal((await seat.ended).exitCode, 0)
    // Its own one before, and one of the coordinator.
    assert.equal(bed.target.seen(), 50 + 2)
    const run = bed.run()
    const window = run.blocks[0]?.windows?.[0]
    assert.deepEqual(
      [window?.requests, window?.seats?.offeredShare, window?.seats?.missing],
      [50, 0.5, [{ index: 0, why: 'not started' }]],
    )
    assert.ok(
      run.warnings.some(
        ({ code, message }) => code === 'seats-missing' && message.includes('seat 0 (not started)'),
      ),
    )
    assert.match(out, /1 of 2 seats, 50\.0 % of the schedule, start skew ≤/)
    assert.match(out, /0 +– +– +– +– +not started/)
  },
)

test('a second coordinator, and seats that have no place', { skip: noRedis }, async (t) => {
  const bed = await createSeatsBed(t)
  const first = bed.coordinator('two', '--seats', '2', '--seat-wait', '2m')
  await first.saw(/0 of 2 seats ready/)
  const second = await bed.coordinator('two', '--seats', '2').ended
  assert.deepEqual(
    [second.exitCode, lastLine(second.err)],
    [
      64,
      `trustbench: --run-id two: a run of this name is at ${bed.rendezvous} already, give another`,
    ],
  )
  const outside = await bed.seat('two', 2).ended
  assert.deepEqual(
    [outside.exitCode, lastLine(outside.err)],
    [64, 'trustbench: --index 2: the plan has 2 seats, 0 to 1'],
  )
  const one = bed.seat('two', 0)
  await one.saw(/ready/)
  const twin = await bed.seat('two', 0).ended
  assert.deepEqual(
    [twin.exitCode, lastLine(twin.err)],
    [
      64,
      'trustbench: --index 0: another process has this seat of run two and is alive, give another',
    ],
  )
  // A seat that leaves, and one that is gone without a word: others take their places.
  one.child.kill('SIGTERM')
  assert.equal((await one.ended).exitCode, 130)
  const heir = bed.seat('two', 0)
  await heir.saw(/ready/)
  heir.child.kill('SIGKILL')
  await heir.ended
  // Its place is free when nothing has been heard of it for a while; with all others ready the run would begin without.
  const next = bed.seat('two', 0)
  await next.saw(/ready/)
  const last = [next, bed.seat('two', 1)]
  await first.saw(/2 of 2 seats have begun/)
  const late = await bed.seat('two', 1).ended
  assert.deepEqual(
    [late.exitCode, lastLine(late.err)],
    [
      64,
      'trustbench: run two has begun without this process: seat 1 is not replaced any more, start a new run',
    ],
  )
  assert.deepEqual(
    await Promise.all([...last, first].map(async ({ ended }) => (await ended).exitCode)),
    [0, 0, 0],
  )
  assert.equal(bed.run().blocks[0]?.windows?.[0]?.requests, 100)
})

test(
  'a seat of another version says so, and the coordinator names it',
  { skip: noRedis },
  async (t) => {
    const bed = await createSeatsBed(t)
    const coordinator = bed.coordinator('v', '--seats', '2')
    const source = { ...ownSource(), version: '0.0.9' }
    await assert.rejects(
      runSeat({
        settings: { url: bed.secretRendezvous, password: null, ca: null },
        runId: 'v',
        index: 1,
        source,
        given: [{ url: '' }],
        capOf: () => null,
        waitMs: 30_000,
        keep: () => '',
        say: () => undefined,
        signal: new AbortController().signal,
      }),
      {
        code: 'usage',
        message: `this seat is of version 0.0.9, the plan of ${ownSource().version}: start seats and coordinator of one version`,
      },
    )
    const { exitCode, err } = await coordinator.ended
    assert.equal(exitCode, 3)
    assert.match(
      lastLine(err),
      /1 of 2 seats cannot take part .*: seat 1 \(this seat is of version 0\.0\.9, the plan of [\d.]+: start/,
    )
  },
)

test(
  'a seat that is killed in the window is missing from the result, and named',
  { skip: noRedis },
  async (t) => {
    const bed = await createSeatsBed(t)
    const coordinator = bed.coordinator('k', '--seats', '2', '--result-wait', '2s')
    const seats = [bed.seat('k', 0), bed.seat('k', 1)]
    // Two of their own, one of the coordinator, and the window has begun.
    await bed.target.reached(10)
    seats[1]?.child.kill('SIGKILL')
    const { exitCode, err } = await coordinator.ended
    assert.equal(exitCode, 3)
    assert.equal(
      lastLine(err),
      'trustbench: 1 of 2 seats handed over no result: seat 1 (no result came); 50.0 % of the schedule was offered, --tolerate-missing 1 tells what the others saw',
    )
    assert.equal((await seats[0]?.ended)?.exitCode, 0)
    const [block] = bed.run().blocks
    // It is kept, and in no figure.
    assert.deepEqual([block?.outcome, block?.windows?.[0]?.requests], ['failed', 50])
  },
)

test('a seat that slept through the start says how late it is', { skip: noRedis }, async (t) => {
  const bed = await createSeatsBed(t)
  const coordinator = bed.coordinator('l', ...['--seats', '2', '--tolerate-missing', '1'])
  const sleeper = bed.seat('l', 1)
  await sleeper.saw(/ready/)
  const other = bed.seat('l', 0)
  await coordinator.saw(/2 of 2 seats ready/)
  sleeper.child.kill('SIGSTOP')
  await coordinator.saw(/2 of 2 seats have begun/)
  sleeper.child.kill('SIGCONT')
  const { exitCode, err } = await sleeper.ended
  assert.equal(exitCode, 3)
  assert.match(
    lastLine(err),
    /^trustbench: it learned of the start [\d.]+ s too late: this machine, or its way to redis:\/\/\S+, is too slow or was stopped$/,
  )
  assert.equal((await coordinator.ended).exitCode, 0)
  assert.equal((await other.ended).exitCode, 0)
  const [missing] = bed.run().blocks[0]?.windows?.[0]?.seats?.missing ?? []
  assert.match(missing?.why ?? '', /^it learned of the start/)
})

test('a plan of garbage, and a result of garbage', { skip: noRedis }, async (t) => {
  const bed = await createSeatsBed(t)
  await withRedis(bed, (client) => client.set('trustbench:{p}:plan', '{"hello":1}'))
  const { exitCode, err } = await bed.seat('p', 0).ended
  assert.equal(exitCode, 3)
  assert.match(
    lastLine(err),
    /^trustbench: the plan of run p is not one \(.*\): somebody else writes to these keys, give another --run-id$/,
  )
  const coordinator = bed.coordinator('q', ...['--seats', '2', '--tolerate-missing', '1'])
  const seats = [bed.seat('q', 0), bed.seat('q', 1)]
  await bed.target.reached(10)
  seats[1]?.child.kill('SIGKILL')
  await withRedis(bed, (client) => client.hSet('trustbench:{q}:results', '1', '{"format":1}'))
  assert.equal((await coordinator.ended).exitCode, 0)
  const [missing] = bed.run().blocks[0]?.windows?.[0]?.seats?.missing ?? []
  assert.deepEqual(missing, {
    index: 1,
    why: "its result is not one (must have required property 'runId')",
  })
  await seats[0]?.ended
})

test(
  'Ctrl-C at the coordinator: seats that wait go at once, those that measure come to their end',
  { skip: noRedis },
  async (t) => {
    const bed = await createSeatsBed(t)
    const waiting = bed.coordinator('i', '--seats', '2')
    const seat = bed.seat('i', 0)
    await seat.saw(/ready/)
    waiting.child.kill('SIGINT')
    assert.equal((await waiting.ended).exitCode, 130)
    const told = await seat.ended
    assert.deepEqual(
      [told.exitCode, lastLine(told.err)],
      [3, 'trustbench: the coordinator called run i off: it was interrupted'],
    )
    const measuring = bed.coordinator('j', '--seats', '1')
    const busy = bed.seat('j', 0)
    const { seen } = bed.target
    await measuring.saw(/1 of 1 seats have begun/)
    const before = seen()
    measuring.child.kill('SIGINT')
    assert.equal((await measuring.ended).exitCode, 130)
    assert.equal(bed.run().incompleteReason, 'interrupted')
    const kept = await busy.ended
    assert.equal(kept.exitCode, 3)
    assert.match(
      lastLine(kept.err),
      /its result is in \S+seat-j-0\.seat and was not handed over: the coordinator of run j has ended without it$/,
    )
    assert.ok(seen() >= before + 50)
  },
)

test(
  'a seat that gave up before there was a plan ends no run of those that come later',
  { skip: noRedis },
  async (t) => {
    const bed = await createSeatsBed(t)
    const early = await bed.seat('e', 0, '--seat-wait', '1s').ended
    assert.equal(early.exitCode, 3)
    assert.match(lastLine(early.err), /^trustbench: no plan for run e at .* within 1 s/)
    assert.deepEqual([...(await bed.dump()).keys()], [])
  },
)
