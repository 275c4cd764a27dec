import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { GatewayProduct, ServerConfig } from '../config.ts'
import { setupOf } from './gateway-testbed.ts'
import type { ProductSetup } from './product.ts'
import { planOf } from './products.ts'

const noTls = { tls: null, clients: null, issuer: null, token: 'none' } as const
const tlsOnly = { clients: null, issuer: null, token: 'none' } as const
const mutual = { issuer: null, token: 'none' } as const
const bearer = { clients: null } as const
const opaque = { token: 'opaque' } as const

const nextHop = { url: 'http://127.0.0.1:9080', caFile: null, identity: null, ownTokens: null }
const plainHop = { upstream: nextHop } as const
const meshHop = {
  clients: null,
  upstream: {
    ...{ url: 'https://127.0.0.1:9444', caFile: '/lab/ca.pem', ownTokens: null },
    identity: { certificateFile: '/lab/gateway-chain.pem', keyFile: '/lab/gateway-key.pem' },
  },
} as const
const tokenHop = {
  ...mutual,
  upstream: {
    ...meshHop.upstream,
    ownTokens: {
      ...{ issuer: 'https://127.0.0.1:8443', caFile: '/lab/ca.pem', resource: 'urn:x' },
      ...{ clientIds: { acme: 'acme-edge' }, scope: 'payments:read' },
    },
  },
} as const

/** All that is written for a product, in one text. */
function textOf(product: GatewayProduct, changes: Partial<ServerConfig>, own = {}): string {
  const setup: ProductSetup = { ...setupOf(changes), ...own }
  const { files, publicFiles } = planOf(product, setup)
  return [...files, ...publicFiles].map(({ text }) => text).join('\n')
}

