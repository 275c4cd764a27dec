import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { decodeHistogram, mergeHistograms, percentileUs } from '../load/histogram.ts'
import { parseRun, type Run, type Slice } from '../results.ts'
import { isClientLimited } from './figures.ts'
import { metricNames } from './metrics.ts'
import { relativePrecision, summarise } from './summary.ts'
import { combinedArms, syntheticRun, type SyntheticArm } from './testdata.ts'

const exact = { blockSd: 0, sliceSd: 0 } as const
const lone: SyntheticArm = { scenario: 'tls', cpuUs: 40, clientCpuUs: 20 }

suite('figures of an arm', () => {
  test('are read from its own slices at its own connections', () => {
    const run = syntheticRun({ ...exact, arms: [{ ...lone, issuerCpuUs: 10 }], blocks: 8 })
    const metrics = summarise(run).arms[0]?.figures?.metrics
    const estimate = (name: (typeof metricNames)[number]) => metrics?.[name]?.estimate
    assert.equal(Math.round((estimate('cpuUsPerRequest') ?? 0) * 1e6), 40_000_000)
    assert.equal(Math.round((estimate('issuerCpuUsPerRequest') ?? 0) * 1e6), 10_000_000)
    assert.equal(Math.round((estimate('requestsPerCoreSecond') ?? 0) * 1e6), 25_000_000_000)
    // Server and issuer take 50 µs of a core; the wall is 2 % longer.
    assert.equal(Math.round(estimate('requestsPerSecond') ?? 0), Math.round(1e6 / 51))
    assert.equal(estimate('bytesPerRequest'), 400)
    assert.deepEqual(metrics?.handshakesFull, {
      estimate: 0,
      low: 0,
      high: 0,
      level: 0.9921875,
      blocks: 8,
    })
  })

  test('that this load does not measure are null', () => {
    const metrics = summarise(syntheticRun({ arms: [lone], blocks: 2, rounds: 2 })).arms[0]?.figures
      ?.metrics
    const unknown = metricNames.filter((name) => metrics?.[name] === null)
    assert.deepEqual(unknown, [
      // 2 blocks of 2 rounds of 200 requests: 800 samples.
      'latencyP99Us',
      'latencyP999Us',
      'issuerCpuUsPerRequest',
      'resumedShare',
      'cpuUsPerHandshake',
      'handshakesPerCoreSecond',
      'sendLatenessP50Us',
      'sendLatenessP99Us',
    ])
  })

  test('of latency come from histograms merged over blocks', () => {
    const run = syntheticRun({ arms: [lone], blocks: 6 })
    const merged = mergeHistograms(
      run.blocks.flatMap(({ histograms }) =>
        histograms
          .filter(({ load, connections }) => load === 'duet' && connections === 8)
          .map(({ histogram }) => decodeHistogram(histogram)),
      ),
    )
    const figures = summarise(run).arms[0]?.figures
    assert.equal(figures?.samples, 12_000)
    assert.equal(Math.round(figures.metrics.latencyP99Us?.estimate ?? 0), percentileUs(merged, 99))
    assert.equal(
      Math.round(figures.metrics.latencyP999Us?.estimate ?? 0),
      percentileUs(merged, 99.9),
    )
  })

  test('at one connection stand apart', () => {
    const [arm] = summarise(syntheticRun({ ...exact, arms: [lone], blocks: 3 })).arms
    assert.deepEqual([arm?.figures?.connections, arm?.singleConnection?.connections], [8, 1])
    assert.deepEqual([arm?.figures?.samples, arm?.singleConnection?.samples], [6_000, 600])
    assert.equal(arm?.singleConnection?.metrics.requestsPerSecond, null)
    const single = { ...lone, parameters: { connections: '1' } }
    const own = summarise(syntheticRun({ arms: [single], blocks: 3 })).arms[0]
    assert.equal(own?.singleConnection, null)
  })

  test('of an older run without the parameter are those at its default of 8 connections', () => {
    const run = syntheticRun({ arms: [lone], blocks: 2 })
    const older = { ...run, arms: run.arms.map((arm) => ({ ...arm, parameters: {} })) }
    assert.equal(summarise(older).arms[0]?.figures?.connections, 8)
  })
})

