/** Key types of certificates: RFC 8422 curves, RSA sizes in bits, RFC 8410 Ed25519. */
export type KeyType = 'p256' | 'p384' | 'rsa2048' | 'rsa4096' | 'ed25519'

/** JWS algorithms with a public key (RFC 7518, RFC 8037). */
export type PublicKeyAlgorithm = 'ES256' | 'ES384' | 'RS256' | 'PS256' | 'EdDSA'

/**
 * JWS algorithms the reference servers can allow. With HS256 whoever can verify a token can make one: it is
 * here for what it costs, not to be copied.
 */
export type SigningAlgorithm = PublicKeyAlgorithm | 'HS256'

/** TLS protocol version that a listener offers, both as minimum and as maximum. */
export type TlsVersion = '1.2' | '1.3'

/** Server side TLS: PEM files, and the secret from which session ticket keys are derived. */
export interface TlsConfig {
  readonly version: TlsVersion
  /** PEM: leaf, then intermediates. */
  readonly certificateFile: string
  readonly keyFile: string
  /** 32 random bytes shared by all listeners of one lab; each derives its own ticket keys. */
  readonly ticketSecretFile: string
  /**
   * Ticket keys stay the same whatever the trust: a client that is revoked goes on resuming. Here for what
   * that does, not to be copied: of what a full handshake checks, only the guard's own check is left.
   */
  readonly pinnedTicketKeys: boolean
}

/** What workloads may do by their names: `spiffe://trust-domain/tenant/service`. */
export interface SanPolicy {
  readonly trustDomain: string
  /** OAuth scopes by service; one that is not named may do nothing. */
  readonly services: Readonly<Record<string, readonly string[]>>
}

/** Whom a mutual TLS listener trusts, and which of them may call this API. */
export interface ClientTrust {
  /** PEM, trust anchors only: intermediates come from the client (RFC 8446 section 4.4.2). */
  readonly caFile: string
  /** PEM, one or more CRLs (RFC 5280); every CA of the chain has one. */
  readonly crlFile: string
  /** Allowed URI subject alternative names, each with the tenant it belongs to. */
  readonly allowed: Readonly<Record<string, { readonly orgId: string }>>
  /** Instead of `allowed`: every name of the trust domain is a client, of the tenant that it names. */
  readonly bySan: SanPolicy | null
}

/** What verifies the signature and the claims of a JWT: jose, Node's own crypto, or fast-jwt. */
export type VerifierName = 'jose' | 'node' | 'fast-jwt'

/** How a resource server reaches and checks its authorization server. */
export interface IssuerConfig {
  /** Issuer identifier, compared with `iss` byte by byte (RFC 9207, RFC 9068). */
  readonly issuer: string
  readonly jwksUri: string
  readonly introspectionEndpoint: string
  /** PEM trust anchor for connections to the issuer. */
  readonly caFile: string
  /** The only accepted `aud`. */
  readonly audience: string
  readonly algorithms: readonly SigningAlgorithm[]
  /** File with the secret shared with the issuer; null unless the algorithm is HS256. */
  readonly sharedSecretFile: string | null
  readonly verifier: VerifierName
  /** How long a JWT that was verified is taken again unverified; 0 = no cache. */
  readonly tokenCacheMs: number
  /** How long fetched keys are trusted. */
  readonly keySetMaxAgeMs: number
  /** How long after a fetch an unknown key id asks the issuer for nothing. */
  readonly keySetCooldownMs: number
  /**
   * How long beyond `keySetMaxAgeMs` old keys are taken while the key set cannot be fetched (RFC 5861); 0 =
   * never. The risk: a key that was withdrawn because it is known to a thief goes on being accepted as
   * long as the thief can keep this server from the key set.
   */
  readonly staleIfErrorMs: number
  /** How far the clocks of issuer and server may be apart; an expired token is taken so much longer. */
  readonly clockToleranceSeconds: number
  /** This resource server's own credentials at the introspection endpoint (RFC 7662 section 2.1). */
  readonly clientId: string
  readonly clientSecretFile: string
  /** Tokens that a cache of either kind holds. */
  readonly cacheEntries: number
  /** 0 = no cache. */
  readonly introspectionCacheMs: number
  readonly introspectionTimeoutMs: number
}

