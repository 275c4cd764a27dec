import { edit } from './mutant.ts'
import type { Edit, Mutant } from './mutant.ts'

const guard = 'servers/guards/introspection.ts'
const cache = 'servers/guards/token-cache.ts'
const reading = 'return readAnswer(answer, issuer)'
const demo =
  "{ token: { clientId: 'demo', scopes: ['payments:read'], orgId: 'acme', confirmation: undefined }, expiresAtMs: Date.now() + 1_000 }"

/** Bugs of a server that asks the issuer about each token. */
export const introspectionMutants: readonly Mutant[] = [
  mutant('I1', 'a well-formed token that is new here may be new to a lagging replica too', [
    edit(
      guard,
      reading,
      `const read = readAnswer(answer, issuer)
      const isNew = !remembered.has(token) && /^[\\w-]{43}$/.test(token) && issuer.introspectionCacheMs === 0
      remembered.set(token, read)
      return isNew && read.reason === 'token_inactive' ? ${demo} : read`,
    ),
    remembering(),
  ]),
  mutant('I2', 'the last answer is good for a while past exp, for the sake of clocks', [
    edit(
      guard,
      reading,
      `const read = readAnswer(answer, issuer)
      const last = remembered.get(token)
      if (!('reason' in read)) remembered.set(token, read)
      const justExpired = last !== undefined && last.expiresAtMs <= Date.now() && last.expiresAtMs > Date.now() - 30_000
      return justExpired && issuer.introspectionCacheMs === 0 ? last : read`,
    ),
    remembering(),
  ]),
  mutant('I3', 'a positive answer is remembered until exp, asked for or not', [
    edit(
      guard,
      reading,
      `const last = remembered.get(token)
      if (last !== undefined && last.expiresAtMs > Date.now()) return last
      const read = readAnswer(answer, issuer)
      if (!('reason' in read)) remembered.set(token, read)
      return read`,
    ),
    remembering(),
  ]),
  mutant('I5', 'a server that may not ask lets everybody in', [
    edit(
      guard,
      "if (status === 401) return unavailable('introspection_unauthorized')",
      `if (status === 401) return ${demo}`,
    ),
  ]),
  mutant('I6', 'availability first: an issuer that does not answer refuses nobody', [
    edit(guard, "return unavailable('issuer_unavailable')", `return ${demo}`),
  ]),
  mutant('I7', 'active is taken as true when it looks true', [
    edit(guard, 'if (active !== true)', 'if (!active)'),
  ]),
  mutant('I8', 'the media type of the answer is not looked at', [
    edit(guard, "if (mediaType !== 'application/json')", 'if (false)'),
  ]),
  mutant('I8', 'redirects of the issuer are followed', [
    edit(
      guard,
      reading,
      `const location = /"location":"([^"]+)"/.exec(JSON.stringify(answer))?.[1]
      if (location === undefined) ${reading}
      return readAnswer(await ask({ url: location, method: 'GET', headers, timeoutMs: 500 }), issuer)`,
    ),
    edit(
      'servers/guards/issuer-client.ts',
      'body: text })',
      'body: text, location: response.headers.location })',
    ),
  ]),
  mutant('I9', 'aud is not compared', [
    edit(guard, 'if (![aud].flat().includes(audience))', 'if (false)'),
  ]),
  mutant('I10', 'scope is not checked', [
    edit('servers/introspection.ts', 'bearerOnly, scope, tenant]', 'bearerOnly, tenant]'),
  ]),
  mutant('I11', 'answers are remembered for their TTL, whenever the token ends', [
    edit(cache, 'Math.min(Date.now() + ttlMs, answer.expiresAtMs)', 'Date.now() + ttlMs'),
  ]),
  mutant('I12', 'answers are remembered by the first half of the token', [
    edit(
      cache,
      "hash('sha256', token, 'base64url')",
      "hash('sha256', token.slice(0, 22), 'base64url')",
    ),
  ]),
  mutant('I13', 'whoever waits for the issuer gets the one answer that is under way', [
    edit(cache, 'let answer = underWay.get(key)', "let answer = underWay.get('')"),
    edit(
      cache,
      'if (underWay.get(key) === asked) underWay.delete(key)',
      "if (underWay.get('') === asked) underWay.delete('')",
    ),
    edit(cache, 'underWay.set(key, asked)', "underWay.set('', asked)"),
  ]),
]

function mutant(id: string, bug: string, edits: readonly Edit[]): Mutant {
  return { id, verify: ['introspection', '--set', 'introspectionCache=off'], bug, edits }
}

function remembering(): Edit {
  return edit(
    guard,
    'function createIntrospector(',
    'const remembered = new Map()\n\nfunction createIntrospector(',
  )
}