test('the client is the limit where it is busy and the server is not', () => {
  const rows = [
    // Share of wall: client CPU, client loop, server CPU.
    [0.9, 0.5, 0.89, true],
    [0.89, 0.95, 0.5, true],
    [0.89, 0.94, 0.5, false],
    [0.95, 1, 0.9, false],
    [0.3, 0.4, 0.3, false],
  ] as const
  for (const [client, loop, server, expected] of rows) {
    const slice = sliceWith({
      clientCpuUs: client * 1_000,
      clientEventLoopUtilization: loop,
      cpuUs: server * 1_000,
    })
    assert.equal(isClientLimited([slice]), expected, `${client} ${loop} ${server}`)
  }
  assert.equal(isClientLimited([]), null)
})

suite('a run', () => {
  test('gives the same summary every time, whatever else it was loaded with', () => {
    const run = syntheticRun({ arms: combinedArms(), blocks: 8 })
    const copy = parseRun(JSON.parse(JSON.stringify(run)), 'copy')
    assert.deepEqual(summarise(copy), summarise(run))
  })

  test('says which blocks failed, that it ended early, and what level it is short of', () => {
    const run = syntheticRun({ arms: combinedArms(), blocks: 9 })
    const codes = (changed: Partial<Run>) =>
      summarise({ ...run, ...changed }).warnings.map(({ code }) => code)
    assert.deepEqual(codes({}), ['level-not-reached'])
    assert.deepEqual(
      codes({ blocks: syntheticRun({ arms: combinedArms(), blocks: 12 }).blocks }),
      [],
    )
    const [first, ...others] = run.blocks
    assert.ok(first !== undefined)
    const failed = { ...first, outcome: 'failed', reason: 'arm jwt: wrong body' } as const
    const summary = summarise({
      ...run,
      complete: false,
      incompleteReason: 'interrupted',
      blocks: [failed, ...others],
    })
    assert.deepEqual([summary.blocksMeasured, summary.blocksFailed], [8, 1])
    assert.deepEqual(
      summary.warnings.map(({ code }) => code),
      ['incomplete', 'failed-blocks', 'level-not-reached'],
    )
    assert.match(
      summary.warnings[1]?.message ?? '',
      /^1 of 9 blocks failed .*block 0: arm jwt: wrong body/,
    )
    assert.equal(summary.arms[0]?.figures?.blocks, 8)
    assert.deepEqual(codes({ mode: 'smoke' }), ['smoke', 'level-not-reached'])
  })

  test('without a measured block has no figures, and says so', () => {
    const run = syntheticRun({ arms: combinedArms(), blocks: 0 })
    const { arms, comparisons, decompositions } = summarise(run)
    assert.deepEqual([comparisons, decompositions], [[], []])
    assert.ok(arms.every(({ figures }) => figures === null))
    assert.ok(arms.every(({ warnings }) => warnings[0]?.code === 'no-slices'))
  })

  test('has no figures of an arm that failed, whatever slices are stored', () => {
    const run = syntheticRun({ arms: [lone], blocks: 3 })
    const failed = { ...run, arms: run.arms.map((arm) => ({ ...arm, outcome: 'failed' as const })) }
    const [arm] = summarise(failed).arms
    assert.deepEqual([arm?.figures, arm?.singleConnection], [null, null])
  })

  test('says when something else took CPU while slices ran', () => {
    const run = syntheticRun({ arms: combinedArms(), blocks: 12 })
    const disturb = (changes: (slice: Slice) => Partial<Slice>) =>
      summarise({
        ...run,
        blocks: run.blocks.map((block) => ({
          ...block,
          slices: block.slices.map((slice) => ({ ...slice, ...changes(slice) })),
        })),
      }).warnings.map(({ code, message }) => [code, /^[^:]*/.exec(message)?.[0]])
    assert.deepEqual(
      disturb(({ wallUs }) => ({ foreignCpuUs: wallUs * 0.25, stealUs: wallUs * 0.125 })),
      [
        [
          'disturbed',
          'other programs used 25 % of a core and the hypervisor took 12.5 % of a core while slices ran',
        ],
      ],
    )
    assert.deepEqual(
      disturb(({ wallUs }) => ({ foreignCpuUs: wallUs * 0.09 })),
      [],
    )
    assert.deepEqual(
      disturb(({ wallUs }) => ({ clientRunQueueUs: wallUs * 0.4 })),
      [['client-starved', 'the client waited for its core 40 % of the time']],
    )
    // Negative in one slice, since ticks are coarse: only the sum counts.
    assert.deepEqual(
      disturb(({ wallUs, position }) => ({
        foreignCpuUs: wallUs * (position % 2 === 0 ? 0.3 : -0.3),
      })),
      [],
    )
    // Where nobody could know, nothing is said.
    assert.deepEqual(
      disturb(() => ({ foreignCpuUs: null, stealUs: null })),
      [],
    )
  })

  test('that has bursts says that mean and typical slice differ', () => {
    const run = syntheticRun({ arms: combinedArms(), blocks: 12 })
    const bursty = {
      ...run,
      blocks: run.blocks.map((block) => ({
        ...block,
        slices: block.slices.map((slice) =>
          slice.arm.startsWith('jwt') && slice.position < 10
            ? { ...slice, cpuUs: (slice.cpuUs ?? 0) * 3 }
            : slice,
        ),
      })),
    }
    const bursts = summarise(bursty).warnings.filter(({ code }) => code === 'bursts')
    assert.equal(bursts.length, 1)
    assert.match(bursts[0]?.message ?? '', /^jwt.* higher than the cost of its typical slice/)
  })
})

