import { join } from 'node:path'
import type { IssuerConfig, ServerConfig } from '../config.ts'
import { paymentOf, paymentPattern, readScope, tenantsOf } from './product.ts'
import type { ProductPlan, ProductSetup } from './product.ts'

/**
 * Envoy: TLS, client certificates with CRL and by URI, JWTs by `jwt_authn`, tenant and scope by RBAC rules.
 * Where its program is on the path it is measured; Debian has none, so that here the form of its
 * configuration is what is tested.
 */
export function planEnvoy(setup: ProductSetup): ProductPlan {
  const { folder, config } = setup
  const text = `${JSON.stringify(envoyConfig(setup), null, 1)}\n`
  return {
    files: [{ name: 'envoy.json', text }],
    publicFiles: [],
    args: [
      ...['-c', join(folder, 'envoy.json'), '--concurrency', String(config.workers)],
      ...['--disable-hot-restart', '--log-level', 'warning'],
    ],
  }
}

/** Envoy's bootstrap (API v3). */
export function envoyConfig(setup: ProductSetup) {
  const { folder, config, port } = setup
  return {
    admin: { address: { pipe: { path: `${folder}/admin.sock`, mode: ownerOnly } } },
    static_resources: {
      listeners: [
        {
          name: 'gateway',
          stat_prefix: 'gateway',
          address: { socket_address: { address: config.host, port_value: port } },
          filter_chains: [{ ...transportOf(config), filters: [httpManager(setup)] }],
        },
      ],
    },
  }
}

function transportOf(config: ServerConfig) {
  const { tls, clients } = config
  if (tls === null) return {}
  const version = tls.version === '1.2' ? 'TLSv1_2' : 'TLSv1_3'
  return {
    transport_socket: {
      name: 'envoy.transport_sockets.tls',
      typed_config: {
        '@type': `${types}transport_sockets.tls.v3.DownstreamTlsContext`,
        require_client_certificate: clients !== null,
        common_tls_context: {
          alpn_protocols: ['http/1.1'],
          tls_params: {
            tls_minimum_protocol_version: version,
            tls_maximum_protocol_version: version,
          },
          tls_certificates: [
            {
              certificate_chain: { filename: tls.certificateFile },
              private_key: { filename: tls.keyFile },
            },
          ],
          ...(clients === null
            ? {}
            : {
                validation_context: {
                  trusted_ca: { filename: clients.caFile },
                  crl: { filename: clients.crlFile },
                },
              }),
        },
      },
    },
  }
}

function httpManager(setup: ProductSetup) {
  const { config } = setup
  return {
    name: 'envoy.filters.network.http_connection_manager',
    typed_config: {
      '@type': `${types}filters.network.http_connection_manager.v3.HttpConnectionManager`,
      stat_prefix: 'gateway',
      max_request_headers_kb: 16,
      stream_idle_timeout: '600s',
      common_http_protocol_options: { idle_timeout: '600s' },
      route_config: {
        virtual_hosts: [{ name: 'gateway', domains: ['*'], routes: tenantsOf(config).map(route) }],
      },
      http_filters: [
        ...(config.token === 'jwt' && config.issuer !== null
          ? [jwtFilter(setup, config.issuer)]
          : []),
        ...(config.clients === null && config.token === 'none' ? [] : [accessFilter(config)]),
        {
          name: 'envoy.filters.http.router',
          typed_config: { '@type': `${types}filters.http.router.v3.Router` },
        },
      ],
    },
  }
}

function pathOf(orgId: string): string {
  return paymentPattern
    .replace(/^\^/, '')
    .replace(/\$$/, '')
    .replace(/\(.*\)/, orgId)
}

function route(orgId: string) {
  return {
    match: {
      path: pathOf(orgId),
      headers: [{ name: ':method', string_match: { exact: 'GET' } }],
    },
    direct_response: { status: 200, body: { inline_string: paymentOf(orgId) } },
    response_headers_to_add: [
      {
        header: { key: 'content-type', value: 'application/json' },
        append_action: 'OVERWRITE_IF_EXISTS_OR_ADD',
      },
    ],
  }
}

function jwtFilter({ keys }: ProductSetup, issuer: IssuerConfig) {
  const jwks = `{"keys":[${keys.map(({ jwk }) => jwk).join(',')}]}`
  return {
    name: 'envoy.filters.http.jwt_authn',
    typed_config: {
      '@type': `${types}filters.http.jwt_authn.v3.JwtAuthentication`,
      providers: {
        issuer: {
          issuer: issuer.issuer,
          audiences: [issuer.audience],
          require_expiration: true,
          clock_skew_seconds: Math.max(1, issuer.clockToleranceSeconds),
          from_headers: [{ name: 'Authorization', value_prefix: 'Bearer ' }],
          local_jwks: { inline_string: jwks },
          payload_in_metadata: 'claims',
          header_in_metadata: 'header',
        },
      },
      rules: [{ match: { prefix: '/' }, requires: { provider_name: 'issuer' } }],
    },
  }
}

/** One policy a tenant: its path, to those whose certificate and token are of it. */
function accessFilter(config: ServerConfig) {
  const policies = tenantsOf(config).map((orgId): [string, unknown] => [
    orgId,
    {
      permissions: [{ url_path: { path: { exact: pathOf(orgId) } } }],
      principals: [{ and_ids: { ids: principalsOf(orgId, config) } }],
    },
  ])
  return {
    name: 'envoy.filters.http.rbac',
    typed_config: {
      '@type': `${types}filters.http.rbac.v3.RBAC`,
      rules: { action: 'ALLOW', policies: Object.fromEntries<unknown>(policies) },
    },
  }
}

function principalsOf(orgId: string, { clients, token }: ServerConfig) {
  const names = Object.entries(clients?.allowed ?? {}).filter(([, one]) => one.orgId === orgId)
  const named = names.map(([uri]) => ({ authenticated: { principal_name: { exact: uri } } }))
  return [
    ...(clients === null ? [] : [named.length === 0 ? nobody : { or_ids: { ids: named } }]),
    ...(token === 'none'
      ? []
      : [
          claimIs(['claims', 'org_id'], { exact: orgId }),
          claimIs(['claims', 'scope'], { safe_regex: { regex: `(.* )?${readScope}( .*)?` } }),
          claimIs(['header', 'typ'], { exact: 'at+jwt', ignore_case: true }),
        ]),
  ]
}

function claimIs(path: readonly string[], match: Record<string, unknown>) {
  return {
    metadata: {
      filter: 'envoy.filters.http.jwt_authn',
      path: path.map((key) => ({ key })),
      value: { string_match: match },
    },
  }
}

const nobody = { not_id: { any: true } }
const types = 'type.googleapis.com/envoy.extensions.'
const ownerOnly = 0o600
