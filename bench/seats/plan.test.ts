import assert from 'node:assert/strict'
import test from 'node:test'
import type { TargetSettings } from '../targets/settings.ts'
import { parsePlan } from './plan.ts'
import { openHeadersOf, referencesOf, seatTarget } from './references.ts'
import { planOf } from './seats-testdata.ts'
import { sourceDifference } from './source.ts'
import { parseTrial, seatsFor, trialRates } from './trial.ts'

test('a plan is read back as it was written', () => {
  assert.deepEqual(parsePlan(JSON.stringify(planOf(3)), 'friday'), planOf(3))
})

const wrong: [string, string, string, RegExp][] = [
  ['garbage', 'hello', 'measurement-failed', /^the plan of run friday is not one \(/],
  ['another format', '{"format":2}', 'usage', /is of format 2, this seat reads 1: start seats/],
  [
    'another run',
    JSON.stringify(planOf(3, { runId: 'x' })),
    'measurement-failed',
    /\(another run\)/,
  ],
  ['no seats', JSON.stringify(planOf(0)), 'measurement-failed', /\/seats must be >= 1/],
  [
    'more than a command line takes',
    JSON.stringify(planOf(1, { schedule: { ...planOf(1).schedule, ratePerSecond: 1e9 } })),
    'measurement-failed',
    /ratePerSecond must be <= 1000000/,
  ],
  ['a nonce that is none', JSON.stringify(planOf(1, { nonce: '' })), 'measurement-failed', /nonce/],
]
for (const [what, written, code, message] of wrong) {
  test(`a plan is refused: ${what}`, () => {
    assert.throws(() => parsePlan(written, 'friday'), { name: 'BenchError', code, message })
  })
}

test('seats and coordinator are of one source', () => {
  const plan = { version: '1.0.0', measuringVersion: 2, digest: 'd1', commit: 'abcdefgh1' }
  const cases: [Partial<Omit<typeof plan, 'commit'> & { commit: string | null }>, string | null][] =
    [
      [{}, null],
      // An image has no history.
      [{ commit: null }, null],
      [{ version: '1.0.1' }, 'this seat is of version 1.0.1, the plan of 1.0.0'],
      [{ measuringVersion: 3 }, 'this seat measures by version 3, the plan by 2'],
      [
        { commit: 'zzzzzzzz1', digest: 'd2' },
        'this seat is of commit zzzzzzzz, the plan of abcdefgh',
      ],
      // One whose commits differ in what does not run.
      [{ commit: 'zzzzzzzz1' }, null],
      [{ digest: 'd2' }, 'this seat runs other code (d2) than the plan is of (d1)'],
      [{ commit: null, digest: 'd2' }, 'this seat runs other code (d2) than the plan is of (d1)'],
    ]
  for (const [changes, told] of cases)
    assert.equal(sourceDifference(plan, { ...plan, ...changes }), told)
})

const settings: TargetSettings = {
  url: 'https://gw.example/pay?key=s3cret',
  cert: 'c.pem',
  key: 'k.pem',
  token: { kind: 'file', path: 'token' },
  headers: [
    { name: 'X-Tenant', value: 'acme' },
    { name: 'X-Api-Key', value: { kind: 'env', name: 'KEY' } },
  ],
  bodyFile: 'body.json',
}

test('what is secret is a name in the plan, what is not is told', () => {
  assert.deepEqual(referencesOf(settings), [
    ...['--target', '--cert', '--key', '--token-file', '--body-file', '--header x-api-key'],
  ])
  assert.deepEqual(openHeadersOf(settings), { 'x-tenant': 'acme' })
})

const planned = planOf(2, {
  credentials: ['--cert', '--key', '--token-file'],
  target: { ...planOf(2).target, headers: { 'x-tenant': 'acme' }, method: 'PUT' },
})
const own = { cert: 'mine.pem', key: 'mine.key', token: { kind: 'env', name: 'T' } } as const

test('a seat sends the request of the plan with credentials of its own', () => {
  const target = seatTarget(planned, [{ url: 'https://gw.example/pay', method: 'put', ...own }])
  assert.deepEqual(
    [target.url, target.method, target.cert, target.headers],
    ['https://gw.example/pay', 'PUT', 'mine.pem', [{ name: 'x-tenant', value: 'acme' }]],
  )
})

const refused: [string, TargetSettings[], RegExp][] = [
  [
    'without a credential',
    [{ url: 'https://gw.example/pay', method: 'PUT', cert: 'mine.pem', key: 'mine.key' }],
    /^--token-file: the plan asks for it, give this seat its own$/,
  ],
  [
    'with one more',
    [{ url: 'https://gw.example/pay', method: 'PUT', ...own, ca: 'ca.pem' }],
    /^--ca: the coordinator was not given it, leave it out or give it there too$/,
  ],
  [
    'with credentials, and no word on where they may go',
    [{ url: '', ...own }],
    /^--cert, --key, --token-file: for which --target\? Name the one that this seat may send it to$/,
  ],
  [
    'that was told to send something else',
    [{ url: 'https://gw.example/pay', ...own }],
    /^--method PUT: the plan asks for it, and this seat was told to send GET$/,
  ],
  [
    'that is told to load something else',
    [{ url: 'https://other.example/pay', ...own }],
    /^--target https:\/\/other\.example\/pay: the plan is for https:\/\/gw\.example\/pay, which this seat was not told to load$/,
  ],
]
for (const [what, given, message] of refused) {
  test(`a seat is refused ${what}`, () => {
    assert.throws(() => seatTarget(planned, given), { code: 'usage', message })
  })
}

test('a target with a secret behind its question mark is named by the seat itself', () => {
  const secret = planOf(2, {
    credentials: ['--target'],
    target: { ...planned.target, url: 'https://gw.example/pay?…' },
  })
  const url = 'https://gw.example/pay?key=s3cret'
  assert.equal(seatTarget(secret, [{ url, method: 'PUT' }]).url, url)
  assert.throws(() => seatTarget(secret, [{ url: '' }]), {
    message: '--target: the plan asks for it, give this seat its own',
  })
})

test('a trial goes up to the planned rate, and each seat is to have something to spare', () => {
  assert.deepEqual(trialRates(1_500), [500, 750, 1_125, 1_500])
  assert.deepEqual(trialRates(100), [100])
  // 50,000 ÷ (0.7 × 1,800) = 39.7
  assert.equal(seatsFor(50_000, 1_800), 40)
  assert.equal(seatsFor(100, 100), 2)
  assert.equal(parseTrial('{"trial":750,"stages":3}'), 750)
  assert.throws(() => parseTrial('{"trial":null,"stages":1}'), /too busy to measure from/)
  assert.throws(() => parseTrial('x'), /give --seats a number/)
})
