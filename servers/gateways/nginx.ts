import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { basicAuthorization } from '../guards/introspection.ts'
import type { IssuerConfig, ServerConfig } from '../config.ts'
import { block } from './nginx-syntax.ts'
import { failureLines, nextHopLines, passLines, tokenFiles } from './nginx-upstream.ts'
import { nextHopOf, paymentOf, paymentPattern, readScope, subjectsOf, tlsName } from './product.ts'
import type { ProductPlan, ProductSetup } from './product.ts'

/**
 * nginx: TLS and client certificates by itself, with CRL and OCSP; tokens by njs, its JavaScript, which
 * verifies JWTs with WebCrypto and reads introspection answers that nginx fetches, and may cache.
 * It judges a client's certificate when the handshake is done, and then hangs up.
 */
export function planNginx(setup: ProductSetup): ProductPlan {
  const { folder, config } = setup
  const script = config.token === 'none' ? [] : [{ name: 'guard.mjs', text: guardScript(setup) }]
  return {
    files: [{ name: 'nginx.conf', text: nginxConfig(setup) }, ...script, ...tokenFiles(setup)],
    publicFiles: [],
    args: ['-p', folder, '-c', join(folder, 'nginx.conf'), '-e', join(folder, 'error.log')],
  }
}

function nginxConfig(setup: ProductSetup): string {
  const { folder, config, isRoot, modules } = setup
  const lines = [
    ...(config.token === 'none' ? [] : [`load_module ${join(modules, njsModule)};`]),
    // Files of a lab belong to the current user, and the workers read them too.
    ...(isRoot ? ['user root;'] : []),
    'daemon off;',
    `worker_processes ${config.workers};`,
    'worker_shutdown_timeout 1s;',
    `pid ${folder}/nginx.pid;`,
    `error_log ${folder}/error.log info;`,
    'events { worker_connections 10240; }',
    block('http', httpLines(setup)),
  ]
  return `${lines.join('\n')}\n`
}

function httpLines(setup: ProductSetup): string[] {
  const { folder, config } = setup
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  return [
    ...temporary.map((kind) => `${kind}_temp_path ${folder}/${kind};`),
    'default_type application/json;',
    'uninitialized_variable_warn off;',
    'keepalive_requests 1000000000;',
    'keepalive_timeout 600s;',
    'large_client_header_buffers 4 16k;',
    `log_format count '$status$ssl_session_reused$connection_requests $reason';`,
    `log_format mark 'mark $arg_id';`,
    ...tenantMaps(config),
    ...(config.token === 'none' ? [] : [`js_import guard from ${folder}/guard.mjs;`, jsVariable]),
    ...cacheLines(setup),
    ...upstreamLines(config),
    ...nextHopLines(setup),
    block('server', [
      `listen unix:${folder}/status.sock;`,
      `access_log ${logOf(setup, 'mark')};`,
      'location / { stub_status; }',
    ]),
    block('server', serverLines(setup)),
  ]
}

/** One worker's log waits in memory until it is asked for; of several the parts would not be in order. */
function logOf({ folder, config }: ProductSetup, format: string): string {
  const buffer = config.workers === 1 ? ' buffer=64k' : ''
  return `${folder}/access.log ${format}${buffer}`
}

/** Whose certificate it is, and whether the path is that tenant's. */
function tenantMaps({ clients }: ServerConfig): string[] {
  if (clients === null) return []
  const subjects = subjectsOf(clients).map(([name, orgId]) => `"CN=${name}" "${orgId}";`)
  return [
    'map_hash_max_size 65536;',
    'map_hash_bucket_size 128;',
    block('map $ssl_client_s_dn $tenant', ['default "";', ...subjects]),
    block('map "$tenant $org" $own', ['default "";', '"~^([a-z0-9-]+) \\1$" 1;']),
  ]
}

function cacheLines({ folder, config }: ProductSetup): string[] {
  if (config.token !== 'opaque' || (config.issuer?.introspectionCacheMs ?? 0) === 0) return []
  return [`proxy_cache_path ${folder}/cache keys_zone=answers:10m inactive=10m use_temp_path=off;`]
}

/** Connections to the issuer that stay open: without, each introspection would be a handshake. */
function upstreamLines({ token, issuer }: ServerConfig): string[] {
  if (token !== 'opaque' || issuer === null) return []
  const { hostname, port } = new URL(issuer.introspectionEndpoint)
  return [
    block('upstream issuer', [
      `server ${hostname}:${port || '443'};`,
      'keepalive 64;',
      'keepalive_requests 1000000000;',
      'keepalive_timeout 600s;',
    ]),
  ]
}

function serverLines(setup: ProductSetup): string[] {
  const { config, port } = setup
  return [
    `listen ${config.host}:${port}${config.tls === null ? '' : ' ssl'};`,
    `access_log ${logOf(setup, 'count')};`,
    ...tlsLines(setup),
    ...clientLines(setup),
    ...malformedLines(config),
    'error_page 494 =431 @oversized;',
    `location @oversized { set $reason header_overflow; return 431; }`,
    block(`location ~ "${paymentPattern.replace('(', '(?<org>')}"`, paymentLines(config)),
    `location / { return 404 '{"error":"not_found"}'; }`,
    ...introspectionLines(setup),
    ...passingLines(config),
  ]
}

function tlsLines({ config }: ProductSetup): string[] {
  const { tls } = config
  if (tls === null) return []
  return [
    `ssl_certificate ${tls.certificateFile};`,
    `ssl_certificate_key ${tls.keyFile};`,
    `ssl_protocols ${tlsName(config)};`,
    'ssl_session_timeout 300s;',
  ]
}

