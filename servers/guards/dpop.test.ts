import assert from 'node:assert/strict'
import { createPrivateKey, hash, randomUUID, sign } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { calculateJwkThumbprint, exportJWK, generateKeyPair } from 'jose'
import type { JWK } from 'jose'
import { quietTelemetry, startIssuer } from '../issuer-testbed.ts'
import type { FakeIssuer } from '../issuer-testbed.ts'
import { createTestbed } from '../server-testbed.ts'
import type { Testbed } from '../server-testbed.ts'
import { createDpopGuard } from './dpop.ts'
import { exchange } from './exchange-testbed.ts'
import type { Guard, Refusal } from './guard.ts'

// The whole set of attempts is preflight's (D1 to D13); here is what it cannot present, and the guard alone.

const url = 'https://127.0.0.1:0/v1/orgs/acme/payments/pay_1001'

interface Changes {
  readonly header?: object
  readonly claims?: object
  readonly key?: JWK
}

/** A proof by node:crypto alone. */
function proofOf(key: JWK, token: string, { header = {}, claims = {}, key: signer }: Changes = {}) {
  const { kty, crv, x, y } = key
  const input = [
    { typ: 'dpop+jwt', alg: 'ES256', jwk: { kty, crv, x, y }, ...header },
    {
      jti: randomUUID(),
      htm: 'GET',
      htu: url,
      iat: Math.floor(Date.now() / 1_000),
      ath: hash('sha256', token, 'base64url'),
      ...claims,
    },
  ]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.')
  const privateKey = createPrivateKey({ key: { ...(signer ?? key) }, format: 'jwk' })
  const signature = sign('sha256', Buffer.from(input), {
    key: privateKey,
    dsaEncoding: 'ieee-p1363',
  })
  return `${input}.${signature.toString('base64url')}`
}

const createKey = async (): Promise<JWK> => {
  const { privateKey } = await generateKeyPair('ES256', { extractable: true })
  return exportJWK(privateKey)
}