suite('precision', () => {
  test('is the widest interval on CPU among the comparisons, however many there are', () => {
    const run = syntheticRun({ arms: combinedArms(), blocks: 16, blockSd: 0.01 })
    const precisionOf = (cases: readonly string[]) =>
      relativePrecision({
        ...run,
        arms: run.arms.map((arm) =>
          cases.includes(arm.scenario) ? arm : { ...arm, against: null },
        ),
      }) ?? Infinity
    const each = ['combined', 'mtls', 'jwt'].map((scenario) => precisionOf([scenario]))
    assert.equal(precisionOf(['combined', 'mtls', 'jwt']), Math.max(...each))
    assert.ok(Math.max(...each) > 0.001 && Math.max(...each) < 0.05)
  })

  test('of a run without comparisons is that of its cases’ own cost', () => {
    const run = syntheticRun({ ...exact, arms: [lone], blocks: 8 })
    assert.ok(Math.abs(relativePrecision(run) ?? 1) < 1e-12)
  })

  test('is known while the run goes on, before its arms are told to be measured', () => {
    const run = syntheticRun({ arms: combinedArms(), blocks: 16 })
    const underWay = run.arms.map((arm) => ({ ...arm, outcome: 'skipped' as const }))
    assert.ok(relativePrecision(run) !== null)
    assert.equal(relativePrecision({ ...run, arms: underWay }), relativePrecision(run))
    assert.equal(
      relativePrecision({ ...run, arms: run.arms.map((arm) => ({ ...arm, outcome: 'failed' })) }),
      null,
    )
  })

  test('is unknown while the blocks cannot reach the level', () => {
    assert.equal(relativePrecision(syntheticRun({ arms: combinedArms(), blocks: 7 })), null)
    assert.equal(relativePrecision(syntheticRun({ arms: combinedArms(), blocks: 0 })), null)
  })
})

function sliceWith(changes: Partial<Slice>): Slice {
  const [slice] = syntheticRun({ arms: [lone], blocks: 1 }).blocks[0]?.slices ?? []
  assert.ok(slice !== undefined)
  return { ...slice, wallUs: 1_000, ...changes }
}
