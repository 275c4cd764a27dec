import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { base64url, generateKeyPair, SignJWT, UnsecuredJWT } from 'jose'
import { goodClaims, issuerConfig, quietTelemetry, startIssuer } from '../issuer-testbed.ts'
import type { FakeIssuer } from '../issuer-testbed.ts'
import { createTestbed } from '../server-testbed.ts'
import type { Testbed } from '../server-testbed.ts'
import type { Telemetry } from '../telemetry.ts'
import { createBearerJwtGuard } from './bearer-jwt.ts'
import { exchange } from './exchange-testbed.ts'
import type { Guard } from './guard.ts'
import { createRevokedTokens } from './revoked-tokens.ts'

for (const verifier of ['jose', 'node', 'fast-jwt'] as const) {
  describe(`createBearerJwtGuard, verifier ${verifier}`, () => {
    let bed: Testbed
    let issuer: FakeIssuer
    let telemetry: Telemetry
    let guard: Guard
    before(async () => {
      bed = await createTestbed()
      issuer = await startIssuer(bed)
      telemetry = quietTelemetry().telemetry
      guard = await createBearerJwtGuard({ ...issuer.config, verifier }, telemetry)
    })
    after(async () => {
      await issuer[Symbol.asyncDispose]()
      await bed[Symbol.asyncDispose]()
    })

    const ask = async (token: string) => {
      const request = exchange({ rawHeaders: ['authorization', `Bearer ${token}`] })
      return { refusal: await guard(request), caller: request.caller.token }
    }
    const reasonOf = async (token: string) => {
      const { refusal, caller } = await ask(token)
      assert.equal(caller, null)
      assert.equal(refusal?.challenge, 'Bearer error="invalid_token"')
      assert.equal(refusal.status, 401)
      return refusal.reason
    }
    const now = () => Math.floor(Date.now() / 1_000)

    it('has the key set before the first request', () => {
      assert.deepEqual(telemetry.snapshot().counters, { keySetFetches: 1 })
    })

    it('takes a good token, and reads who calls', async () => {
      const cnf = { 'x5t#S256': 'abc' }
      const { refusal, caller } = await ask(await issuer.mint({ cnf }))
      assert.equal(refusal, null)
      assert.deepEqual(caller, {
        clientId: 'acme-billing',
        scopes: ['payments:read', 'payments:write'],
        orgId: 'acme',
        confirmation: cnf,
      })
    })

    for (const [name, claims, header] of [
      ['a list of audiences with ours', { aud: ['x', 'https://payments.trustbench.test'] }, {}],
      ['typ with the media type prefix', {}, { typ: 'application/at+jwt' }],
      ['no kid, one key', {}, { kid: undefined }],
      ['nbf now', { nbf: Math.floor(Date.now() / 1_000) }, {}],
    ] as const) {
      it(`takes ${name}`, async () => {
        assert.equal((await ask(await issuer.mint(claims, header))).refusal, null)
      })
    }

    it('has neither scope nor tenant where the token names none', async () => {
      const { caller } = await ask(await issuer.mint({ scope: null, org_id: null }))
      assert.deepEqual([caller?.scopes, caller?.orgId], [[], null])
    })

    for (const [id, claims, header, reason] of [
      ['J9 expired', { exp: now() - 1 }, {}, 'token_expired'],
      ['J9 expires this second', { exp: now() }, {}, 'token_expired'],
      ['J10 nbf in the future', { nbf: now() + 60 }, {}, 'token_not_yet_valid'],
      ['J10 iat in the future', { iat: now() + 60 }, {}, 'issued_in_future'],
      ['J11 another issuer', { iss: 'https://localhost' }, {}, 'wrong_issuer'],
      ['J11 missing iss', { iss: null }, {}, 'missing_claim'],
      ['J12 another audience', { aud: 'https://other.test' }, {}, 'wrong_audience'],
      ['J12 audience as a prefix', { aud: 'https://payments.trustbench' }, {}, 'wrong_audience'],
      ['J12 missing aud', { aud: null }, {}, 'missing_claim'],
      ['J13 typ JWT', {}, { typ: 'JWT' }, 'wrong_type'],
      ['J13 missing typ', {}, { typ: undefined }, 'wrong_type'],
      ['J14 missing exp', { exp: null }, {}, 'missing_claim'],
      ['J14 missing iat', { iat: null }, {}, 'missing_claim'],
      ['J14 missing sub', { sub: null }, {}, 'missing_claim'],
      ['J14 missing client_id', { client_id: null }, {}, 'missing_claim'],
      ['J14 missing jti', { jti: null }, {}, 'missing_claim'],
      ['exp as text', { exp: '9999999999' }, {}, 'malformed_claim'],
      ['iat as text', { iat: '1' }, {}, 'malformed_claim'],
      ['sub as a number', { sub: 7 }, {}, 'malformed_claim'],
      ['client_id as a list', { client_id: ['acme-billing'] }, {}, 'malformed_claim'],
      ['J17 jwk', {}, { jwk: { kty: 'EC' } }, 'embedded_key'],
      ['J17 jku', {}, { jku: 'https://evil.test/jwks' }, 'embedded_key'],
      ['J17 x5u', {}, { x5u: 'https://evil.test/cert' }, 'embedded_key'],
      ['J17 x5c', {}, { x5c: ['AA=='] }, 'embedded_key'],
      ['J8 unknown kid', {}, { kid: 'key-2' }, 'unknown_key'],
    ] as const) {
      it(`refuses: ${id}`, async () => {
        assert.equal(await reasonOf(await issuer.mint(claims, header)), reason)
      })
    }

    it('asks no second time for keys while jose cools down: J8', async () => {
      for (const kid of ['a', 'b', 'c']) await reasonOf(await issuer.mint({}, { kid }))
      assert.deepEqual(telemetry.snapshot().counters, { keySetFetches: 1 })
    })

    for (const [id, token, reason] of [
      ['J2 garbage', 'garbage', 'malformed_token'],
      ['J2 two parts', 'eyJhbGciOiJFUzI1NiJ9.e30', 'malformed_token'],
      ['J2 four parts', 'a.b.c.d', 'malformed_token'],
      ['header that is no JSON', 'e30x.e30.AAAA', 'malformed_token'],
    ] as const) {
      it(`refuses: ${id}`, async () => {
        assert.equal(await reasonOf(token), reason)
      })
    }

    it('refuses: J3 bad signature', async () => {
      const [head = '', payload = '', signature = ''] = (await issuer.mint()).split('.')
      const flipped = signature.startsWith('A')
        ? `B${signature.slice(1)}`
        : `A${signature.slice(1)}`
      assert.equal(await reasonOf(`${head}.${payload}.${flipped}`), 'bad_signature')
      assert.equal(await reasonOf(`${head}.${payload}.`), 'bad_signature')
    })

    it('refuses: J4 tampered payload', async () => {
      const [head = '', , signature = ''] = (await issuer.mint({ org_id: 'globex' })).split('.')
      const payload = base64url.encode(JSON.stringify(goodClaims(issuer.config)))
      assert.equal(await reasonOf(`${head}.${payload}.${signature}`), 'bad_signature')
    })

    it('refuses: J5 alg none', async () => {
      const token = new UnsecuredJWT(goodClaims(issuer.config)).encode()
      assert.equal(await reasonOf(`${token}AAAA`), 'algorithm_not_allowed')
      assert.equal(await reasonOf(token), 'algorithm_not_allowed')
    })

    it('refuses: J6 HS256 with the public key as the secret', async () => {
      const secret = Buffer.from(JSON.stringify(issuer.keySet.keys[0]))
      const token = await new SignJWT(goodClaims(issuer.config))
        .setProtectedHeader({ alg: 'HS256', typ: 'at+jwt', kid: 'key-1' })
        .sign(secret)
      assert.equal(await reasonOf(token), 'algorithm_not_allowed')
    })

    it('refuses: J7 an algorithm that is sound but not allowed', async () => {
      const { privateKey } = await generateKeyPair('ES384')
      const token = await new SignJWT(goodClaims(issuer.config))
        .setProtectedHeader({ alg: 'ES384', typ: 'at+jwt', kid: 'key-1' })
        .sign(privateKey)
      assert.equal(await reasonOf(token), 'algorithm_not_allowed')
    })

    it('refuses: J3 signed by somebody else under our kid', async () => {
      const { privateKey } = await generateKeyPair('ES256')
      const token = await new SignJWT(goodClaims(issuer.config))
        .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid: 'key-1' })
        .sign(privateKey)
      assert.equal(await reasonOf(token), 'bad_signature')
    })

    it('refuses: J18 unknown crit', async () => {
      const token = await new SignJWT(goodClaims(issuer.config))
        .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid: 'key-1', crit: ['x'], x: 1 })
        .sign(issuer.key, { crit: { x: true } })
      assert.equal(await reasonOf(token), 'unknown_critical')
    })
  })
}

