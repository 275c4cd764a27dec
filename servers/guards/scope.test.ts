import assert from 'node:assert/strict'
import { it } from 'node:test'
import { exchange, goodToken } from './exchange-testbed.ts'
import { scope } from './scope.ts'

it('takes a token with the scope of the route', () => {
  assert.equal(scope(exchange({ token: goodToken, scope: 'payments:write' })), null)
})

for (const [id, token] of [
  ['J15 another scope', { ...goodToken, scopes: ['payments:read', 'payments:write'] }],
  ['J15 scope as a prefix', { ...goodToken, scopes: ['admin', 'admin:manage:more'] }],
  ['J15 no scope', { ...goodToken, scopes: [] }],
  ['no token', null],
] as const) {
  it(`refuses: ${id}`, () => {
    assert.deepEqual(scope(exchange({ token, scope: 'admin:manage' })), {
      status: 403,
      reason: 'insufficient_scope',
      challenge: 'Bearer error="insufficient_scope", scope="admin:manage"',
    })
  })
}
