import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { BenchError, exitCodeOf } from '../errors.ts'
import type { Environment, Run } from '../results.ts'
import { compareRuns, type CompareOptions } from './compare.ts'
import { studentQuantile } from './distributions.ts'
import { PRIOR_SESSION_SD } from './sessions.ts'
import { syntheticRun, type SyntheticArm } from './testdata.ts'

const exact = { blockSd: 0, sliceSd: 0 } as const
const reference: SyntheticArm = { scenario: 'reference', role: 'reference', cpuUs: 30 }
const tls: SyntheticArm = { scenario: 'tls', parameters: { tls: '1.3' }, cpuUs: 60 }
const tlsId = 'tls/connections=8/tls=1.3'
const options: CompareOptions = { defaults: () => null }
const before = syntheticRun({ ...exact, arms: [tls, reference], seed: 1 })
const after = syntheticRun({ ...exact, arms: [{ ...tls, cpuUs: 66 }, reference], seed: 2 })

suite('two stored runs', () => {
  test('are compared by their ratios to the reference, so a slower day is no change', () => {
    const slower = syntheticRun({
      ...exact,
      arms: [tls, reference].map((arm) => ({ ...arm, cpuUs: arm.cpuUs * 1.5 })),
      seed: 2,
    })
    const [cpu] = compareRuns(before, slower, options).changes
    assert.ok(Math.abs((cpu?.ratio?.estimate ?? 0) - 1) < 1e-12)
    assert.deepEqual([round(cpu?.before?.estimate), round(cpu?.after?.estimate)], [2, 2])
    assert.equal(cpu?.verdict, 'undecided')
    const [dearer] = compareRuns(before, after, options).changes
    assert.ok(Math.abs((dearer?.ratio?.estimate ?? 0) - 1.1) < 1e-12)
  })

  test('have an interval of both variances and twice that between sessions, over all cells', () => {
    // Without noise within the runs only the sessions are left: 2 cells, so 99.5 % each; R's
    // qt(0.9975, 10000) is 2.8077.
    const [cpu] = compareRuns(before, after, options).changes
    const half = studentQuantile(1 - 0.01 / 4, 10_000) * Math.sqrt(2) * PRIOR_SESSION_SD
    assert.ok(Math.abs(half - 2.8077 * 0.0282843) < 1e-5)
    assert.ok(Math.abs(Math.log(cpu?.ratio?.high ?? 0) - (Math.log(1.1) + half)) < 1e-9)
    assert.ok(Math.abs(Math.log(cpu?.ratio?.low ?? 0) - (Math.log(1.1) - half)) < 1e-9)
    assert.deepEqual([cpu?.ratio?.level, cpu?.ratio?.blocks, cpu?.verdict], [0.99, 12, 'worse'])
  })

  test('swapped give the inverse change', () => {
    const noisy = (seed: number, cpuUs: number) =>
      syntheticRun({ arms: [{ ...tls, cpuUs }, reference], seed })
    const [old, current] = [noisy(1, 60), noisy(2, 72)]
    const forward = compareRuns(old, current, options).changes
    const back = compareRuns(current, old, options).changes
    for (const [index, change] of forward.entries()) {
      const inverse = back[index]
      assert.ok(Math.abs((change.ratio?.low ?? 0) * (inverse?.ratio?.high ?? 0) - 1) < 1e-9)
    }
    assert.deepEqual([forward[0]?.verdict, back[0]?.verdict], ['worse', 'better'])
  })

  test('of one block each have no interval', () => {
    const one = (seed: number) => syntheticRun({ arms: [tls, reference], blocks: 1, seed })
    const [cpu] = compareRuns(one(1), one(2), options).changes
    assert.deepEqual([cpu?.ratio?.low, cpu?.ratio?.level, cpu?.verdict], [null, null, 'undecided'])
  })

  test('point to the live comparison, and name what else could be the reason', () => {
    const other = { ...after, environment: { ...after.environment, node: '27.0.0', dirty: true } }
    const { warnings } = compareRuns(before, { ...other, complete: false }, options)
    assert.deepEqual(
      warnings.map(({ code }) => code),
      ['between-sessions', 'incomplete', 'dirty', 'other-environment'],
    )
    assert.match(warnings[0]?.advice ?? '', /^npm run compare -- --live 01234567 /)
    assert.equal(compareRuns(before, before, options).warnings[1]?.code, 'same-run')
  })

  test('that measured one commit three times tell how far sessions wander', () => {
    // Sessions at 60, 61.2 and 62.424 µs: ln in steps of ln 1.02, so sd ln 1.02 with 2 degrees.
    const [first, ...others] = [60, 61.2, 62.424].map((cpuUs, index) =>
      syntheticRun({ ...exact, arms: [{ ...tls, cpuUs }, reference], seed: 10 + index }),
    )
    assert.ok(first !== undefined)
    const current = commitOf(after, 'f'.repeat(40))
    const comparison = compareRuns(first, current, { ...options, sessions: others })
    const half = studentQuantile(1 - 0.01 / 4, 2) * Math.sqrt(2) * Math.log(1.02)
    const { ratio } = comparison.changes[0] ?? {}
    assert.ok(Math.abs(Math.log(ratio?.high ?? 0) - (Math.log(1.1) + half)) < 1e-9)
    assert.match(comparison.warnings[0]?.message ?? '', /by 2\.0 % sd, as measured here/)
    // Two sessions are not enough, and those of other machines, dirty trees or smoke runs do not count.
    const [second, third] = others
    assert.ok(second !== undefined && third !== undefined)
    for (const useless of [
      [second],
      [second, { ...third, environment: { ...third.environment, dirty: true } }],
      [second, { ...third, environment: { ...third.environment, machineId: 'other' } }],
      [second, { ...third, mode: 'smoke' as const }],
    ]) {
      const { warnings } = compareRuns(first, current, { ...options, sessions: useless })
      assert.match(warnings[0]?.message ?? '', /assumed until one commit has three runs here/)
    }
  })
})