for (const algorithm of ['ES384', 'RS256', 'PS256', 'EdDSA'] as const) {
  describe(`verifiers of ${algorithm}`, () => {
    for (const verifier of ['jose', 'node', 'fast-jwt'] as const) {
      it(`${verifier} takes a good token and refuses J3, a bad signature`, async () => {
        await using bed = await createTestbed()
        await using issuer = await startIssuer(bed, algorithm)
        const guard = await createBearerJwtGuard(
          { ...issuer.config, verifier },
          quietTelemetry().telemetry,
        )
        const ask = (token: string) =>
          guard(exchange({ rawHeaders: ['authorization', `Bearer ${token}`] }))
        const token = await issuer.mint()
        assert.equal(await ask(token), null)
        const signature = token.lastIndexOf('.') + 10
        const flipped = token[signature] === 'A' ? 'B' : 'A'
        const forged = `${token.slice(0, signature)}${flipped}${token.slice(signature + 1)}`
        const refusal = await ask(forged)
        assert.deepEqual([refusal?.status, refusal?.reason], [401, 'bad_signature'])
      })
    }
  })
}

describe('createBearerJwtGuard with a cache', () => {
  const guarded = async (bed: Testbed, issuer: FakeIssuer) => {
    const { telemetry } = quietTelemetry()
    const guard = await createBearerJwtGuard({ ...issuer.config, tokenCacheMs: 60_000 }, telemetry)
    return {
      hits: () => telemetry.snapshot().counters['tokenCacheHits'] ?? 0,
      ask: (token: string) => guard(exchange({ rawHeaders: ['authorization', `Bearer ${token}`] })),
    }
  }

  it('verifies a token once, and takes no other token for it', async () => {
    await using bed = await createTestbed()
    await using issuer = await startIssuer(bed)
    const { ask, hits } = await guarded(bed, issuer)
    const token = await issuer.mint()
    assert.deepEqual([await ask(token), await ask(token), hits()], [null, null, 1])
    // J3, J4: what differs in a single character was never verified.
    const [head = '', payload = '', signature = ''] = token.split('.')
    const flipped = signature.startsWith('A') ? `B${signature.slice(1)}` : `A${signature.slice(1)}`
    const forged = await ask(`${head}.${payload}.${flipped}`)
    assert.equal(forged?.reason, 'bad_signature')
    const changed = await issuer.mint({ org_id: 'globex' })
    const tampered = await ask(`${head}.${changed.split('.')[1] ?? ''}.${signature}`)
    assert.equal(tampered?.reason, 'bad_signature')
    assert.equal(hits(), 1)
  })

  it('forgets a token at its exp: J9', async (t) => {
    await using bed = await createTestbed()
    await using issuer = await startIssuer(bed)
    const { ask } = await guarded(bed, issuer)
    const token = await issuer.mint({ exp: Math.floor(Date.now() / 1_000) + 5 })
    assert.equal(await ask(token), null)
    t.mock.timers.enable({ apis: ['Date'], now: Date.now() + 6_000 })
    const refusal = await ask(token)
    assert.equal(refusal?.reason, 'token_expired')
  })

  it('remembers no refusal', async () => {
    await using bed = await createTestbed()
    await using issuer = await startIssuer(bed)
    const { ask, hits } = await guarded(bed, issuer)
    const token = await issuer.mint({ aud: 'https://other.test' })
    const [first, second] = [await ask(token), await ask(token)]
    assert.deepEqual([first?.reason, second?.reason], ['wrong_audience', 'wrong_audience'])
    assert.equal(hits(), 0)
  })
})

