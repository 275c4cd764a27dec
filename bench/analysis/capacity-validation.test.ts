import assert from 'node:assert/strict'
import test from 'node:test'
import type { Window } from '../results.ts'
import type { ValidationCell } from '../validations.ts'
import { validationCells } from './capacity-cells.ts'
import { utilisationsOnOneCore } from './capacity-load.ts'
import { closedRun, demandOf, fitOf, windowOf } from './capacity-testdata.ts'
import { errorSd, errorsOf, judge } from './capacity-validation.ts'

const run = closedRun(
  [
    { scenario: 'jwt', cpuUs: 200 },
    { scenario: 'mtls', cpuUs: 50 },
    { scenario: 'tls', cpuUs: 40 },
  ],
  { blockSd: 0.01 },
)
const fit = fitOf(
  demandOf({
    mechanisms: ['jwt', 'mtls', 'tls'].map((scenario, index) => ({
      scenario,
      share: index === 0 ? 0.34 : 0.33,
    })),
  }),
  [run],
)
const idOf = (scenario: string) => `${scenario}/connections=8`
const cells = validationCells(fit, { idOf, mixesShareACore: true })
const named = (name: string): ValidationCell => {
  const found = cells.find((cell) => cell.name === name)
  assert.ok(found, name)
  return found
}

test('loads that closed loops have not seen: rates by utilisation, beyond capacity, and mixes on one core', () => {
  assert.deepEqual(
    cells.map(({ name }) => name),
    [
      ...['jwt', 'mtls', 'tls'].flatMap((name) =>
        [15, 30, 50, 70].map((at) => `${name} at ${at} %`),
      ),
      // 20,000 requests/s of mtls are more than a generator offers.
      'jwt beyond capacity',
      ...['jwt + mtls', 'jwt + mtls + tls'].flatMap((name) => [
        `${name} at 40 %`,
        `${name} at 70 %`,
      ]),
    ],
  )
  // 200 µs: 5,000/s at most.
  const rate = named('jwt at 50 %').loads[0]?.ratePerSecond ?? 0
  assert.ok(Math.abs(rate / 2_500 - 1) < 0.02)
  assert.ok(
    Math.abs((named('jwt beyond capacity').loads[0]?.ratePerSecond ?? 0) / 5_750 - 1) < 0.02,
  )
})

test('without one core for all of them no mixes are measured', () => {
  const alone = validationCells(fit, { idOf, mixesShareACore: false })
  assert.equal(alone.filter(({ kind }) => kind === 'mix').length, 0)
})

test('rates of a mix make the utilisation that it is named by', () => {
  const { loads } = named('jwt + mtls at 70 %')
  const shared = loads.map(({ ratePerSecond }, index) => ({
    ratePerSecond,
    load: { awakeUs: [200, 50][index] ?? 0, wakingUs: 0, coldUs: 0 },
  }))
  const used = utilisationsOnOneCore(shared).reduce((sum, one) => sum + one, 0)
  assert.ok(Math.abs(used - 0.7) < 0.02, `${used}`)
})

function judged(cell: ValidationCell, windows: readonly (readonly Window[])[]) {
  return judge([cell], new Map([[cell.name, windows]]), fit, { seed: 1, samples: 60 })
}

test('CPU is held against the utilisation law, its error a share of what was observed', () => {
  const cell = named('jwt at 50 %')
  const [load] = cell.loads
  assert.ok(load)
  const [cpu] = judged(cell, [[windowOf(load, 210)], [windowOf(load, 210)]])
  assert.ok(cpu)
  // Predicted 0.5, observed 0.5 × 210 ÷ 200.
  assert.ok(Math.abs(cpu.predicted - 0.5) < 0.01)
  assert.ok(Math.abs((cpu.observed ?? 0) - 0.525) < 0.01)
  assert.equal(cpu.excluded, null)
  // Sessions are taken to wander by 4 % sd: 5 % lies within.
  assert.ok(cpu.low < 0.5 && cpu.high > 0.525)
  const errors = errorsOf([cpu])
  assert.ok(Math.abs((errors.cpuMean ?? 0) - 0.05 / 1.05) < 0.02)
  assert.equal(errors.coverage, 1)
  assert.equal(errors.p99Worst, null)
})

test('CPU of a mix is that of all its processes', () => {
  const cell = named('jwt + mtls at 40 %')
  const windows = cell.loads.map((load, index) => windowOf(load, [200, 50][index] ?? 0))
  const [cpu] = judged(cell, [windows])
  assert.ok(Math.abs((cpu?.observed ?? 0) / (cpu?.predicted ?? 1) - 1) < 0.03)
})

test('capacity is what was answered while the server was full', () => {
  const cell = named('jwt beyond capacity')
  const [load] = cell.loads
  assert.ok(load)
  // 2,000 answers in 0.4 s: 5,000/s.
  const [capacity] = judged(cell, [[windowOf(load, 200, { wallUs: 400_000 })]])
  assert.equal(capacity?.observed, 5_000)
  assert.ok(Math.abs(capacity.predicted / 5_000 - 1) < 0.02)
})

test('what the generator made, or nobody measured, is told and not judged', () => {
  const cell = named('mtls at 70 %')
  const [load] = cell.loads
  assert.ok(load)
  const late = windowOf(load, 50, { sendingUs: 10e6 })
  const [generator] = judged(cell, [[late]])
  assert.match(generator?.excluded ?? '', /the generator sent/)
  const disturbed = windowOf(load, 50)
  const [strangers] = judged(cell, [[{ ...disturbed, foreignCpuUs: disturbed.wallUs / 2 }]])
  assert.match(strangers?.excluded ?? '', /other programs used 50 % of a core/)
  const nothing = judged(cell, [])
  assert.ok(nothing.every(({ excluded, observed }) => excluded !== null && observed === null))
  assert.deepEqual(errorsOf(nothing), {
    cpuMean: null,
    cpuWorst: null,
    saturationWorst: null,
    p50Worst: null,
    p99Worst: null,
    coverage: null,
    predictions: 0,
  })
})

test('how far off CPU was becomes the width of later intervals, once there are enough predictions', () => {
  const one = (predicted: number, metric: 'cpuShare' | 'latencyP50Us' = 'cpuShare') => ({
    cell: 'x',
    metric,
    predicted,
    low: 0,
    high: 1,
    observed: 1,
    excluded: null,
  })
  const eight = Array.from({ length: 8 }, (_, index) => one(index % 2 === 0 ? 1.05 : 1 / 1.05))
  assert.ok(Math.abs((errorSd(eight) ?? 0) - Math.log(1.05)) < 1e-12)
  assert.equal(errorSd(eight.slice(1)), null)
  assert.equal(errorSd(eight.map(() => one(2, 'latencyP50Us'))), null)
})