suite('cases', () => {
  test('in only one run, or measured in only one, are named', () => {
    const jwt: SyntheticArm = { scenario: 'jwt', cpuUs: 150 }
    const mtls: SyntheticArm = { scenario: 'mtls', cpuUs: 50 }
    const broken = { ...mtls, outcome: 'failed', reason: 'M2 was accepted' } as const
    const comparison = compareRuns(
      syntheticRun({ arms: [tls, jwt, mtls, reference], seed: 1 }),
      syntheticRun({ arms: [tls, broken, { scenario: 'http', cpuUs: 20 }, reference], seed: 2 }),
      options,
    )
    assert.deepEqual([...new Set(comparison.changes.map((change) => change.case))], [tlsId])
    assert.deepEqual(comparison.missing, [
      { case: 'mtls/connections=8', reason: 'failed in the second run: M2 was accepted' },
      { case: 'jwt/connections=8', reason: 'only in the first run' },
      { case: 'http/connections=8', reason: 'only in the second run' },
    ])
  })

  test('match when an older run lacks a parameter that is now declared', () => {
    const newer = { ...tls, parameters: { ...tls.parameters, session: 'ticket' } }
    const current = syntheticRun({ arms: [newer, reference], seed: 2 })
    assert.throws(() => compareRuns(before, current, options), /parameters differ/)
    const defaults = (scenario: string) => (scenario === 'tls' ? { session: 'ticket' } : null)
    const { changes } = compareRuns(before, current, { defaults })
    assert.equal(changes[0]?.case, tlsId.replace('/tls=', '/session=ticket/tls='))
    const other = (scenario: string) => (scenario === 'tls' ? { session: 'none' } : null)
    assert.throws(() => compareRuns(before, current, { defaults: other }), /parameters differ/)
  })
})