for (const verifier of ['jose', 'node', 'fast-jwt'] as const) {
  describe(`createBearerJwtGuard, verifier ${verifier}, with a tolerance of 5 s`, () => {
    const second = () => Math.floor(Date.now() / 1_000)
    for (const [name, claims, reason] of [
      ['iat 4 s ahead', () => ({ iat: second() + 4 }), undefined],
      ['nbf 4 s ahead', () => ({ nbf: second() + 4 }), undefined],
      ['exp 3 s ago', () => ({ exp: second() - 3 }), undefined],
      ['iat 8 s ahead', () => ({ iat: second() + 8 }), 'issued_in_future'],
      ['nbf 8 s ahead', () => ({ nbf: second() + 8 }), 'token_not_yet_valid'],
      ['exp 5 s ago', () => ({ exp: second() - 5 }), 'token_expired'],
    ] as const) {
      it(`${reason === undefined ? 'takes' : 'refuses'} ${name}`, async () => {
        await using bed = await createTestbed()
        await using issuer = await startIssuer(bed)
        const config = { ...issuer.config, verifier, clockToleranceSeconds: 5 }
        const guard = await createBearerJwtGuard(config, quietTelemetry().telemetry)
        const token = await issuer.mint(claims())
        const refusal = await guard(exchange({ rawHeaders: ['authorization', `Bearer ${token}`] }))
        assert.equal(refusal?.reason, reason)
      })
    }
  })
}

