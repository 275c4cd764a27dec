import { createSecretKey, randomBytes } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import type { Configuration, KoaContextWithOIDC, ResourceServer } from 'oidc-provider'
import { InvalidClientAuth, InvalidTarget } from 'oidc-provider/lib/helpers/errors.js'
import { hasUriName } from './authorization-certificates.ts'
import type { ClientCertificates } from './authorization-certificates.ts'
import { registerClients } from './authorization-clients.ts'
import { endpoints } from './authorization-endpoints.ts'
import type { JwkSet } from './authorization-keys.ts'
import { padToken } from './authorization-padding.ts'
import type { TokenStore } from './authorization-store-entry.ts'
import { agentResourcePrefix, resources } from './config.ts'
import type { AuthorizationConfig, PublicKeyAlgorithm } from './config.ts'
import { readConfigured, required } from './process.ts'
import type { Telemetry } from './telemetry.ts'

/** What the authorization server is made of. */
export interface ProviderParts {
  readonly config: AuthorizationConfig
  readonly jwks: JwkSet
  readonly store: TokenStore
  readonly certificates: ClientCertificates
  readonly telemetry: Telemetry
}

/** Audience of the `other*` resources: tokens of the right issuer that the payments API must refuse. */
export const otherAudience = 'https://other.trustbench.test'

/** Life of the tokens of the `short*` resources, in seconds. */
export const shortTtlSeconds = 2

/** The configuration of oidc-provider: client credentials and nothing else, and no default that warns. */
export function providerConfiguration(parts: ProviderParts): Configuration {
  const { config, jwks, store } = parts
  const orgIds = new Map(config.clients.map(({ clientId, orgId }) => [clientId, orgId]))
  return {
    adapter: store.adapter,
    jwks,
    clients: registerClients(config),
    // The default, RS256, would refuse every client where the key set has no RSA key.
    clientDefaults: {
      id_token_signed_response_alg:
        config.algorithm === 'HS256' ? publishedAlgorithm(jwks) : config.algorithm,
    },
    clientAuthMethods: ['client_secret_basic', 'private_key_jwt', 'tls_client_auth'],
    enabledJWA: {
      // RFC 9864 names the curve: client libraries say Ed25519 where they said EdDSA.
      clientAuthSigningAlgValues: [...algorithms, 'Ed25519'],
      // No ID token is ever issued, but this list decides which `clientDefaults` are allowed.
      idTokenSigningAlgValues: algorithms,
    },
    assertJwtClientAuthClaimsAndHeader: assertIssuerIsAudience,
    extraTokenClaims: (_ctx, token) => ({ org_id: orgIds.get(token.clientId ?? '') }),
    formats: {
      customizers: {
        jwt: (_ctx, _token, unsigned) => {
          const { tokenBytes, algorithm } = config
          if (tokenBytes > 0) padToken(unsigned, { tokenBytes, algorithm, keys: jwks.keys })
        },
      },
    },
    scopes: apiScopes,
    responseTypes: [],
    routes: {
      token: endpoints.token,
      introspection: endpoints.introspection,
      revocation: endpoints.revocation,
      jwks: endpoints.jwks,
    },
    // The default does the same, and says so on stdout.
    ttl: {
      ClientCredentials: (_ctx, token) =>
        token.resourceServer?.accessTokenTTL ?? config.accessTokenTtlSeconds,
    },
    features: features(parts),
    clockTolerance: 0,
    clientBasedCORS: () => false,
    cookies: { keys: [randomBytes(32).toString('base64url')] },
    renderError: (ctx, out) => {
      ctx.body = out
    },
  }
}

function features(parts: ProviderParts): Configuration['features'] {
  return {
    ...disabledFeatures,
    clientCredentials: { enabled: true },
    mTLS: mutualTls(parts.certificates),
    dPoP: { enabled: parts.config.clients.some(({ proofBoundTokens }) => proofBoundTokens) },
    introspection: { enabled: true, allowedPolicy: introspectionPolicy(parts) },
    // RFC 7009 section 2.1: a client revokes its own tokens only.
    revocation: {
      enabled: true,
      allowedPolicy: (_ctx, client, token) => token.clientId === client.clientId,
    },
    resourceIndicators: resourceIndicators(parts.config),
  }
}

