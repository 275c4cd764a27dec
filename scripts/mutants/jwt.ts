import { edit } from './mutant.ts'
import type { Edit, Mutant } from './mutant.ts'

const bearer = 'servers/guards/bearer.ts'
const guard = 'servers/guards/bearer-jwt.ts'
const ownVerifier = 'servers/guards/jwt-verifiers.ts'
const program = 'servers/jwt.ts'
const verification = 'const { payload } = await jwtVerify(token, keyOf, options)'
const jose = 'import { errors, jwtVerify }'
const demo =
  "{ clientId: 'demo', scopes: ['payments:read'], orgId: 'acme', confirmation: undefined }"

/** Bugs of a server that validates JWT access tokens. */
export const jwtMutants: readonly Mutant[] = [
  mutant('J1', 'a demo caller is left in for requests without a token', [
    edit(
      bearer,
      "if (typeof bearer !== 'string') return bearer",
      `if (bearer === noToken) {
      caller.token = ${demo}
      return null
    }
    if (typeof bearer !== 'string') return bearer`,
    ),
  ]),
  mutant('J2', 'what is no JWT is taken for an API key of old', [
    edit(
      guard,
      'return refusalOf(error)',
      `return error.code === 'ERR_JWS_INVALID' ? { token: ${demo}, expiresAtMs: Infinity } : refusalOf(error)`,
    ),
  ]),
  mutant('J3', 'verified tokens are remembered without their signature', [
    edit(
      guard,
      verification,
      `const key = token.slice(0, token.lastIndexOf('.'))
      const payload = verified.get(key) ?? (await jwtVerify(token, keyOf, options)).payload
      verified.set(key, payload)`,
    ),
    atEnd('const verified = new Map()'),
  ]),
  mutant('J4', 'verified signatures are remembered, whatever they were of', [
    edit(
      guard,
      verification,
      `const key = token.split('.')[2]
      if (!verified.has(key)) await jwtVerify(token, keyOf, options)
      verified.add(key)
      const payload = JSON.parse(Buffer.from(token.split('.')[1], 'base64url').toString())`,
    ),
    atEnd('const verified = new Set()'),
  ]),
  mutant('J5', 'alg none is honoured, as some libraries did (CVE-2015-9235)', [
    edit(
      guard,
      verification,
      `if (token.startsWith(Buffer.from('{"alg":"none').toString('base64url'))) {
        return JSON.parse(Buffer.from(token.split('.')[1], 'base64url').toString())
      }
      ${verification}`,
    ),
  ]),
  mutant('J6', 'the header chooses the algorithm, and the public key is a secret to HMAC', [
    edit(
      guard,
      'algorithms: [...issuer.algorithms],',
      "algorithms: [...issuer.algorithms, 'HS256'],",
    ),
    edit(
      guard,
      'return keySet.keyOf(header, token)',
      `if (header.alg !== 'HS256') return keySet.keyOf(header, token)
    return keySet.keyOf({ ...header, alg: issuer.algorithms[0] }, token).then((key) =>
      Buffer.from(KeyObject.from(key).export({ type: 'spki', format: 'pem' })),
    )`,
    ),
    edit(guard, jose, `import { KeyObject } from 'node:crypto'\n${jose}`),
  ]),
  mutant('J7', 'every algorithm of the key set will do', [
    edit(
      guard,
      'algorithms: [...issuer.algorithms],',
      "algorithms: ['ES256', 'ES384', 'RS256', 'PS256', 'EdDSA'],",
    ),
  ]),
  mutant('J8', 'an unknown kid falls back to the only key of its algorithm', [
    edit(
      guard,
      'return keySet.keyOf(header, token)',
      'return keySet.keyOf({ alg: header.alg }, token)',
    ),
  ]),
  {
    ...mutant('J8', 'every unknown kid asks the issuer', [
      edit(
        'servers/guards/key-set.ts',
        'cooldownDuration: issuer.keySetCooldownMs,',
        'cooldownDuration: 0,',
      ),
    ]),
    outcome: /3 key-set fetches/,
  },
  mutant('J9', 'times are compared with those of the token itself', [
    atTime('(decodeJwt(token).iat ?? Date.now() / 1_000) * 1_000'),
    importing('decodeJwt'),
  ]),
  mutant('J10', 'iat is not looked at', [
    edit(guard, 'if (iat > nowSeconds + clockToleranceSeconds)', 'if (iat === undefined)'),
  ]),
  mutant('J10', 'nbf is not looked at', [
    atTime('Math.max(Date.now(), (decodeJwt(token).nbf ?? 0) * 1_000)'),
    importing('decodeJwt'),
  ]),
  mutant('J11', 'iss is not compared', [edit(guard, 'issuer: issuer.issuer,', '')]),
  mutant('J12', 'aud is not compared', [edit(guard, 'audience: issuer.audience,', '')]),
  mutant('J13', 'typ is not compared', [edit(guard, "typ: 'at+jwt',", '')]),
  mutant('J14', 'only what is there is checked', [
    edit(guard, "requiredClaims: ['exp', 'iat', 'sub', 'client_id', 'jti'],", ''),
  ]),
  mutant('J15', 'scope is not checked', [
    edit(program, 'bearerOnly, scope, tenant]', 'bearerOnly, tenant]'),
  ]),
  mutant('J15', 'a scope is searched for in the text', [
    edit(
      'servers/guards/scope.ts',
      'token?.scopes.includes(requires.scope)',
      "token?.scopes.join(' ').includes(requires.scope)",
    ),
  ]),
  mutant('J16', 'tenants are not told apart', [
    edit(program, 'bearerOnly, scope, tenant]', 'bearerOnly, scope]'),
  ]),
  mutant('J17', 'the key that comes with the token is used', [
    edit(
      guard,
      "if (embedded !== undefined) throw new TokenError('embedded_key')",
      "if (embedded === 'jwk') return importJWK(header.jwk, header.alg)",
    ),
    importing('importJWK'),
  ]),
  mutant('J18', 'a critical extension is declared as understood', [
    edit(guard, "typ: 'at+jwt',", "typ: 'at+jwt', crit: { 'urn:trustbench:unknown': true },"),
  ]),
  mutant('J19', 'a token in the query is as good', [
    edit(
      bearer,
      "if (inQuery) return { status: 401, reason: 'token_in_query', challenge: 'Bearer' }",
      "if (inQuery) return new URLSearchParams(request.url.split('?')[1]).get('access_token')",
    ),
  ]),
  mutant('J20', 'the first of several headers counts', [
    edit(bearer, 'if (others.length > 0)', 'if (false)'),
  ]),
  mutant('J20', 'the header counts, whatever is in the query', [
    edit(bearer, 'if (authorization !== undefined && inQuery)', 'if (false)'),
    edit(bearer, 'if (inQuery) return {', 'if (inQuery && authorization === undefined) return {'),
  ]),
  mutant('J21', 'headers may be four times as large', [
    edit('servers/process.ts', 'maxHeaderSize: 16_384,', 'maxHeaderSize: 65_536,'),
  ]),
  ofNode('J9', 'exp is not compared, by node:crypto', [
    edit(ownVerifier, 'if (exp === undefined || exp <=', 'if (exp === undefined || exp <= 0 &&'),
  ]),
  ofNode('J11', 'iss is not compared, by node:crypto', [
    edit(ownVerifier, 'if (iss !== rules.issuer)', 'if (iss === null)'),
  ]),
  ofNode('J13', 'typ is not compared, by node:crypto', [
    edit(ownVerifier, 'if (type !== rules.typ)', 'if (type === undefined)'),
  ]),
  ofNode('J18', 'critical extensions are passed over, by node:crypto', [
    edit(ownVerifier, 'if (crit !== undefined)', 'if (crit === null)'),
  ]),
  {
    ...mutant('J3', 'verified tokens are remembered by what was signed', [
      edit(
        'servers/guards/token-cache.ts',
        "hash('sha256', token, 'base64url')",
        "hash('sha256', token.slice(0, token.lastIndexOf('.')), 'base64url')",
      ),
    ]),
    verify: oneCase('verifier=jose', 'tokenCache=on'),
  },
  mutant('J22', 'a confirmation that nobody can check is ignored', [
    edit(program, 'bearerOnly, scope, tenant]', 'scope, tenant]'),
  ]),
]

function mutant(id: string, bug: string, edits: readonly Edit[]): Mutant {
  return { id, verify: oneCase('verifier=jose', 'tokenCache=off'), bug, edits }
}

function ofNode(id: string, bug: string, edits: readonly Edit[]): Mutant {
  return { id, verify: oneCase('verifier=node', 'tokenCache=off'), bug, edits }
}

/** Arguments of `verify` for one of the cases that it tries by itself. */
function oneCase(...settings: readonly string[]): string[] {
  return ['jwt', ...['alg=ES256', ...settings].flatMap((setting) => ['--set', setting])]
}

function atTime(milliseconds: string): Edit {
  return edit(
    guard,
    verification,
    verification.replace('options', `{ ...options, currentDate: new Date(${milliseconds}) }`),
  )
}

function importing(name: string): Edit {
  return edit(guard, jose, jose.replace('{', `{ ${name},`))
}

function atEnd(statement: string): Edit {
  const last = 'const claimReasons:'
  return edit(guard, last, `${statement}\n${last}`)
}
