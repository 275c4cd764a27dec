import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Answer } from './attack.ts'
import { invalidToken, refusedHandshake, refusedWith } from './attempt.ts'
import type { Attempt, Expectation, Probe } from './attempt.ts'
import { judgeAll } from './judge.ts'

const challenge = 'Bearer error="invalid_token"'

test('a bad credential passes only with the outcome expected, no handler call, and a reason', async () => {
  const token = invalidToken('token_expired')
  const logged = { reason: 'token_expired' }
  const cases: { expected: Expectation; seen: Seen; outcome: string; passed: boolean }[] = [
    {
      expected: token,
      seen: { answer: response(401, challenge), ...logged },
      outcome: '401 invalid_token',
      passed: true,
    },
    {
      expected: refusedHandshake('CERT_REVOKED'),
      seen: { answer: closed, reason: 'tls:CERT_REVOKED' },
      outcome: 'handshake refused',
      passed: true,
    },
    {
      expected: refusedWith(403, 'wrong_tenant'),
      seen: { answer: response(403), reason: 'wrong_tenant' },
      outcome: '403',
      passed: true,
    },
    {
      expected: { kind: 'client', reasons: ['has expired'] },
      seen: { answer: { kind: 'closed', code: 'port 1: certificate has expired' } },
      outcome: 'client refuses',
      passed: true,
    },
    // Accepted.
    {
      expected: token,
      seen: { answer: response(200), handlerCalls: 1 },
      outcome: 'accepted: 200',
      passed: false,
    },
    {
      expected: refusedHandshake('CERT_REVOKED'),
      seen: { answer: response(200), handlerCalls: 1 },
      outcome: 'accepted: 200',
      passed: false,
    },
    {
      expected: { kind: 'client', reasons: ['has expired'] },
      seen: { answer: response(200), handlerCalls: 1 },
      outcome: 'accepted: 200',
      passed: false,
    },
    // Refused in another way.
    {
      expected: token,
      seen: { answer: response(403), ...logged },
      outcome: '403',
      passed: false,
    },
    {
      expected: token,
      seen: { answer: response(401, 'Bearer'), ...logged },
      outcome: '401',
      passed: false,
    },
    {
      expected: refusedWith(401, 'no_token'),
      seen: { answer: response(401, challenge), reason: 'no_token' },
      outcome: '401 invalid_token',
      passed: false,
    },
    // A 401 has to say how to do better.
    {
      expected: refusedWith(401, 'no_token'),
      seen: { answer: response(401), reason: 'no_token' },
      outcome: '401',
      passed: false,
    },
    {
      expected: refusedHandshake('CERT_REVOKED'),
      seen: { answer: response(403), reason: 'tls:CERT_REVOKED' },
      outcome: '403',
      passed: false,
    },
    {
      expected: token,
      seen: { answer: { kind: 'silent' }, ...logged },
      outcome: 'no answer',
      passed: false,
    },
    {
      expected: { kind: 'client', reasons: ['has expired'] },
      seen: { answer: { kind: 'closed', code: 'connect ECONNREFUSED' } },
      outcome: 'client refuses, logged connect ECONNREFUSED instead of has expired',
      passed: false,
    },
    // Refused too late, or for nothing.
    {
      expected: token,
      seen: { answer: response(401, challenge), ...logged, handlerCalls: 1 },
      outcome: '401 invalid_token, but the handler ran',
      passed: false,
    },
    {
      expected: token,
      seen: { answer: response(401, challenge) },
      outcome: '401 invalid_token, logged nothing instead of token_expired',
      passed: false,
    },
    {
      expected: token,
      seen: { answer: response(401, challenge), reason: 'bad_signature' },
      outcome: '401 invalid_token, logged bad_signature instead of token_expired',
      passed: false,
    },
    {
      expected: token,
      seen: { answer: response(401, challenge), ...logged, also: '3 key-set fetches' },
      outcome: '3 key-set fetches',
      passed: false,
    },
  ]
  for (const { expected, seen, outcome, passed } of cases) {
    const [row] = await judgeAll([{ id: 'J9', probes: [fakeProbe(expected, seen)] }], {
      settleLimitMs: 0,
    })
    assert.equal(row?.refusal.outcome, outcome)
    assert.equal(row.refusal.passed, passed, outcome)
    assert.equal(row.refusal.handlerCalls, seen.handlerCalls ?? 0)
    assert.equal(row.controlsPassed, 1)
  }
})

test('a row of a product says whether it got in, was refused in another way, or could not be tried', async () => {
  const bench = { settleLimitMs: 0, isProduct: true }
  const token = invalidToken('token_expired')
  const broken = () => Promise.reject(new Error('it takes over no other trust'))
  const cases: [probe: Probe, gap: string | undefined, outcome: RegExp][] = [
    // What it logs is its own affair.
    [fakeProbe(token, { answer: response(401, challenge) }), undefined, /^401 invalid_token$/],
    [fakeProbe(token, { answer: response(200), handlerCalls: 1 }), 'accepted', /^accepted: 200$/],
    [
      fakeProbe(token, { answer: response(401, challenge), handlerCalls: 1 }),
      'accepted',
      /but the handler ran/,
    ],
    [fakeProbe(token, { answer: response(403) }), 'refused otherwise', /^403$/],
    [
      fakeProbe(refusedHandshake('CERT_REVOKED'), { answer: response(400) }),
      'refused otherwise',
      /^400$/,
    ],
    [
      { ...fakeProbe(token, { answer: response(401, challenge) }), control: broken },
      'not tried',
      /^not tried: it takes over no other trust$/,
    ],
    [
      { ...fakeProbe(token, { answer: response(401, challenge) }), bad: broken },
      'not tried',
      /^not tried: it takes over no other trust$/,
    ],
  ]
  for (const [probe, gap, outcome] of cases) {
    const [row] = await judgeAll([{ id: 'J9', probes: [probe] }], bench)
    assert.ok(row)
    assert.equal(row.refusal.gap, gap)
    assert.equal(row.refusal.passed, gap === undefined)
    assert.match(row.refusal.outcome, outcome)
  }
})