describe('createBearerJwtGuard with a list of revoked tokens', () => {
  it('refuses a token by its jti, whatever cache remembers it', async () => {
    await using bed = await createTestbed()
    await using issuer = await startIssuer(bed)
    for (const tokenCacheMs of [0, 60_000]) {
      const revoked = createRevokedTokens()
      const { telemetry } = quietTelemetry()
      const guard = await createBearerJwtGuard(
        { ...issuer.config, tokenCacheMs },
        telemetry,
        revoked,
      )
      const token = await issuer.mint({ jti: 'stolen' })
      const ask = () => guard(exchange({ rawHeaders: ['authorization', `Bearer ${token}`] }))
      assert.equal(await ask(), null)
      revoked.replace(['stolen'])
      const refusal = await ask()
      assert.deepEqual([refusal?.status, refusal?.reason], [401, 'token_revoked'])
    }
  })
})

describe('createBearerJwtGuard without an issuer', () => {
  it('starts, logs why, and refuses closed', async () => {
    await using bed = await createTestbed()
    await using issuer = await startIssuer(bed)
    const token = await issuer.mint()
    const { telemetry, lines } = quietTelemetry()
    const nowhere = await issuerConfig(bed, 'https://localhost:1')
    const guard = await createBearerJwtGuard(
      { ...issuer.config, jwksUri: nowhere.jwksUri },
      telemetry,
    )
    assert.deepEqual(lines, ['{"event":"refused","reason":"key_set_unavailable","status":null}'])
    const request = exchange({ rawHeaders: ['authorization', `Bearer ${token}`] })
    assert.deepEqual(await guard(request), {
      status: 503,
      reason: 'key_set_unavailable',
      retryAfterSeconds: 1,
    })
    assert.equal(request.caller.token, null)
  })

  it('takes no keys from a server that the anchor does not vouch for', async () => {
    await using bed = await createTestbed()
    await using issuer = await startIssuer(bed)
    const caFile = await bed.write('rogue.pem', bed.rogue.certificatePem)
    const { telemetry, lines } = quietTelemetry()
    await createBearerJwtGuard({ ...issuer.config, caFile }, telemetry)
    assert.equal(issuer.seen.length, 0)
    assert.equal(lines.length, 1)
  })

  it('takes no keys that a redirect leads to', async () => {
    await using bed = await createTestbed()
    await using issuer = await startIssuer(bed)
    issuer.answer = (_token, response) => {
      response.writeHead(302, { location: issuer.config.jwksUri }).end()
    }
    const { telemetry, lines } = quietTelemetry()
    const jwksUri = `${issuer.config.issuer}/moved`
    await createBearerJwtGuard({ ...issuer.config, jwksUri }, telemetry)
    assert.deepEqual(
      issuer.seen.map(({ path }) => path),
      ['/moved'],
    )
    assert.equal(lines.length, 1)
  })
})

describe('createBearerJwtGuard with a shared secret', () => {
  for (const verifier of ['jose', 'node', 'fast-jwt'] as const) {
    it(`${verifier}: takes HS256 by the secret, and no public key for it: J6`, async () => {
      await using bed = await createTestbed()
      await using issuer = await startIssuer(bed)
      const secret = randomBytes(32)
      const config = {
        ...issuer.config,
        verifier,
        algorithms: ['HS256'] as const,
        sharedSecretFile: await bed.write('shared', secret),
      }
      const guard = await createBearerJwtGuard(config, quietTelemetry().telemetry)
      const ask = async (signer: Uint8Array, alg = 'HS256') => {
        const token = await new SignJWT(goodClaims(issuer.config))
          .setProtectedHeader({ alg, typ: 'at+jwt' })
          .sign(alg === 'HS256' ? signer : issuer.key)
        return guard(exchange({ rawHeaders: ['authorization', `Bearer ${token}`] }))
      }
      assert.equal(await ask(secret), null)
      const byPublicKey = await ask(Buffer.from(JSON.stringify(issuer.keySet.keys[0])))
      assert.deepEqual([byPublicKey?.status, byPublicKey?.reason], [401, 'bad_signature'])
      // The issuer's own key pair is no secret either.
      const byKeyPair = await ask(secret, 'ES256')
      assert.equal(byKeyPair?.reason, 'algorithm_not_allowed')
    })
  }

  it('does not start with HS256 beside a public key algorithm', async () => {
    await using bed = await createTestbed()
    const config = await issuerConfig(bed, 'https://localhost:1')
    const sharedSecretFile = await bed.write('shared', randomBytes(32))
    const both = { ...config, sharedSecretFile, algorithms: ['ES256', 'HS256'] as const }
    await assert.rejects(
      createBearerJwtGuard(both, quietTelemetry().telemetry),
      /HS256 must be alone/,
    )
  })
})
