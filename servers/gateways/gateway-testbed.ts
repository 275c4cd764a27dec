import type { GatewayProduct, ServerConfig } from '../config.ts'
import { findGateway, installAdvice } from './presence.ts'
import type { ProductSetup } from './product.ts'

/** Why a product cannot be tried here; false where it can, and on CI, where a missing one must fail. */
export function noGateway(product: GatewayProduct): string | false {
  const { program, checksTokens } = findGateway(product)
  const isThere = program !== null && checksTokens
  // Debian has no Envoy: CI goes without it, too.
  if (isThere || (process.env['CI'] === 'true' && product !== 'envoy')) return false
  return `${product} is not installed: ${installAdvice(product)}`
}

/** A configuration that asks for everything: certificates and tokens. */
export const combinedConfig: ServerConfig = {
  host: '127.0.0.1',
  port: 0,
  tls: {
    version: '1.3',
    certificateFile: '/lab/server.pem',
    keyFile: '/lab/server-key.pem',
    ticketSecretFile: '/lab/ticket-secret',
    pinnedTicketKeys: false,
  },
  clients: {
    caFile: '/lab/ca.pem',
    crlFile: '/lab/crl.pem',
    allowed: {
      'spiffe://trustbench.test/acme/billing': { orgId: 'acme' },
      'spiffe://trustbench.test/globex/billing': { orgId: 'globex' },
    },
    bySan: null,
  },
  issuer: {
    issuer: 'https://127.0.0.1:8443',
    jwksUri: 'https://127.0.0.1:8443/jwks',
    introspectionEndpoint: 'https://127.0.0.1:8443/introspection',
    caFile: '/lab/ca.pem',
    audience: 'https://payments.trustbench.test',
    algorithms: ['ES256'],
    sharedSecretFile: null,
    verifier: 'jose',
    tokenCacheMs: 0,
    keySetMaxAgeMs: 600_000,
    keySetCooldownMs: 30_000,
    staleIfErrorMs: 0,
    clockToleranceSeconds: 0,
    clientId: 'payments-api',
    clientSecretFile: '/lab/client-secret',
    cacheEntries: 10_000,
    introspectionCacheMs: 5_000,
    introspectionTimeoutMs: 1_000,
  },
  token: 'jwt',
  bodyBytes: 0,
  workers: 1,
  tenants: 0,
  drainMs: null,
  upstream: null,
  spans: false,
  partners: null,
  gateway: { product: 'nginx', ocsp: null },
}

/** What a product is configured from, with changes of the configuration. */
export function setupOf(changes: Partial<ServerConfig> = {}): ProductSetup {
  const config = { ...combinedConfig, ...changes }
  const orgIds = Object.keys(config.upstream?.ownTokens?.clientIds ?? {})
  return {
    config,
    port: 9443,
    folder: '/lab/gateway',
    publicFolder: '/public',
    serverPem: 'PRIVATE',
    upstreamPem: config.upstream?.identity == null ? null : 'PRIVATE',
    ownTokens:
      config.upstream?.ownTokens == null
        ? null
        : new Map(orgIds.map((orgId) => [orgId, `token-of-${orgId}`])),
    modules: '/modules',
    keys: [
      {
        kid: 'key-1',
        algorithm: 'ES256',
        spki: 'c3BraQ==',
        pem: '-----BEGIN PUBLIC KEY-----\nc3BraQ==\n-----END PUBLIC KEY-----\n',
        jwk: '{"kty":"EC","kid":"key-1"}',
      },
    ],
    sharedSecret: null,
    clientSecret: 'the-secret',
    logPort: 9514,
    ocspUrl: null,
    isRoot: false,
  }
}