function mutualTls(certificates: ClientCertificates) {
  const certificateOf = (ctx: KoaContextWithOIDC) => certificates.of(ctx.req.socket)
  return {
    enabled: true as const,
    tlsClientAuth: true as const,
    certificateBoundAccessTokens: true as const,
    getCertificate: certificateOf,
    certificateAuthorized: (ctx: KoaContextWithOIDC) => certificateOf(ctx) !== undefined,
    certificateSubjectMatches: (ctx: KoaContextWithOIDC, property: string, expected: string) => {
      const certificate = certificateOf(ctx)
      if (property !== 'tls_client_auth_san_uri' || certificate === undefined) return false
      return hasUriName(certificate, expected)
    },
  }
}

/** RFC 7662 section 2.2: to who may not introspect a token, every token is inactive. */
function introspectionPolicy({ config, telemetry }: ProviderParts) {
  const introspectors = new Set(config.introspectors.map(({ clientId }) => clientId))
  return (_ctx: KoaContextWithOIDC, client: { readonly clientId: string }): boolean => {
    const isAllowed = introspectors.has(client.clientId)
    if (!isAllowed) telemetry.refused('introspection_not_allowed', 200)
    return isAllowed
  }
}

function resourceIndicators(config: AuthorizationConfig) {
  const servers = resourceServers(config)
  return {
    enabled: true,
    defaultResource: () => {
      throw new InvalidTarget('resource is missing')
    },
    getResourceServerInfo: (_ctx: KoaContextWithOIDC, indicator: string): ResourceServer => {
      const server = servers.get(indicator) ?? agentServer(servers, indicator)
      if (server === undefined) throw new InvalidTarget('resource is unknown')
      return server
    },
  }
}

/** One of the many APIs that an agent calls: an audience of its own, else as the payments API. */
function agentServer(
  servers: ReadonlyMap<string, ResourceServer>,
  indicator: string,
): ResourceServer | undefined {
  const number = agentNumber.exec(indicator)?.[1]
  const payments = servers.get(resources.jwt)
  if (number === undefined || payments === undefined) return undefined
  return { ...payments, audience: `https://api-${number}.trustbench.test` }
}

/** Form, life and audience of the tokens of each resource indicator. */
function resourceServers(config: AuthorizationConfig): ReadonlyMap<string, ResourceServer> {
  const { audience, algorithm, accessTokenTtlSeconds } = config
  // The most that a client may register: what it did register is checked before.
  const scope = apiScopes.join(' ')
  const sign =
    algorithm === 'HS256' ? { alg: algorithm, key: sharedSecret(config) } : { alg: algorithm }
  const jwt = { scope, accessTokenFormat: 'jwt', jwt: { sign } } as const
  const opaque = { scope, accessTokenFormat: 'opaque' } as const
  const good = { audience, accessTokenTTL: accessTokenTtlSeconds }
  const short = { audience, accessTokenTTL: shortTtlSeconds }
  const other = { audience: otherAudience, accessTokenTTL: accessTokenTtlSeconds }
  return new Map([
    [resources.jwt, { ...jwt, ...good }],
    [resources.opaque, { ...opaque, ...good }],
    [resources.shortJwt, { ...jwt, ...short }],
    [resources.shortOpaque, { ...opaque, ...short }],
    [resources.otherJwt, { ...jwt, ...other }],
    [resources.otherOpaque, { ...opaque, ...other }],
  ])
}

/** Algorithm of a key that is published, where tokens are signed by a secret. */
function publishedAlgorithm({ keys }: JwkSet): PublicKeyAlgorithm {
  return algorithms.find((name) => keys.some(({ alg }) => alg === name)) ?? 'ES256'
}

function sharedSecret({ sharedSecretFile }: AuthorizationConfig): KeyObject {
  const file = required('sharedSecretFile', sharedSecretFile)
  return createSecretKey(readConfigured('sharedSecretFile', file))
}

/**
 * Only the issuer identifier is the audience of a client assertion: oidc-provider also takes endpoint URLs,
 * built from the Host header, so that an assertion made for another server would do.
 */
function assertIssuerIsAudience(ctx: KoaContextWithOIDC, claims: object): void {
  if (!('aud' in claims) || claims.aud !== ctx.oidc.issuer) {
    throw new InvalidClientAuth('aud of the client assertion is not the issuer identifier alone')
  }
}

const agentNumber = new RegExp(`^${agentResourcePrefix}([1-9]\\d{0,3})$`)
const apiScopes = ['payments:read', 'payments:write', 'admin:manage']

const algorithms = [
  'ES256',
  'ES384',
  'RS256',
  'PS256',
  'EdDSA',
] as const satisfies readonly PublicKeyAlgorithm[]

const disabledFeatures = {
  devInteractions: { enabled: false },
  claimsParameter: { enabled: false },
  pushedAuthorizationRequests: { enabled: false },
  rpInitiatedLogout: { enabled: false },
  userinfo: { enabled: false },
} as const
