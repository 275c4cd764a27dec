import assert from 'node:assert/strict'
import { it } from 'node:test'
import { exchange, goodCertificate } from './exchange-testbed.ts'
import { createSanAuthorization, parseWorkload } from './san-authorization.ts'

const policy = {
  trustDomain: 'trustbench.test',
  services: { billing: ['payments:read', 'payments:write'], audit: ['payments:read'], idle: [] },
}
const guard = createSanAuthorization(policy)
const ask = (uri: string | null, scope: 'payments:read' | 'payments:write' = 'payments:read') =>
  guard(exchange({ certificate: uri === null ? null : { ...goodCertificate, uri }, scope }))
const name = (path: string) => `spiffe://trustbench.test/${path}`

it('lets services do what they may, of any tenant', () => {
  assert.equal(ask(name('acme/billing'), 'payments:write'), null)
  assert.equal(ask(name('globex/audit')), null)
})

for (const [why, uri, scope, reason] of [
  ['a service that may do less', name('acme/audit'), 'payments:write', 'insufficient_rights'],
  ['a service that may do nothing', name('acme/idle'), 'payments:read', 'insufficient_rights'],
  ['M12 an unknown service', name('acme/reporting'), 'payments:read', 'identity_not_allowed'],
  ['a name that objects have', name('acme/constructor'), 'payments:read', 'identity_not_allowed'],
  ['no certificate', null, 'payments:read', 'identity_not_allowed'],
] as const) {
  it(`refuses: ${why}`, () => {
    assert.deepEqual(ask(uri, scope), { status: 403, reason })
  })
}

for (const uri of [
  'spiffe://other.test/acme/billing',
  'spiffe://trustbench.test.evil.test/acme/billing',
  'spiffe://trustbench.test/acme/billing/',
  'spiffe://trustbench.test/acme/x/../billing',
  'spiffe://trustbench.test/acme/billing?x=1',
  'spiffe://trustbench.test/acme/billing#x',
  'spiffe://trustbench.test/acme/%62illing',
  'spiffe://trustbench.test//billing',
  'spiffe://trustbench.test/billing',
  'spiffe://trustbench.test/acme/Billing',
  'SPIFFE://trustbench.test/acme/billing',
  'https://trustbench.test/acme/billing',
  'spiffe://u@trustbench.test/acme/billing',
  'spiffe://trustbench.test:443/acme/billing',
  'spiffe://trustbench.test/acme/billing\n',
  '',
]) {
  it(`is no name of a workload: ${JSON.stringify(uri)}`, () => {
    assert.equal(parseWorkload(uri, policy), null)
    assert.deepEqual(ask(uri), { status: 403, reason: 'identity_not_allowed' })
  })
}

it('reads tenant and service', () => {
  assert.deepEqual(parseWorkload(name('acme/billing'), policy), {
    tenant: 'acme',
    service: 'billing',
  })
})