const rows: {
  product: GatewayProduct
  changes: Partial<ServerConfig>
  has: readonly (string | RegExp)[]
  lacks: readonly (string | RegExp)[]
}[] = [
  { product: 'nginx', changes: noTls, has: ['listen 127.0.0.1:9443;'], lacks: [' ssl;', 'js_'] },
  {
    product: 'nginx',
    changes: tlsOnly,
    has: ['listen 127.0.0.1:9443 ssl;', 'ssl_protocols TLSv1.3;', /return 200 .*"org_id":"\$org"/],
    lacks: ['ssl_verify_client', 'js_content'],
  },
  {
    product: 'nginx',
    changes: mutual,
    has: ['ssl_verify_client on;', 'ssl_crl /lab/crl.pem;', '"CN=globex-billing" "globex";'],
    // What the access phase would refuse comes too late for `return`.
    lacks: ['auth_request', 'deny', 'ssl_ocsp'],
  },
  {
    product: 'nginx',
    changes: bearer,
    has: ['js_content guard.pay;', '"mutual":false', '"kid":"key-1"', '"algorithm":"ES256"'],
    lacks: ['return 200', 'the-secret', 'location = /introspection'],
  },
  {
    product: 'nginx',
    changes: opaque,
    has: [
      'proxy_ssl_verify on;',
      'internal;',
      'proxy_cache_key $arg_token;',
      'proxy_cache_valid 200 5s;',
      'proxy_read_timeout 1000ms;',
    ],
    lacks: ['return 200'],
  },
  {
    product: 'nginx',
    changes: plainHop,
    has: [
      'server 127.0.0.1:9080;',
      // With a variable the path is what was authorised, and no query.
      'proxy_pass http://next/v1/orgs/$org/payments/pay_1001;',
      'proxy_pass_request_headers off;',
      'proxy_next_upstream off;',
      '"payment":null',
    ],
    lacks: ['proxy_set_header Authorization', 'proxy_ssl', 'error_page 401'],
  },
  {
    product: 'nginx',
    changes: meshHop,
    has: [
      'proxy_set_header Authorization $http_authorization;',
      'proxy_ssl_verify on;',
      'proxy_ssl_certificate /lab/gateway-chain.pem;',
    ],
    lacks: ['own_token'],
  },
  {
    product: 'nginx',
    changes: tokenHop,
    has: [
      '"Bearer $own_token"',
      '"acme" "token-of-acme";',
      'set $reason own_token_unavailable;',
      'error_page 401 =502 @distrusted;',
    ],
    lacks: ['$http_authorization', 'return 200'],
  },
  {
    product: 'haproxy',
    changes: plainHop,
    has: [
      'server next 127.0.0.1:9080 pool-purge-delay 600s\n',
      `del-header '^(?!(host|accept|content-type|content-length|transfer-encoding)$)' -m reg`,
      'http-request set-uri %[path]',
      'retries 0',
    ],
    lacks: ['return status 200', 'own_token'],
  },
  {
    product: 'haproxy',
    changes: meshHop,
    has: [
      '|authorization)$)',
      'ssl verify required ca-file /lab/ca.pem sni str(localhost)',
      'crt /',
    ],
    lacks: ['own_token'],
  },
  {
    product: 'haproxy',
    changes: tokenHop,
    has: [
      'acme token-of-acme\n',
      '"Bearer %[var(txn.own_token)]"',
      ':own_token_unavailable) unless',
    ],
    lacks: ['|authorization)$)'],
  },
  {
    product: 'apache',
    changes: plainHop,
    has: [
      'RewriteRule ^ http://127.0.0.1:9080/v1/orgs/%{ENV:MATCH_ORG}/payments/pay_1001 [P,QSD]',
      'RequestHeader unset Authorization',
      'RequestHeader unset X-Forwarded-Client-Cert',
    ],
    lacks: ['AliasMatch', '"state":"settled"', 'SSLProxyEngine'],
  },
  {
    product: 'apache',
    changes: meshHop,
    has: ['SSLProxyVerify require', 'SSLProxyMachineCertificateFile', 'https://localhost:9444/v1'],
    lacks: ['RequestHeader unset Authorization', 'OWN_TOKEN'],
  },
  {
    product: 'apache',
    changes: tokenHop,
    has: ['[E=OWN_TOKEN:token-of-acme]', '"Bearer %{OWN_TOKEN}e"', 'own_token_unavailable,R=503'],
    lacks: ['AliasMatch'],
  },
  {
    product: 'haproxy',
    changes: mutual,
    has: ['verify required ca-file /lab/ca.pem crl-file /lab/crl.pem', 'ssl_c_s_dn(CN)'],
    lacks: ['jwt_verify', 'sess.thumbprint'],
  },
  {
    product: 'haproxy',
    changes: {},
    has: [
      'jwt_verify(txn.alg,"/lab/gateway/issuer-0.pem") -m int 1',
      /binding_mismatch\) unless .*cnf\.x5t#S256.*strcmp\(sess\.thumbprint\) -m int 0/,
      'ssl_c_der,sha2(256),ub64enc',
      // A thumbprint of RFC 7638 may begin with a dash.
      '-m str -- key-1 }',
      /token_expired\) unless/,
      /wrong_issuer\) unless .*https:\/\/127\.0\.0\.1:8443 /,
    ],
    lacks: [':bound_token)'],
  },
  {
    product: 'haproxy',
    changes: bearer,
    has: [/bound_token\) if .*"cnf"/],
    lacks: ['verify required', 'thumbprint'],
  },
  // Without its TLS module Apache refuses to start over a word that is the module's.
  { product: 'apache', changes: noTls, has: ['LogFormat "%>s - %k'], lacks: ['SSL'] },
  {
    product: 'apache',
    changes: mutual,
    has: [
      'SSLVerifyClient require',
      'SSLCARevocationCheck chain',
      `env('MATCH_ORG') == 'acme' && 'URI:spiffe://trustbench.test/acme/billing' in`,
    ],
    lacks: ['oauth2', 'User '],
  },
  {
    product: 'apache',
    changes: {},
    has: [
      'OAuth2TokenVerify jwk',
      'mtls.policy=required',
      'verify.exp=required',
      // Else it remembers every token for five minutes.
      'expiry=0',
      '%{ENV:OAUTH2_CLAIM_scope}',
    ],
    lacks: ['introspect', 'the-secret'],
  },
  {
    product: 'apache',
    changes: opaque,
    has: ['introspect.auth=client_secret_basic', 'expiry=5', 'client_secret=the-secret'],
    lacks: ['verify.exp'],
  },
  {
    product: 'envoy',
    changes: { ...mutual, gateway: { product: 'envoy', ocsp: null } },
    has: ['"require_client_certificate": true', '"filename": "/lab/crl.pem"', 'spiffe://'],
    lacks: ['jwt_authn'],
  },
  {
    product: 'envoy',
    changes: bearer,
    has: ['envoy.filters.http.jwt_authn', '"require_expiration": true', 'payments:read'],
    lacks: ['"require_client_certificate": true'],
  },
]

