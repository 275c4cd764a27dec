import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { bearerOnly, certificateBinding } from './certificate-binding.ts'
import { exchange, goodCertificate, goodToken } from './exchange-testbed.ts'

const { thumbprint } = goodCertificate
const digest = Buffer.from(thumbprint, 'base64url')

describe('certificateBinding', () => {
  const ask = (
    confirmation: unknown,
    certificate: typeof goodCertificate | null = goodCertificate,
  ) => certificateBinding(exchange({ token: { ...goodToken, confirmation }, certificate }))

  it('takes a token bound to this certificate', () => {
    assert.equal(ask({ 'x5t#S256': thumbprint }), null)
  })

  for (const [id, confirmation, reason] of [
    ['C1 unbound', undefined, 'unbound_token'],
    ['C3 another certificate', { 'x5t#S256': 'A'.repeat(43) }, 'binding_mismatch'],
    ['C5 SHA-1', { 'x5t#S256': thumbprint.slice(0, 27) }, 'binding_mismatch'],
    ['C5 SHA-1 under its own name', { x5t: thumbprint.slice(0, 27) }, 'malformed_confirmation'],
    ['C5 hexadecimal', { 'x5t#S256': digest.toString('hex') }, 'binding_mismatch'],
    ['C5 padded', { 'x5t#S256': `${thumbprint}=` }, 'binding_mismatch'],
    ['C5 base64', { 'x5t#S256': digest.toString('base64') }, 'binding_mismatch'],
    ['C6 jkt too', { 'x5t#S256': thumbprint, jkt: 'x' }, 'malformed_confirmation'],
    ['C6 jkt too, first', { jkt: 'x', 'x5t#S256': thumbprint }, 'malformed_confirmation'],
    ['jkt alone', { jkt: thumbprint }, 'malformed_confirmation'],
    ['empty', {}, 'malformed_confirmation'],
    ['empty thumbprint', { 'x5t#S256': '' }, 'binding_mismatch'],
    ['thumbprint in a list', { 'x5t#S256': [thumbprint] }, 'malformed_confirmation'],
    ['null', null, 'malformed_confirmation'],
    ['the thumbprint itself', thumbprint, 'malformed_confirmation'],
  ] as const) {
    it(`refuses: ${id}`, () => {
      assert.deepEqual(ask(confirmation), {
        status: 401,
        reason,
        challenge: 'Bearer error="invalid_token"',
      })
    })
  }

  it('refuses: C2 bound token, no certificate', async () => {
    const refusal = await ask({ 'x5t#S256': thumbprint }, null)
    assert.equal(refusal?.reason, 'bound_token_without_certificate')
  })

  it('refuses where no guard before it has read a token', async () => {
    const refusal = await certificateBinding(exchange({ certificate: goodCertificate }))
    assert.equal(refusal?.reason, 'no_token')
  })
})

describe('bearerOnly', () => {
  it('takes a bearer token', () => {
    assert.equal(bearerOnly(exchange({ token: goodToken })), null)
  })

  for (const confirmation of [{ 'x5t#S256': thumbprint }, { jkt: 'x' }, {}, null]) {
    it(`refuses: J22 cnf ${JSON.stringify(confirmation)}`, async () => {
      const refusal = await bearerOnly(exchange({ token: { ...goodToken, confirmation } }))
      assert.equal(refusal?.reason, 'bound_token')
    })
  }

  it('refuses where no guard before it has read a token', async () => {
    assert.equal((await bearerOnly(exchange()))?.reason, 'no_token')
  })
})