test('the gravest of several variants is the one that a row tells', async () => {
  const token = invalidToken('token_expired')
  const probes = [
    { ...fakeProbe(token, { answer: response(403) }), variant: 'one' },
    { ...fakeProbe(token, { answer: response(200), handlerCalls: 1 }), variant: 'two' },
  ]
  const [row] = await judgeAll([{ id: 'J9', probes }], { settleLimitMs: 0, isProduct: true })
  assert.equal(row?.refusal.gap, 'accepted')
  assert.equal(row.refusal.outcome, 'one: 403; two: accepted: 200')
})

test('an error of a server of ours is no row but an error', async () => {
  const token = invalidToken('token_expired')
  const broken = () => Promise.reject(new Error('the process is gone'))
  const probe = { ...fakeProbe(token, { answer: response(401, challenge) }), bad: broken }
  await assert.rejects(judgeAll([{ id: 'J9', probes: [probe] }]), /the process is gone/)
})

test('what is recorded passes whatever is seen, and says it', async () => {
  const cases: [answer: Answer, outcome: string, passed: boolean][] = [
    [response(200), 'accepted: 200 (as told)', true],
    [response(401, challenge), '401 invalid_token (as told)', true],
    [{ kind: 'silent' }, 'no answer', false],
  ]
  for (const [answer, outcome, passed] of cases) {
    const probe = { ...fakeProbe({ kind: 'recorded' }, { answer }), note: () => 'as told' }
    const [row] = await judgeAll([{ id: 'J23', probes: [probe] }])
    assert.equal(row?.refusal.kind, 'record')
    assert.deepEqual([row.refusal.outcome, row.refusal.passed], [outcome, passed])
  }
})

test('a bad credential whose good one is refused is not tried, and fails', async () => {
  let tried = 0
  const probe = fakeProbe(invalidToken('token_expired'), { answer: response(401, challenge) })
  const [row] = await judgeAll([
    {
      id: 'J9',
      probes: [
        {
          ...probe,
          control: () => Promise.resolve(response(503)),
          bad: () => {
            tried += 1
            return probe.bad()
          },
        },
      ],
    },
  ])
  assert.equal(tried, 0)
  assert.equal(row?.controlsPassed, 0)
  assert.deepEqual(
    [row.refusal.outcome, row.refusal.passed],
    ['the good credential was answered 503', false],
  )
})

test('all variants of an id have to pass; the outcome names the one that did not', async () => {
  const expected = invalidToken('token_expired')
  const refused = { answer: response(401, challenge), reason: 'token_expired' }
  const probes = [
    { ...fakeProbe(expected, refused), variant: 'one' },
    { ...fakeProbe(expected, { answer: response(200), handlerCalls: 1 }), variant: 'two' },
    { ...fakeProbe(expected, refused), variant: 'three' },
  ]
  const [row] = await judgeAll([{ id: 'J9', probes }])
  assert.equal(row?.refusal.outcome, 'two: accepted: 200')
  assert.deepEqual(
    [row.refusal.passed, row.refusal.handlerCalls, row.controlsPassed],
    [false, 1, 3],
  )
  assert.deepEqual(row.refusal.reasons, ['token_expired'])
})

test('all prepare first, what ages is controlled before and tried after all others', async () => {
  const steps: string[] = []
  const attempt = (id: string, order?: 'last' | 'aged'): Attempt => {
    const probe = fakeProbe({ kind: 'recorded' }, { answer: response(200) })
    return {
      id,
      ...(order === undefined ? {} : { order }),
      prepare: () => {
        steps.push(`prepare ${id}`)
        return Promise.resolve()
      },
      probes: [
        {
          ...probe,
          control: () => {
            steps.push(`control ${id}`)
            return probe.control()
          },
          bad: () => {
            steps.push(`bad ${id}`)
            return probe.bad()
          },
        },
      ],
    }
  }
  const rows = await judgeAll([attempt('I2', 'aged'), attempt('I6', 'last'), attempt('I7')])
  assert.deepEqual(steps, [
    'prepare I2',
    'prepare I6',
    'prepare I7',
    'control I2',
    'control I7',
    'bad I7',
    'control I6',
    'bad I6',
    'bad I2',
  ])
  assert.deepEqual(
    rows.map(({ refusal }) => refusal.id),
    ['I2', 'I6', 'I7'],
  )
})

/** What a fake server does with the bad credential. */
interface Seen {
  readonly answer: Answer
  readonly handlerCalls?: number
  readonly reason?: string
  readonly also?: string
}

function fakeProbe(expected: Expectation, seen: Seen): Probe {
  let isTried = false
  return {
    expected,
    counted: {
      snapshot: () =>
        Promise.resolve({
          handlerCalls: 7 + (isTried ? (seen.handlerCalls ?? 0) : 0),
          refusals: {
            before: 1,
            ...(isTried && seen.reason !== undefined ? { [seen.reason]: 1 } : {}),
          },
        }),
    },
    control: () => Promise.resolve(response(200)),
    bad: () => {
      isTried = true
      return Promise.resolve(seen.answer)
    },
    also: () => seen.also ?? null,
  }
}

function response(status: number, withChallenge: string | null = null): Answer {
  return { kind: 'response', status, challenge: withChallenge, body: '', resumed: false }
}

const closed: Answer = { kind: 'closed', code: 'ECONNRESET' }
