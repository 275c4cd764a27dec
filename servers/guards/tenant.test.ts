import assert from 'node:assert/strict'
import { it } from 'node:test'
import { exchange, goodCertificate, goodToken } from './exchange-testbed.ts'
import { tenant } from './tenant.ts'

const foreignCertificate = { ...goodCertificate, orgId: 'globex' }
const foreignToken = { ...goodToken, orgId: 'globex' }

for (const [name, caller] of [
  ['a certificate of the tenant', { certificate: goodCertificate }],
  ['a token of the tenant', { token: goodToken }],
  ['both of the tenant', { certificate: goodCertificate, token: goodToken }],
] as const) {
  it(`takes ${name}`, () => {
    assert.equal(tenant(exchange(caller)), null)
  })
}

for (const [id, caller] of [
  ['nobody', {}],
  ['another tenant by certificate', { certificate: foreignCertificate }],
  ['J16 another tenant by token', { token: foreignToken }],
  ['J16 token without a tenant', { token: { ...goodToken, orgId: null } }],
  [
    'token without a tenant, good certificate',
    {
      certificate: goodCertificate,
      token: { ...goodToken, orgId: null },
    },
  ],
  ['two tenants, token foreign', { certificate: goodCertificate, token: foreignToken }],
  ['two tenants, certificate foreign', { certificate: foreignCertificate, token: goodToken }],
  ['tenant in another case', { token: { ...goodToken, orgId: 'ACME' } }],
] as const) {
  it(`refuses: ${id}`, () => {
    assert.deepEqual(tenant(exchange(caller)), { status: 403, reason: 'wrong_tenant' })
  })
}
