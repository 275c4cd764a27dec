import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { GatewayProduct } from '../config.ts'
import { obstacleTo } from './capabilities.ts'
import type { Demand } from './capabilities.ts'
import type { Presence } from './presence.ts'

const issuer = {
  algorithms: ['ES256'],
  tokenCacheMs: 0,
  introspectionCacheMs: 0,
  verifier: 'jose',
}
const combined: Demand = {
  token: 'jwt',
  mutual: true,
  bodyBytes: 0,
  workers: 1,
  upstream: null,
  isOcspAsked: false,
  issuer,
}

function presence(product: GatewayProduct, more: Partial<Presence> = {}): Presence {
  return {
    product,
    program: `/usr/sbin/${product}`,
    version: '1.2.3',
    modules: '',
    checksTokens: true,
    ...more,
  }
}

const rows: [GatewayProduct, Partial<Demand>, RegExp | null][] = [
  ['nginx', {}, null],
  ['haproxy', {}, null],
  ['apache', {}, null],
  ['nginx', { token: 'opaque' }, null],
  ['apache', { token: 'opaque' }, null],
  ['nginx', { isOcspAsked: true }, null],
  ['envoy', { mutual: false }, null],
  ['haproxy', { token: 'opaque' }, /not supported by HAProxy 1\.2\.3: it has no introspection/],
  ['haproxy', { isOcspAsked: true }, /OCSP/],
  ['haproxy', { issuer: { ...issuer, algorithms: ['PS256'] } }, /ES256, ES384 and RS256/],
  ['nginx', { issuer: { ...issuer, algorithms: ['EdDSA'] } }, /EdDSA/],
  ['nginx', { issuer: { ...issuer, verifier: 'fast-jwt' } }, /verifier/],
  ['nginx', { issuer: { ...issuer, tokenCacheMs: 60_000 } }, /tokenCache/],
  ['apache', { issuer: { ...issuer, tokenCacheMs: 60_000 } }, null],
  ['apache', { bodyBytes: 4_096 }, /bodyBytes/],
  ['envoy', {}, /RFC 8705/],
  ['envoy', { upstream: { ownTokens: false, tokenBytes: 0 } }, /hops behind it are not set up/],
  ['nginx', { upstream: { ownTokens: true, tokenBytes: 2_048 } }, null],
  ['nginx', { upstream: { ownTokens: true, tokenBytes: 4_096 } }, /no words of more than 2048 b/],
  ['apache', { upstream: { ownTokens: true, tokenBytes: 8_192 } }, /leave tokenBytes out/],
  ['haproxy', { upstream: { ownTokens: true, tokenBytes: 8_192 } }, null],
  ['nginx', { upstream: { ownTokens: false, tokenBytes: 8_192 } }, null],
  ['nginx', { bodyBytes: 4_096, upstream: { ownTokens: false, tokenBytes: 0 } }, null],
]

for (const [product, changes, expected] of rows) {
  const about = JSON.stringify({ ...changes })
  test(`${product} ${about}: ${expected === null ? 'can' : 'cannot'}`, () => {
    const obstacle = obstacleTo({ ...combined, ...changes }, presence(product))
    if (expected === null) assert.equal(obstacle, null)
    else assert.match(obstacle ?? '', expected)
  })
}

test('a product that is not there says what to install; one without its module, too', () => {
  assert.equal(
    obstacleTo(combined, presence('nginx', { program: null, checksTokens: false })),
    'nginx is not on the path (nginx): apt-get install nginx libnginx-mod-http-js',
  )
  const bare = presence('nginx', { checksTokens: false })
  assert.match(obstacleTo(combined, bare) ?? '', /without its module: apt-get install/)
  assert.equal(obstacleTo({ ...combined, token: 'none', issuer: null }, bare), null)
})
