import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import test from 'node:test'
import { noRedis } from '../../servers/database-testbed.ts'
import { startCli, temporaryFolder, type CliProcess } from '../cli-testbed.ts'
import { createNetwork, noNamespaces, type Way } from './namespaces-testbed.ts'
import type { SeatsRecord } from './merge.ts'
import { newestRun } from './seats-testbed.ts'

/** A seat on a machine of its own: its way to Redis, and clocks that have nothing to do with those of others. */
interface Machine extends Way {
  readonly wallAheadMs: number
  /** Seconds by which its monotonic clock is ahead of that of this machine. */
  readonly monotonicAheadS: number
}

const near = { thereMs: 1, backMs: 1, wallAheadMs: 200, monotonicAheadS: 0 }
const far = { thereMs: 20, backMs: 20, wallAheadMs: -200, monotonicAheadS: 1_000 }
// Where both ways differ, the middle between them is wrong by half of the difference: the bound must know.
const lopsided = { thereMs: 5, backMs: 60, wallAheadMs: 0, monotonicAheadS: 86_400 }
const other = { thereMs: 40, backMs: 2, wallAheadMs: 200, monotonicAheadS: 30 }

const networks: [string, readonly Machine[]][] = [
  ['two machines', [near, far]],
  [
    'eight machines, of which two have ways of unequal length',
    [near, far, lopsided, other, near, { ...far, monotonicAheadS: 7 }, near, far],
  ],
]
for (const [what, machines] of networks) {
  test(
    `${what} begin together, as far as the run says, whatever their clocks show`,
    { skip: noNamespaces || noRedis },
    async (t) => {
      const network = await createNetwork(t, machines)
      t.diagnostic(`delayed by ${network.delayedBy}`)
      const results = temporaryFolder(t)
      const coordinator = startCli(
        t,
        [
          ...['bench', '--target', network.target, '--i-own-this-target', '--run-id', 'net'],
          ...['--rate', '100', '--duration', '1s', '--arrivals', 'constant'],
          ...['--seats', String(machines.length), '--rendezvous', network.hubRendezvous],
          ...['--seat-wait', '2m', '--results', results],
        ],
        { through: network.hub, env: environment(t, 0) },
      )
      const seats = machines.map(({ wallAheadMs, monotonicAheadS }, index) =>
        startCli(
          t,
          [
            ...['seat', '--run-id', 'net', '--index', String(index), '--json'],
            ...['--rendezvous', network.rendezvous(index), '--results', results],
          ],
          {
            through: [
              ...(network.seats[index] ?? []),
              ...['unshare', '--time', '--monotonic', String(monotonicAheadS), '--fork'],
              ...['--kill-child', '--'],
            ],
            env: environment(t, wallAheadMs),
          },
        ),
      )
      const { exitCode, err } = await coordinator.ended
      assert.equal(exitCode, 0, `${err}${seats.map((seat) => seat.output().err).join('')}`)
      const startsUs = await Promise.all(seats.map(startOf))
      const record = newestRun(results).blocks[0]?.windows?.[0]?.seats
      assert.ok(record !== undefined)
      // What really happened, on the one clock under all of theirs.
      const trueUs = startsUs.map((us, index) => us - (machines[index]?.monotonicAheadS ?? 0) * 1e6)
      const skewUs = Math.max(...trueUs) - Math.min(...trueUs)
      t.diagnostic(`apart by ${skewUs.toFixed(0)} µs, bound ${record.startSkewUs.toFixed(0)} µs`)
      assert.ok(skewUs <= record.startSkewUs, `${skewUs} > ${record.startSkewUs}`)
      for (const [index, { thereMs, backMs, wallAheadMs }] of machines.entries()) {
        const seat: SeatsRecord['each'][number] | undefined = record.each[index]
        assert.ok(seat !== undefined)
        // Timers of a relay may each be a millisecond short.
        assert.ok(seat.clockRoundTripUs >= (thereMs + backMs - 2) * 1_000)
        assert.ok(seat.clockErrorUs >= (Math.abs(thereMs - backMs) / 2 - 1) * 1_000)
        const wallMs: number = seat.wallClockOffsetUs / 1_000
        assert.ok(Math.abs(wallMs - wallAheadMs) <= seat.clockErrorUs / 1_000 + 2, `${wallMs} ms`)
      }
      const [to = 'ip', ...words] = network.hub
      // Those of the window, one of each seat and one of the coordinator.
      const seen = spawnSync(to, [...words, 'curl', '-sS', `${network.target}count`], {
        encoding: 'utf8',
      }).stdout
      assert.equal(Number(seen), 100 + machines.length + 1)
    },
  )
}

test('nothing is left of the networks', { skip: noNamespaces }, () => {
  const { stdout } = spawnSync('ip', ['netns', 'list'], { encoding: 'utf8' })
  assert.ok(!stdout.includes(`tb${process.pid}-`), stdout)
})

async function startOf(seat: CliProcess): Promise<number> {
  const { exitCode, out, err } = await seat.ended
  assert.equal(exitCode, 0, err)
  const told: unknown = JSON.parse(out)
  assert.ok(typeof told === 'object' && told !== null && 'startedAtUs' in told)
  return Number(told.startedAtUs)
}

/** An environment in which the wall clock of Node is ahead. */
function environment(t: Parameters<typeof temporaryFolder>[0], aheadMs: number): NodeJS.ProcessEnv {
  const shift = `const now=Date.now;Date.now=()=>now()+(${aheadMs})`
  return {
    ...process.env,
    TMPDIR: temporaryFolder(t),
    NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(shift)}`,
  }
}