describe('createDpopGuard', () => {
  let bed: Testbed
  let issuer: FakeIssuer
  let guard: Guard
  let key: JWK
  let token: string
  before(async () => {
    bed = await createTestbed()
    issuer = await startIssuer(bed)
    guard = await createDpopGuard(issuer.config, '127.0.0.1', quietTelemetry().telemetry)
    key = await createKey()
    token = await issuer.mint({ cnf: { jkt: await calculateJwkThumbprint(key) } })
  })
  after(async () => {
    await issuer[Symbol.asyncDispose]()
    await bed[Symbol.asyncDispose]()
  })

  const present = async (rawHeaders: string[]) => {
    const request = exchange({ rawHeaders })
    request.request.method = 'GET'
    const refusal = await guard(request)
    assert.equal(refusal === null, request.caller.token !== null)
    return refusal
  }
  const ask = (proof: string, presented = token) =>
    present(['authorization', `DPoP ${presented}`, 'dpop', proof])
  const refused = (refusal: Refusal | null, reason: string, error: string) => {
    assert.deepEqual(
      [refusal?.status, refusal?.reason, refusal?.challenge],
      [401, reason, `DPoP error="${error}"`],
    )
  }

  it('takes a good token with a fresh proof, whatever the case of its scheme', async () => {
    assert.equal(await ask(proofOf(key, token)), null)
    const lower = ['Authorization', `dpop ${token}`, 'DPoP', proofOf(key, token)]
    assert.equal(await present(lower), null)
  })

  it('tells who brings nothing which algorithms it takes', async () => {
    const refusal = await present([])
    assert.deepEqual(
      [refusal?.status, refusal?.reason, refusal?.challenge],
      [401, 'no_token', 'DPoP algs="ES256 ES384 RS256 PS256 EdDSA"'],
    )
  })

  it('refuses: D1 no proof, D2 two proofs', async () => {
    const authorization = ['authorization', `DPoP ${token}`]
    refused(await present(authorization), 'no_proof', 'invalid_dpop_proof')
    const two = [...authorization, 'dpop', proofOf(key, token), 'DPoP', proofOf(key, token)]
    refused(await present(two), 'two_proofs', 'invalid_dpop_proof')
  })

  for (const [id, changes, reason] of [
    ['D3 typ', { header: { typ: 'JWT' } }, 'proof_wrong_type'],
    ['D4 alg', { header: { alg: 'HS256' } }, 'proof_algorithm_not_allowed'],
    ['D7 htm', { claims: { htm: 'POST' } }, 'proof_wrong_method'],
    ['D8 htu', { claims: { htu: `${url}/refusal` } }, 'proof_wrong_url'],
    ['D8 htu, another port', { claims: { htu: url.replace(':0/', ':1/') } }, 'proof_wrong_url'],
    ['D8 htu, a user', { claims: { htu: url.replace('//', '//u@') } }, 'proof_wrong_url'],
    ['D9 iat as text', { claims: { iat: '1' } }, 'proof_stale'],
    ['jti missing', { claims: { jti: undefined } }, 'proof_malformed_jti'],
    ['jti of 300 characters', { claims: { jti: 'x'.repeat(300) } }, 'proof_malformed_jti'],
    ['D11 ath of another token', { claims: { ath: 'x' } }, 'proof_of_another_token'],
    [
      'an extension that is critical',
      { header: { crit: ['b64'], b64: false } },
      'proof_unknown_critical',
    ],
    ['no key', { header: { jwk: undefined } }, 'proof_without_key'],
    ['a key without its members', { header: { jwk: { kty: 'EC' } } }, 'proof_malformed_key'],
    ['a key of no type', { header: { jwk: { kty: 'oct', k: 'AAAA' } } }, 'proof_private_key'],
  ] as const) {
    it(`refuses: ${id}`, async () => {
      refused(await ask(proofOf(key, token, changes)), reason, 'invalid_dpop_proof')
    })
  }

  it('refuses: D5 a signature by another key than the one in the proof', async () => {
    const other = await createKey()
    refused(
      await ask(proofOf(key, token, { key: other })),
      'proof_bad_signature',
      'invalid_dpop_proof',
    )
  })

  it('refuses: D10 a proof that was used, and one use alone of many at once', async () => {
    const proof = proofOf(key, token)
    const answers = await Promise.all(Array.from({ length: 5 }, () => ask(proof)))
    assert.equal(answers.filter((answer) => answer === null).length, 1)
    refused(await ask(proof), 'proof_replayed', 'invalid_dpop_proof')
  })

  it('takes the query of htu for what it is: not part of it', async () => {
    assert.equal(await ask(proofOf(key, token, { claims: { htu: `${url}?a=b#c` } })), null)
  })

  it('refuses: D12 a token that is bound to another key', async () => {
    const other = await createKey()
    refused(await ask(proofOf(other, token)), 'binding_mismatch', 'invalid_token')
  })

  it('refuses: tokens that are not bound, or in more ways than can be checked', async () => {
    const jkt = await calculateJwkThumbprint(key)
    for (const [cnf, reason] of [
      [undefined, 'unbound_token'],
      [{ jkt, 'x5t#S256': 'abc' }, 'malformed_confirmation'],
      [{ jkt: 7 }, 'malformed_confirmation'],
      ['jkt', 'malformed_confirmation'],
    ] as const) {
      const presented = await issuer.mint(cnf === undefined ? {} : { cnf })
      refused(await ask(proofOf(key, presented), presented), reason, 'invalid_token')
    }
  })

  it('refuses: D13 the bound token as a bearer token', async () => {
    const refusal = await present(['authorization', `Bearer ${token}`, 'dpop', proofOf(key, token)])
    assert.deepEqual([refusal?.status, refusal?.reason], [401, 'no_token'])
  })

  it('garbage for a proof is a bad proof', async () => {
    for (const proof of ['', 'garbage', 'a.b', 'a.b.c', `${'A'.repeat(5_000)}.e30.AA`])
      refused(await ask(proof), 'proof_malformed', 'invalid_dpop_proof')
  })
})