for (const { product, changes, has, lacks } of rows) {
  const { clients, token = 'jwt', tls } = changes
  const hop = changes.upstream == null ? null : 'in front of another hop'
  const about = [tls === null ? 'http' : 'tls', clients === null ? null : 'mutual', token, hop]
  test(`${product}, ${about.filter(Boolean).join(' ')}: what is written for it`, () => {
    const text = textOf(product, changes)
    const found = (part: string | RegExp) =>
      typeof part === 'string' ? text.includes(part) : part.test(text)
    assert.deepEqual(
      has.filter((part) => !found(part)),
      [],
    )
    assert.deepEqual(lacks.filter(found), [])
  })
}

test('secrets are in files of the owner alone, never in public ones', () => {
  for (const product of ['nginx', 'haproxy', 'apache', 'envoy'] as const) {
    for (const changes of [opaque, tokenHop]) {
      const { publicFiles } = planOf(product, setupOf(changes))
      for (const { text } of publicFiles)
        assert.doesNotMatch(text, /secret|PRIVATE|c3BraQ|token-of/)
    }
  }
})

test('nginx: OCSP of the leaf, cached or not; a user only where root starts it', () => {
  const ocsp = {
    issuerFile: '/lab/issuer.pem',
    signerFile: '/lab/signer.pem',
    signerKeyFile: '/lab/signer-key.pem',
  }
  const text = (cached: boolean) =>
    textOf(
      'nginx',
      { ...mutual, gateway: { product: 'nginx', ocsp: { ...ocsp, cached } } },
      { ocspUrl: 'http://127.0.0.1:8080/' },
    )
  assert.match(text(false), /ssl_ocsp leaf;\n.*ssl_ocsp_responder http:\/\/127\.0\.0\.1:8080\/;/)
  assert.doesNotMatch(text(false), /ssl_ocsp_cache/)
  assert.match(text(true), /ssl_ocsp_cache shared:/)
  assert.doesNotMatch(textOf('nginx', mutual), /^user /m)
  assert.match(textOf('nginx', mutual, { isRoot: true }), /^user root;/m)
})

test('nginx: the log waits in memory for one worker only', () => {
  assert.match(textOf('nginx', tlsOnly), /access\.log count buffer=64k;/)
  assert.doesNotMatch(textOf('nginx', { ...tlsOnly, workers: 2 }), /buffer=/)
  assert.match(textOf('haproxy', { ...tlsOnly, workers: 2 }), /nbthread 2/)
  assert.match(textOf('apache', { ...tlsOnly, workers: 2 }), /ServerLimit 2/)
})

test('envoy: the configuration is JSON, with a route and a policy for each tenant', () => {
  const [file] = planOf('envoy', setupOf({ clients: null })).files
  const parsed: unknown = JSON.parse(file?.text ?? '')
  assert.ok(typeof parsed === 'object' && parsed !== null && 'static_resources' in parsed)
  const paths = file?.text.match(/\/v1\/orgs\/[a-z0-9-]+\/payments\/pay_1001"/g) ?? []
  assert.deepEqual([...new Set(paths)], ['/v1/orgs/acme/payments/pay_1001"'])
  assert.equal(paths.length, 2)
})
