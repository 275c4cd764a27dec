import assert from 'node:assert/strict'
import test from 'node:test'
import { createHistogram, encodeHistogram, recordAll } from '../load/histogram.ts'
import type { Run, Window } from '../results.ts'
import { wholeSample } from './capacity-draw.ts'
import { gatherFit } from './capacity-gather.ts'
import { utilisation } from './capacity-load.ts'
import { latencyAt, modelOf } from './capacity-model.ts'
import { fitOpen, pausesOf, wakingOf } from './capacity-open.ts'
import { closedRun, demandOf, facts, fitOf, windowOf } from './capacity-testdata.ts'

const closed = closedRun([{ scenario: 'combined', cpuUs: 200 }], { blockSd: 0, sliceSd: 0 })
const [arm] = closed.arms
assert.ok(arm)

type Offered = readonly [ratePerSecond: number, cpuUs: number, changes?: Partial<Window>]

/** A run of offered load: in each block a window at every rate, with the CPU that a request took there. */
function openRun(offered: readonly Offered[]): Run {
  const windowsOf = () =>
    offered.map(([ratePerSecond, cpuUs, changes]) =>
      windowOf({ case: arm?.id ?? '', ratePerSecond }, cpuUs, changes),
    )
  const blocks = closed.blocks.map((block) => ({
    ...block,
    slices: [],
    histograms: [],
    windows: windowsOf(),
  }))
  return { ...closed, runId: 'open-1', blocks }
}

/** Latencies of a window, as a change of one. */
function answeredIn(latenciesUs: readonly number[]): Pick<Window, 'histograms'> {
  const made = createHistogram()
  recordAll(made, Float64Array.from(latenciesUs))
  const encoded = encodeHistogram(made)
  return {
    histograms: { response: encoded, service: encoded, queueWait: encoded, lateness: encoded },
  }
}

const near = (seen: number, expected: number, share = 0.02) => {
  assert.ok(Math.abs(seen / expected - 1) < share, `${seen}, not ${expected}`)
}

test('rates that leave a server idle are read, in their order', () => {
  const points = fitOpen(
    openRun([
      [2_000, 250],
      [300, 320],
    ]),
    arm,
  )
  assert.deepEqual(
    points.map(({ ratePerSecond }) => ratePerSecond),
    [300, 2_000],
  )
  near(wholeSample.value(points[0]?.cpuUs ?? { runId: '', values: new Map() }), 320)
})

test('a busy server, few blocks, or a pool that grew say nothing', () => {
  // 3,500/s of 250 µs are 88 % of a core.
  assert.deepEqual(fitOpen(openRun([[3_500, 250]]), arm), [])
  const few = openRun([[300, 320]])
  assert.deepEqual(fitOpen({ ...few, blocks: few.blocks.slice(0, 3) }, arm), [])
  assert.deepEqual(fitOpen(openRun([[300, 320, { handshakesFull: 56 }]]), arm), [])
  assert.deepEqual(fitOpen(closed, arm), [])
})

test('what waking up costs is found of rates, so that these come out as seen', () => {
  const demand = demandOf()
  // w = 20, c = 120 and τ = 1 ms beside a = 200: D = 200 + (1 − λD)(20 + 120/(1 + λτ)).
  const costAt = (perSecond: number) => {
    const perUs = perSecond / 1e6
    const more = 20 + 120 / (1 + perUs * 1_000)
    return (200 + more) / (1 + perUs * more)
  }
  const runs = [closed, openRun([300, 1_000].map((rate): Offered => [rate, costAt(rate)]))]
  const fit = fitOf(demand, runs)
  const { load } = modelOf(demand, fit, wholeSample)
  // Requests alone in a closed loop cost 200 here too: of three points none is met to the letter.
  for (const rate of [300, 1_000]) near(utilisation(load, rate), rate * costAt(rate) * 1e-6, 0.05)
  // Where idle times are short next to nothing of it is left: capacity stays 1 ÷ 200 µs.
  near(utilisation(load, 4_900), 4_900 * 200e-6, 0.02)
  const warm = modelOf(demand, fitOf(demand, [closed]), wholeSample)
  assert.equal(warm.load.coldUs, 0)
})

test('load that costs less than a full server says makes nothing negative', () => {
  const { mechanisms } = fitOf(demandOf(), [closed, openRun([[300, 150]])])
  const part = mechanisms[0]?.parts[0]
  assert.ok(part)
  const { wakingUs, coldUs } = wakingOf(part.fit, part.open, wholeSample)
  assert.ok(wakingUs >= 0 && coldUs >= 0)
})

test('the median latency comes out as seen at the rates that were measured', () => {
  const latenciesUs = new Array<number>(2_000).fill(430)
  const demand = demandOf()
  const fit = fitOf(demand, [closed, openRun([[300, 220, answeredIn(latenciesUs)]])])
  const at = latencyAt(modelOf(demand, fit, wholeSample), 300, {
    processes: 1,
    timeoutUs: Infinity,
    simulation: { requests: 20_000, seed: 2 },
  })
  near(at.p50Us, 430)
})

/** Latencies of 2,000 requests of which so many met what is left of pauses of one length, evenly. */
function paused(stalled: number, lengthUs: number): number[] {
  const left = Array.from({ length: stalled }, (_, n) => 300 + ((n + 0.5) / stalled) * lengthUs)
  return [...new Array<number>(2_000 - stalled).fill(300), ...left]
}

test('pauses: how many a second, and how long, of what was left of them', () => {
  // Pauses of 12 ms at 2.5 a second are met by 3 % of requests: 60 of 2,000, of which 50 wait 2 ms and more.
  const points = fitOpen(openRun([[300, 220, answeredIn(paused(60, 12_000))]]), arm)
  const { perSecond, lengthsUs } = pausesOf(points, wholeSample)
  near(perSecond, 2.5, 0.1)
  const mean = lengthsUs.reduce((sum, us) => sum + us, 0) / lengthsUs.length
  near(mean, 12_000, 0.06)
  assert.equal(pausesOf(fitOpen(openRun([[300, 220]]), arm), wholeSample).perSecond, 0)
})

test('long pauses are met more often than they come: their number is not that of who met them', () => {
  // 40 waited for a pause of 4 ms, 40 for one of 40 ms: of the short ones there are ten times as many.
  const latenciesUs = [...paused(40, 4_000).slice(1_960), ...paused(40, 40_000)]
  const points = fitOpen(openRun([[300, 220, answeredIn(latenciesUs)]]), arm)
  const { lengthsUs } = pausesOf(points, wholeSample)
  const long = lengthsUs.filter((us) => us > 10_000).length / lengthsUs.length
  assert.ok(long > 0.04 && long < 0.2, `${long}`)
})

test('without it a size is given all the same, and the run that would tell is named', () => {
  assert.deepEqual(
    gatherFit(demandOf(), [closed], facts).wanted.map(({ kind }) => kind),
    ['open'],
  )
  assert.deepEqual(gatherFit(demandOf(), [closed, openRun([[300, 320]])], facts).wanted, [])
})