suite('what cannot be compared', () => {
  const changed = (change: Partial<Run>): Run => ({ ...after, ...change })
  const armsOf = (arms: readonly SyntheticArm[]) => syntheticRun({ ...exact, arms, seed: 2 })
  const forcible: [string, Run, RegExp][] = [
    [
      'another machine',
      changed({ environment: { ...after.environment, machineId: 'other' } }),
      /machine differs \(ffff.* and other\)/,
    ],
    [
      'another measuring version',
      changed({ measuringVersion: 2 }),
      /measuring version differs \(1 and 2\)/,
    ],
    ['a smoke run', changed({ mode: 'smoke' }), /run-2 is a smoke run/],
    [
      'another response',
      armsOf([{ ...tls, responseDigest: 'other' }, reference]),
      /response differs \(response and other\)/,
    ],
    [
      'another reference server',
      changed({ referenceDigest: 'other' }),
      /servers\/reference\.ts differs \(rrrrrrrrrrrr and other\)/,
    ],
    [
      'another request',
      changed({ arms: after.arms.map((arm) => ({ ...arm, requestDigest: 'other' })) }),
      /request differs/,
    ],
    [
      'other parameters',
      armsOf([{ ...tls, parameters: { tls: '1.2' } }, reference]),
      /parameters differ \(tls\/connections=8\/tls=1.3 and tls\/connections=8\/tls=1.2\)/,
    ],
  ]
  for (const [name, other, message] of forcible) {
    test(`${name} is refused with exit 64, and forced it is compared and marked`, () => {
      assert.throws(
        () => compareRuns(before, other, options),
        (error) => {
          assert.ok(error instanceof BenchError)
          assert.deepEqual([error.code, exitCodeOf(error)], ['not-comparable', 64])
          assert.match(error.message, message)
          assert.match(error.message, /--force compares them all the same/)
          assert.ok(!error.message.includes('\n'))
          return true
        },
      )
      const { changes, forced } = compareRuns(before, other, { ...options, force: true })
      assert.equal(changes.length, 2)
      assert.ok(forced.some((reason) => message.test(reason)))
    })
  }

  const impossible: [string, Run, RegExp][] = [
    ['no reference', armsOf([tls]), /the reference was not measured in both/],
    ['no measured block', changed({ blocks: [], complete: false }), /run-2 has no measured block/],
    [
      'no case in common',
      armsOf([{ scenario: 'jwt', cpuUs: 9 }, reference]),
      /no case was measured in both/,
    ],
  ]
  for (const [name, other, message] of impossible) {
    test(`${name} is refused, forced or not`, () => {
      for (const force of [false, true]) {
        assert.throws(
          () => compareRuns(before, other, { ...options, force }),
          (error) => {
            assert.ok(error instanceof BenchError)
            assert.match(error.message, message)
            assert.doesNotMatch(error.message, /--force/)
            return true
          },
        )
      }
    })
  }

  test('every objection is told at once', () => {
    const other = changed({ measuringVersion: 2, mode: 'smoke' })
    assert.throws(() => compareRuns(before, other, options), /smoke run.*measuring version/)
  })

  test('another commit, a dirty tree or another runtime is no objection', () => {
    const environment = {
      ...after.environment,
      commit: 'e'.repeat(40),
      dirty: true,
      node: '27.0.0',
    }
    assert.deepEqual(compareRuns(before, { ...after, environment }, options).forced, [])
  })
})

test('of an A/A run the arm that it was about is compared', () => {
  const twin = { ...tls, id: 'twin', role: 'baseline', cpuUs: 999 } as const
  const current = syntheticRun({
    ...exact,
    arms: [twin, { ...tls, against: 'twin' }, reference],
    seed: 2,
  })
  const { changes, missing } = compareRuns(before, current, options)
  assert.equal(round(changes[0]?.ratio?.estimate), 1)
  assert.deepEqual(missing, [])
})

test('a case that holds steady changes nothing in the runs it is read from', () => {
  const copies = [structuredClone(before), structuredClone(after)]
  compareRuns(before, after, options)
  assert.deepEqual([before, after], copies)
})

function round(value: number | undefined): number {
  return Math.round((value ?? 0) * 1e9) / 1e9
}

function commitOf(run: Run, commit: string): Run {
  const environment: Environment = { ...run.environment, commit }
  return { ...run, environment }
}
