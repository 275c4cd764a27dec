import type { ServerConfig } from '../config.ts'
import { block } from './nginx-syntax.ts'
import { badGateway, nextHopOf, paymentPathOf, upstreamTimeoutSeconds } from './product.ts'
import type { NextHop, ProductFile, ProductSetup } from './product.ts'

/** nginx in front of another hop, what stands beside its servers; empty where it answers itself. */
export function nextHopLines({ config, folder }: ProductSetup): string[] {
  const next = nextHopOf(config)
  if (next === null) return []
  return [
    block('upstream next', [
      `server ${next.address};`,
      'keepalive 64;',
      'keepalive_requests 1000000000;',
      'keepalive_timeout 600s;',
    ]),
    ...(next.token === 'own'
      ? [block('map $tenant $own_token', ['default "";', `include ${folder}/${tokensFile};`])]
      : []),
  ]
}

/** Its tokens for the next hop, by tenant; nginx reads them when it reads its configuration. */
export function tokenFiles({ ownTokens }: ProductSetup): ProductFile[] {
  if (ownTokens === null) return []
  const lines = [...ownTokens].map(([orgId, token]) => `"${orgId}" "${token}";\n`)
  return [{ name: tokensFile, text: lines.join('') }]
}

/** What becomes of a request when the next hop fails, not when it refuses. */
export function failureLines(config: ServerConfig): string[] {
  const next = nextHopOf(config)
  if (next === null) return []
  return [
    'error_page 502 504 =502 @unreachable;',
    failure('@unreachable', 'upstream_unavailable'),
    // It refused this hop's own token: nothing that the client could mend. Its challenge goes along: nginx
    // itself takes no header away from an error.
    ...(next.token === 'own'
      ? ['error_page 401 =502 @distrusted;', failure('@distrusted', 'own_token_refused')]
      : []),
  ]
}

/** Passes a request on: nothing of what the client sent goes further but what is named here. */
export function passLines(next: NextHop): string[] {
  const timeout = `${upstreamTimeoutSeconds}s`
  return [
    ...ownTokenLines(next),
    // With a variable in it the path is passed as it stands here, without a query.
    `proxy_pass ${next.caFile === null ? 'http' : 'https'}://next${paymentPathOf('$org')};`,
    'proxy_http_version 1.1;',
    'proxy_pass_request_headers off;',
    'proxy_pass_request_body off;',
    `proxy_set_header Host ${next.address};`,
    'proxy_set_header Connection "";',
    'proxy_set_header Content-Length "";',
    'proxy_set_header Accept $http_accept;',
    ...authorizationLines(next),
    ...tlsLines(next),
    // One answer a request: a gateway that asks again makes an outage of the next hop a worse one.
    'proxy_next_upstream off;',
    `proxy_connect_timeout ${timeout};`,
    `proxy_read_timeout ${timeout};`,
  ]
}

function ownTokenLines({ token }: NextHop): string[] {
  if (token !== 'own') return []
  return [
    block('if ($own_token = "")', [
      'set $reason own_token_unavailable;',
      'add_header Retry-After 1 always;',
      `return 503 '{"error":"unavailable"}';`,
    ]),
    'proxy_intercept_errors on;',
  ]
}

function authorizationLines({ token }: NextHop): string[] {
  switch (token) {
    case 'own':
      return ['proxy_set_header Authorization "Bearer $own_token";']
    case 'forwarded':
      return ['proxy_set_header Authorization $http_authorization;']
    case 'none':
      return []
  }
}

function tlsLines({ caFile, identity }: NextHop): string[] {
  if (caFile === null) return []
  return [
    'proxy_ssl_verify on;',
    'proxy_ssl_verify_depth 5;',
    `proxy_ssl_trusted_certificate ${caFile};`,
    // nginx compares names of certificates, and no addresses.
    'proxy_ssl_name localhost;',
    'proxy_ssl_server_name on;',
    'proxy_ssl_protocols TLSv1.2 TLSv1.3;',
    ...(identity === null
      ? []
      : [
          `proxy_ssl_certificate ${identity.certificateFile};`,
          `proxy_ssl_certificate_key ${identity.keyFile};`,
        ]),
  ]
}

function failure(location: string, reason: string): string {
  return block(`location ${location}`, [`set $reason ${reason};`, `return 502 '${badGateway}';`])
}

const tokensFile = 'own-tokens.map'
