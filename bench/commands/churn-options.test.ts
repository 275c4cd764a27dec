import assert from 'node:assert/strict'
import test from 'node:test'
import { modes } from '../modes.ts'
import { churnArguments, churnPlanOf } from './churn-options.ts'
import { loadArguments, loadOf } from './load-options.ts'

const tls = { name: 'tls', tls: true }
const { precision: _, ...plan } = modes.default
const context = {
  mode: 'default',
  plan: { ...plan, seed: 7 },
  scenarios: [tls],
  hasBudget: false,
} as const

const usesOf = (options: Parameters<typeof churnPlanOf>[0], scenarios = [tls]) =>
  churnPlanOf(options, { ...context, scenarios }).uses.map(
    ({ policy, requestsPerConnection, clients }) =>
      `${policy} ${requestsPerConnection ?? 'inf'}${clients === undefined ? '' : ` storm ${clients}`}`,
  )

test('uses: policies times requests, and connections that stay once', () => {
  assert.deepEqual(usesOf({}), [
    ...['full 1', 'full 2', 'full 5', 'full 10', 'full 100', 'keep-alive inf'],
  ])
  assert.deepEqual(usesOf({ policy: 'full,resumed', requestsPerConnection: '1,inf,1' }), [
    ...['full 1', 'resumed 1', 'keep-alive inf'],
  ])
  assert.deepEqual(usesOf({ policy: 'resumed', requestsPerConnection: '3' }), ['resumed 3'])
  assert.deepEqual(usesOf({ policy: 'keep-alive' }), ['keep-alive inf'])
})

test('storms: for each policy, beside connections that stay', () => {
  assert.deepEqual(usesOf({ storm: '10,1000', policy: 'full,resumed' }), [
    ...['full 1 storm 10', 'resumed 1 storm 10', 'full 1 storm 1000', 'resumed 1 storm 1000'],
    'keep-alive inf',
  ])
  assert.deepEqual(usesOf({ storm: '50', requestsPerConnection: '1,5' }), [
    ...['full 1', 'full 5', 'full 1 storm 50'],
  ])
})

test('the budget is three times that of closed loops, unless it was given', () => {
  assert.equal(churnPlanOf({}, context).budgetMs, 225_000)
  assert.equal(churnPlanOf({}, { ...context, hasBudget: true }).budgetMs, 75_000)
})

const wrong: [string, () => unknown, RegExp][] = [
  ['an unknown policy', () => usesOf({ policy: 'half' }), /--policy half: expected full, resumed/],
  ['no requests', () => usesOf({ requestsPerConnection: '0' }), /connection 0: expected numbers/],
  ['an empty list', () => usesOf({ requestsPerConnection: '1,,2' }), /connection : expected/],
  [
    'sessions without TLS',
    () => usesOf({ policy: 'resumed' }, [tls, { name: 'http', tls: false }]),
    /--policy resumed: http speaks no TLS/,
  ],
  [
    'requests on connections that stay',
    () => usesOf({ policy: 'keep-alive', requestsPerConnection: '5' }),
    /--requests-per-connection 5: --policy keep-alive opens no new connection/,
  ],
  ['a storm of one', () => usesOf({ storm: '1' }), /--storm 1: expected numbers of clients from 2/],
  ['a storm beyond ports', () => usesOf({ storm: '20000' }), /--storm 20000: expected/],
  [
    'a storm of clients that never reconnect',
    () => usesOf({ storm: '10', policy: 'keep-alive' }),
    /--storm 10: --policy keep-alive opens no new connection/,
  ],
  [
    'a storm without churn',
    () => loadOf({ load: 'open', storm: '10' }),
    /--storm needs --load churn/,
  ],
  [
    'an unknown load',
    () => loadOf({ load: 'burst' }),
    /--load burst: expected closed, open or churn/,
  ],
  [
    'a policy without churn',
    () => loadOf({ load: 'closed', policy: 'full' }),
    /--policy needs --load churn/,
  ],
  ['a rate with churn', () => loadOf({ load: 'churn', rate: '5' }), /--rate needs --load open/],
  [
    'requests per connection in an open loop',
    () => loadOf({ load: 'open', requestsPerConnection: '5' }),
    /--requests-per-connection needs --load churn/,
  ],
]
for (const [name, run, message] of wrong) {
  test(`is refused: ${name}`, () => {
    assert.throws(run, { code: 'usage', message })
  })
}

test('as arguments again', () => {
  const options = { policy: 'resumed', requestsPerConnection: '1,inf', storm: '100' }
  const words = ['--policy', 'resumed', '--requests-per-connection', '1,inf', '--storm', '100']
  assert.deepEqual(churnArguments(options), words)
  assert.deepEqual(loadArguments({ load: 'churn', ...options }), ['--load', 'churn', ...words])
  assert.deepEqual(loadArguments({ load: 'closed' }), [])
})
