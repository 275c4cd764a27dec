import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { createBearerGuard, invalidToken, readBearer } from './bearer.ts'
import { exchange, goodToken } from './exchange-testbed.ts'

const [bare, badRequest, badToken] = [
  'Bearer',
  'Bearer error="invalid_request"',
  'Bearer error="invalid_token"',
]

describe('readBearer', () => {
  for (const [name, value, token] of [
    ['canonical', 'Bearer abc.DEF-123_~+/==', 'abc.DEF-123_~+/=='],
    ['scheme in lower case', 'bearer t', 't'],
    ['scheme in upper case', 'BEARER t', 't'],
    ['several spaces', 'Bearer   t', 't'],
  ] as const) {
    it(`reads a token: ${name}`, () => {
      assert.equal(readBearer({ rawHeaders: ['Authorization', value], url: '/' }), token)
    })
  }

  it('finds the header whatever its case and place', () => {
    const rawHeaders = ['Host', 'authorization', 'AUTHORIZATION', 'Bearer t', 'X', 'Bearer u']
    assert.equal(readBearer({ rawHeaders, url: '/' }), 't')
  })

  const one = (value: string): string[] => ['authorization', value]
  for (const [id, rawHeaders, url, status, reason, challenge] of [
    ['J1 no header', [], '/', 401, 'no_token', bare],
    ['another scheme', one('Basic dTpw'), '/', 401, 'no_token', bare],
    ['a scheme that only begins so', one('BearerToken t'), '/', 401, 'no_token', bare],
    ['empty header', one(''), '/', 401, 'no_token', bare],
    ['scheme alone', one('Bearer'), '/', 401, 'malformed_token', badToken],
    ['scheme and space', one('Bearer '), '/', 401, 'malformed_token', badToken],
    ['two tokens', one('Bearer a b'), '/', 401, 'malformed_token', badToken],
    ['two in one line', one('Bearer a, Bearer b'), '/', 401, 'malformed_token', badToken],
    ['tab', one('Bearer\tt'), '/', 401, 'no_token', bare],
    ['padding inside', one('Bearer a=b'), '/', 401, 'malformed_token', badToken],
    ['line feed at the end', one('Bearer a\n'), '/', 401, 'malformed_token', badToken],
    ['not ASCII', one('Bearer ä'), '/', 401, 'malformed_token', badToken],
    ['J19 query alone', [], '/?access_token=t', 401, 'token_in_query', bare],
    ['J19 encoded name', [], '/?a=1&access%5Ftoken=t', 401, 'token_in_query', bare],
    [
      'header and query',
      one('Bearer t'),
      '/?access_token=t',
      400,
      'token_in_header_and_query',
      badRequest,
    ],
    [
      'J20 two headers',
      [...one('Bearer a'), 'Authorization', 'Bearer a'],
      '/',
      400,
      'two_authorization_headers',
      badRequest,
    ],
    [
      'Basic beside Bearer',
      [...one('Basic dTpw'), ...one('Bearer a')],
      '/',
      400,
      'two_authorization_headers',
      badRequest,
    ],
  ] as const) {
    it(`refuses: ${id}`, () => {
      assert.deepEqual(readBearer({ rawHeaders, url }), { status, reason, challenge })
    })
  }

  it('never throws, and returns nothing but a token of its one header', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.stringMatching(/^[Bb]earer {0,3}[ -~]{0,20}$/),
      fc.stringMatching(/^BEARER {1,3}[\w.~+/-]{1,20}={0,2}$/),
    )
    const header = fc.tuple(fc.constantFrom('authorization', 'Authorization', 'x', 'host'), text)
    let tokens = 0
    fc.assert(
      fc.property(fc.array(header, { maxLength: 4 }), fc.webPath(), (headers, url) => {
        const rawHeaders = headers.flat()
        const bearer = readBearer({ rawHeaders, url })
        if (typeof bearer !== 'string') return
        tokens += 1
        const values = headers.filter(([name]) => name.toLowerCase() === 'authorization')
        assert.equal(values.length, 1)
        assert.match(bearer, /^[A-Za-z0-9._~+/-]+=*$/)
        assert.equal(values[0]?.[1].replace(/^bearer +/i, ''), bearer)
      }),
      { numRuns: 1_000, seed: 6_750 },
    )
    assert.ok(tokens > 50, `only ${tokens} of the headers held a token: the property proved little`)
  })
})

describe('createBearerGuard', () => {
  it('hands the token on, and names the caller', async () => {
    const asked: string[] = []
    const guard = createBearerGuard((token) => {
      asked.push(token)
      return Promise.resolve(goodToken)
    })
    const request = exchange({ rawHeaders: ['authorization', 'Bearer t'] })
    assert.equal(await guard(request), null)
    assert.deepEqual([asked, request.caller.token], [['t'], goodToken])
  })

  it('refuses as the check does, without a caller', async () => {
    const guard = createBearerGuard(() => Promise.resolve(invalidToken('token_expired')))
    const request = exchange({ rawHeaders: ['authorization', 'Bearer t'] })
    assert.deepEqual(await guard(request), {
      status: 401,
      reason: 'token_expired',
      challenge: badToken,
    })
    assert.equal(request.caller.token, null)
  })

  it('does not ask where there is no token', async () => {
    const guard = createBearerGuard(() => assert.fail('asked'))
    assert.equal((await guard(exchange()))?.reason, 'no_token')
  })
})