function clientLines({ config: { clients, gateway }, ocspUrl }: ProductSetup): string[] {
  if (clients === null) return []
  const ocsp =
    ocspUrl === null
      ? []
      : [
          // The responder speaks of the authority that signs clients, not of those above it.
          'ssl_ocsp leaf;',
          `ssl_ocsp_responder ${ocspUrl};`,
          ...(gateway?.ocsp?.cached === true ? ['ssl_ocsp_cache shared:ocsp:1m;'] : []),
        ]
  return [
    `ssl_client_certificate ${clients.caFile};`,
    'ssl_verify_client on;',
    'ssl_verify_depth 5;',
    `ssl_crl ${clients.crlFile};`,
    ...ocsp,
    // By itself it would answer 400: who has no good certificate is to get no answer at all.
    'error_page 495 496 @refused;',
    'location @refused { return 444; }',
  ]
}

/** What nginx refuses before the script sees it: two Authorization headers (RFC 6750 section 3.1). */
function malformedLines({ token }: ServerConfig): string[] {
  if (token === 'none') return []
  return [
    'error_page 400 @malformed;',
    block('location @malformed', [
      `add_header WWW-Authenticate 'Bearer error="invalid_request"' always;`,
      'set $reason malformed_request;',
      `return 400 '{"error":"invalid_request"}';`,
    ]),
  ]
}

/** Where the script sends what it admits, and what becomes of that when the next hop fails. */
function passingLines(config: ServerConfig): string[] {
  const next = nextHopOf(config)
  if (next === null) return []
  const pass = config.token === 'none' ? [] : [block('location @pass', passLines(next))]
  return [...pass, ...failureLines(config)]
}

/** `return` runs before the access phase: what refuses has to stand before it, or in the script. */
function paymentLines(config: ServerConfig): string[] {
  const { clients, token } = config
  const get = `if ($request_method != GET) { return 405; }`
  if (token !== 'none') return [get, 'js_content guard.pay;']
  const next = nextHopOf(config)
  const refuse = (unless: string, reason: string) =>
    block(`if (${unless} = "")`, [`set $reason ${reason};`, `return 403 '{"error":"forbidden"}';`])
  return [
    get,
    ...(clients === null
      ? []
      : [refuse('$tenant', 'identity_not_allowed'), refuse('$own', 'wrong_tenant')]),
    ...(next === null ? [`return 200 '${paymentOf('$org')}';`] : passLines(next)),
  ]
}

function introspectionLines({ config, clientSecret }: ProductSetup): string[] {
  const { issuer, token } = config
  if (token !== 'opaque' || issuer === null) return []
  const { introspectionEndpoint, introspectionTimeoutMs, introspectionCacheMs } = issuer
  const timeout = `${introspectionTimeoutMs}ms`
  const { host, pathname } = new URL(introspectionEndpoint)
  return [
    block('location = /introspection', [
      'internal;',
      `proxy_pass https://issuer${pathname};`,
      'proxy_method POST;',
      'proxy_http_version 1.1;',
      'proxy_pass_request_headers off;',
      `proxy_set_header Authorization "${basicAuthorization(issuer.clientId, clientSecret ?? '')}";`,
      'proxy_set_header Content-Type application/x-www-form-urlencoded;',
      'proxy_set_header Accept application/json;',
      'proxy_set_header Connection "";',
      `proxy_set_header Host ${host};`,
      'proxy_set_body "token=$arg_token&token_type_hint=access_token";',
      'proxy_ssl_verify on;',
      'proxy_ssl_verify_depth 5;',
      `proxy_ssl_trusted_certificate ${issuer.caFile};`,
      // nginx compares names of certificates, and no addresses.
      'proxy_ssl_name localhost;',
      'proxy_ssl_protocols TLSv1.2 TLSv1.3;',
      'proxy_next_upstream off;',
      `proxy_connect_timeout ${timeout};`,
      `proxy_read_timeout ${timeout};`,
      ...(introspectionCacheMs === 0 ? [] : cachedLines(introspectionCacheMs)),
    ]),
  ]
}

function cachedLines(ttlMs: number): string[] {
  return [
    'proxy_cache answers;',
    'proxy_cache_methods POST;',
    'proxy_cache_key $arg_token;',
    'proxy_ignore_headers Cache-Control Expires Set-Cookie Vary;',
    `proxy_cache_valid 200 ${Math.ceil(ttlMs / 1_000)}s;`,
  ]
}

/** The script, with what it has to know. */
function guardScript({ config, keys, sharedSecret }: ProductSetup): string {
  const { issuer, clients, token } = config
  const known = {
    mutual: clients !== null,
    form: token,
    readScope,
    ...issuerFacts(issuer),
    keys: keys.map(({ kid, spki }) => ({ kid, spki })),
    sharedSecret,
    payment: nextHopOf(config) === null ? paymentOf('$org') : null,
  }
  const source = readFileSync(join(import.meta.dirname, 'nginx-guard.mjs'), 'utf8')
  return source.replace(/^\/\/ CONFIG.*$/m, () => `var config = ${JSON.stringify(known)}`)
}

function issuerFacts(issuer: IssuerConfig | null) {
  return {
    issuer: issuer?.issuer ?? '',
    audience: issuer?.audience ?? '',
    algorithm: issuer?.algorithms[0] ?? '',
    clockToleranceSeconds: issuer?.clockToleranceSeconds ?? 0,
  }
}

/** File of njs for HTTP, Debian package libnginx-mod-http-js. */
export const njsModule = 'ngx_http_js_module.so'
const jsVariable = 'js_var $reason "";'