/** Products that can stand in the place of a reference server. */
export type GatewayProduct = 'nginx' | 'haproxy' | 'apache' | 'envoy'

/**
 * Files of a lab's own OCSP responder (RFC 6960), for gateways that ask one about client certificates. It calls
 * revoked what is on the CRL of the client trust, and good all else.
 */
export interface OcspConfig {
  /** PEM: the authority whose certificates it speaks of. */
  readonly issuerFile: string
  /** PEM: a certificate of that authority for signing answers, and its key. */
  readonly signerFile: string
  readonly signerKeyFile: string
  /** Whether the gateway keeps answers, or asks at every full handshake. */
  readonly cached: boolean
}

/** A product instead of a reference server; the rest of the configuration says what it has to do. */
export interface GatewayConfig {
  readonly product: GatewayProduct
  /** Null: it asks no responder. */
  readonly ocsp: OcspConfig | null
}

/** What one resource server process is told: paths instead of secrets, so it may be shown. */
export interface ServerConfig {
  readonly host: string
  /** 0 = any free port. */
  readonly port: number
  readonly tls: TlsConfig | null
  readonly clients: ClientTrust | null
  readonly issuer: IssuerConfig | null
  /** Form of the access tokens that this server accepts. */
  readonly token: 'none' | 'jwt' | 'opaque'
  /** Length of the measured answer's body; 0 = as it is. */
  readonly bodyBytes: number
  /** Processes that share the port. */
  readonly workers: number
  /** Tenants beside `acme` that have the measured payment too: `tenant-1` and so on. */
  readonly tenants: number
  /**
   * Live connections when client trust changes: null keeps them, with the verdict they have. Else their
   * clients are judged anew at the next request, whose answer ends the connection, and what is open after
   * so many ms is cut; clients that are still trusted pay a new handshake.
   */
  readonly drainMs: number | null
  /** The next hop, of a gateway or a sidecar; null in a service. */
  readonly upstream: UpstreamConfig | null
  /** Whether it takes the time of every request, and tells it when asked. */
  readonly spans: boolean
  /** Partners with quota and audit trail; null where there are none. */
  readonly partners: PartnersConfig | null
  /** Null: the reference server itself. */
  readonly gateway: GatewayConfig | null
}

/** How a hop reaches the next one. */
export interface UpstreamConfig {
  /** Origin of the next hop; plain HTTP only on loopback. */
  readonly url: string
  /** PEM trust anchor for connections to it; null for plain HTTP. */
  readonly caFile: string | null
  /** This hop's own certificate, which it presents to the next one and to the issuer; null = none. */
  readonly identity: { readonly certificateFile: string; readonly keyFile: string } | null
  /** Access tokens of this hop's own; null where it brings none. */
  readonly ownTokens: OwnTokensConfig | null
}

/** Where a hop gets access tokens of its own: client credentials, proved by its certificate (RFC 8705). */
export interface OwnTokensConfig {
  readonly issuer: string
  /** PEM trust anchor for connections to the issuer. */
  readonly caFile: string
  /** Its client at the issuer, one a tenant: so no token is good for two of them. */
  readonly clientIds: Readonly<Record<string, string>>
  /** Resource indicator (RFC 8707). */
  readonly resource: string
  readonly scope: string
}

/** Whom an API with many integrations serves, by tenant; who is not named gets nothing. */
export interface PartnersConfig {
  readonly partners: Readonly<Record<string, PartnerConfig>>
  /** File that gets one line of JSON a request; created, appended to. */
  readonly auditFile: string
}

