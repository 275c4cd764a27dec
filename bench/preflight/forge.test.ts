import assert from 'node:assert/strict'
import { createSecretKey } from 'node:crypto'
import { test } from 'node:test'
import { decodeJwt, decodeProtectedHeader, importJWK, jwtVerify } from 'jose'
import { createPrivateJwk, publicJwk } from '../lab-credentials.ts'
import { createForge, hmacSigner, secondsFromNow, signerOf } from './forge.ts'

const claims = { iss: 'https://issuer.test', aud: 'api', scope: 'payments:read' }

for (const alg of ['ES256', 'ES384', 'RS256', 'PS256', 'EdDSA']) {
  test(`a forged ${alg} token passes another verifier`, async () => {
    const key = await createPrivateJwk(alg)
    const token = createForge({ key, claims }).token()
    const { payload, protectedHeader } = await jwtVerify(
      token,
      await importJWK(publicJwk(key), alg),
      {
        algorithms: [alg],
        issuer: claims.iss,
        audience: claims.aud,
        typ: 'at+jwt',
        requiredClaims: ['exp', 'iat', 'jti'],
      },
    )
    assert.equal(protectedHeader.kid, key.kid)
    assert.equal(payload['scope'], claims.scope)
  })
}

test('a forgery differs in what is told, and each token has its own jti', async () => {
  const key = await createPrivateJwk('ES256')
  const forge = createForge({ key, claims })
  const good = decodeJwt(forge.token())
  const bad = decodeJwt(forge.token({ claims: { aud: 'other' } }))
  assert.notEqual(good.jti, bad.jti)
  const comparable = { iat: 0, exp: 0, jti: '' }
  assert.deepEqual({ ...bad, ...comparable }, { ...good, ...comparable, aud: 'other' })
  const header = decodeProtectedHeader(forge.token({ header: { crit: ['x'], x: 1 } }))
  assert.deepEqual(header, { alg: 'ES256', typ: 'at+jwt', kid: key.kid, crit: ['x'], x: 1 })
})

test('a claim or header set to undefined is left out', async () => {
  const key = await createPrivateJwk('ES256')
  const token = createForge({ key, claims }).token({
    claims: { iss: undefined },
    header: { typ: undefined },
  })
  assert.equal(Object.hasOwn(decodeJwt(token), 'iss'), false)
  assert.equal(Object.hasOwn(decodeProtectedHeader(token), 'typ'), false)
})

test('another key, or HMAC, signs where it is told to', async () => {
  const [key, other] = await Promise.all([createPrivateJwk('ES256'), createPrivateJwk('ES256')])
  const forge = createForge({ key, claims })
  const foreign = forge.token({ signer: signerOf(other) })
  await assert.rejects(jwtVerify(foreign, await importJWK(publicJwk(key), 'ES256')))
  await jwtVerify(foreign, await importJWK(publicJwk(other), 'ES256'))
  const symmetric = forge.token({ header: { alg: 'HS256' }, signer: hmacSigner('secret') })
  await jwtVerify(symmetric, createSecretKey(Buffer.from('secret')), { algorithms: ['HS256'] })
})

test('public members alone leave a private key', async () => {
  for (const alg of ['ES256', 'RS256', 'EdDSA']) {
    const key = await createPrivateJwk(alg)
    assert.ok(key.d)
    const { kty, kid } = publicJwk(key)
    assert.deepEqual({ kty, kid }, { kty: key.kty, kid: key.kid })
    for (const name of ['d', 'p', 'q', 'dp', 'dq', 'qi']) {
      assert.equal(Object.hasOwn(publicJwk(key), name), false, `${alg} ${name}`)
    }
  }
})

test('a NumericDate is whole seconds', () => {
  assert.ok(Number.isInteger(secondsFromNow(0)))
  assert.ok(secondsFromNow(60) - secondsFromNow(0) >= 60)
})