/** What one partner may do, whatever its credential says. */
export interface PartnerConfig {
  readonly scopes: readonly string[]
  /** Admitted requests a minute. */
  readonly quotaPerMinute: number
}

/** What changes while a server serves, over IPC; what is left out stays as it is. Files are read anew. */
export interface Reload {
  readonly clients?: ClientTrust
  /** The server's own certificate and key. */
  readonly tls?: TlsConfig
  /** All revoked tokens of the issuer, by `jti`: this list is the whole, not an addition. */
  readonly revokedTokens?: readonly string[]
  /** What an authorization server signs with, and whom it knows. */
  readonly registry?: Pick<AuthorizationConfig, 'signingJwksFile' | 'clients' | 'introspectors'>
}

/** A client registered at the authorization server. */
export interface RegisteredClient {
  readonly clientId: string
  readonly orgId: string
  readonly scope: string
  readonly authentication: 'client_secret_basic' | 'private_key_jwt' | 'tls_client_auth'
  /** client_secret_basic: file with the secret. */
  readonly secretFile: string | null
  /** client_secret_basic: file with the secret before this one, good for as long as it is told here. */
  readonly previousSecretFile: string | null
  /** private_key_jwt: file with the public JWK set. */
  readonly jwksFile: string | null
  /** tls_client_auth: URI subject alternative name (RFC 8705 section 2.1.2). */
  readonly sanUri: string | null
  /** Issue only certificate-bound tokens (RFC 8705 section 3.4). */
  readonly boundTokens: boolean
  /** Issue only tokens that are bound to a key of the client (RFC 9449 section 5.2). */
  readonly proofBoundTokens: boolean
}

/** What the authorization server process is told. */
export interface AuthorizationConfig {
  readonly host: string
  readonly port: number
  readonly tls: TlsConfig
  /** PEM anchors for `tls_client_auth` and for binding tokens to certificates. */
  readonly clientCaFile: string
  readonly clientCrlFile: string
  /** Private JWK set; the first key of the wanted algorithm signs. */
  readonly signingJwksFile: string
  /** Algorithm of JWT access tokens. */
  readonly algorithm: SigningAlgorithm
  /** File with the secret that signs them; null unless the algorithm is HS256. */
  readonly sharedSecretFile: string | null
  readonly audience: string
  readonly clients: readonly RegisteredClient[]
  /** Resource servers that may introspect. */
  readonly introspectors: readonly { readonly clientId: string; readonly secretFile: string }[]
  /** Where tokens are kept: `sqlite` (in `databaseFile`), `memory`, or a redis:// or postgres:// URL. */
  readonly store: string
  /** File with the password of that database; null where it needs none. */
  readonly storePasswordFile: string | null
  /** Path of the SQLite database file; created, removed with the lab. */
  readonly databaseFile: string
  readonly accessTokenTtlSeconds: number
  /** Length that JWT access tokens are padded to; 0 = as they are. */
  readonly tokenBytes: number
  /** Every answer is held back so long: an issuer in another region, or a busy one. */
  readonly latencyMs: number
}

/** Resource indicators (RFC 8707) of the payments API: the form of the token follows from the one asked for. */
export const resources = {
  jwt: 'urn:trustbench:payments:jwt',
  opaque: 'urn:trustbench:payments:opaque',
  /** As `opaque` and `jwt`, but tokens live 2 s: for the refusals about expiry. */
  shortJwt: 'urn:trustbench:payments:jwt:short',
  shortOpaque: 'urn:trustbench:payments:opaque:short',
  /** Another API's tokens: right issuer, wrong audience. */
  otherJwt: 'urn:trustbench:other:jwt',
  otherOpaque: 'urn:trustbench:other:opaque',
} as const

/** Resource indicator of one of the many APIs that an agent calls, `n` from 1; its tokens are JWTs. */
export function agentResource(n: number): string {
  return `${agentResourcePrefix}${n}`
}

/** What all of those begin with. */
export const agentResourcePrefix = 'urn:trustbench:agent:jwt:'
