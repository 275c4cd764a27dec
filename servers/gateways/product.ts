import type { ClientTrust, GatewayProduct, ServerConfig, UpstreamConfig } from '../config.ts'
import { measured } from '../payment-store.ts'

/** A public key of the issuer, in the forms that products take. */
export interface IssuerKey {
  readonly kid: string
  readonly algorithm: string
  /** Base64 of DER, SubjectPublicKeyInfo. */
  readonly spki: string
  readonly pem: string
  /** JSON of the JWK. */
  readonly jwk: string
}

/** All that the configuration of a product is made of. */
export interface ProductSetup {
  readonly config: ServerConfig
  readonly port: number
  /** Folder of mode 0700: configuration, keys, sockets and logs. */
  readonly folder: string
  /** Folder that a process of another user may read; holds nothing secret. */
  readonly publicFolder: string
  /** PEM of the server's certificates and its key, for products that take both out of one file; null without TLS. */
  readonly serverPem: string | null
  /** As `serverPem`, what it presents to the next hop; null where it presents nothing. */
  readonly upstreamPem: string | null
  /** Access tokens of its own for the next hop, by tenant, as far as there are any; null where it brings none. */
  readonly ownTokens: ReadonlyMap<string, string> | null
  /** Folder of the product's loadable modules; empty where it has none. */
  readonly modules: string
  /** Of the issuer, those of the allowed algorithm; empty where no JWT is checked. */
  readonly keys: readonly IssuerKey[]
  /** Base64 of the secret of HS256; null elsewhere. */
  readonly sharedSecret: string | null
  /** Secret of this resource server at the introspection endpoint; null where it asks none. */
  readonly clientSecret: string | null
  /** UDP port for one log line a refusal, where the product logs that way. */
  readonly logPort: number
  /** URL of the lab's OCSP responder; null where it is not asked. */
  readonly ocspUrl: string | null
  /** Whether the product is started as root. */
  readonly isRoot: boolean
}

/** A file by its name in a folder. */
export interface ProductFile {
  readonly name: string
  readonly text: string
}

/** What a product is started from: a pure function of the setup. */
export interface ProductPlan {
  readonly files: readonly ProductFile[]
  /** Files of the public folder. */
  readonly publicFiles: readonly ProductFile[]
  /** Arguments behind the program. */
  readonly args: readonly string[]
}

/** The next hop, as configurations name it. */
export interface NextHop {
  /** Host and port. */
  readonly address: string
  readonly port: string
  /** PEM trust anchor of its certificate, whose name is `localhost`; null for plain HTTP. */
  readonly caFile: string | null
  readonly identity: UpstreamConfig['identity']
  /** What it gets as `Authorization`. Who has an identity and no tokens enters a mesh with the client's. */
  readonly token: 'own' | 'forwarded' | 'none'
}

/** Where admitted requests go; null where the product answers with the payment itself. */
export function nextHopOf({ upstream }: ServerConfig): NextHop | null {
  if (upstream === null) return null
  const { host, port } = new URL(upstream.url)
  const { caFile, identity, ownTokens } = upstream
  const shared = { address: host, port, caFile, identity }
  if (ownTokens !== null) return { ...shared, token: 'own' }
  return { ...shared, token: identity === null ? 'none' : 'forwarded' }
}

/** Path of the payment; the first group is the tenant. */
export const paymentPattern = '^/v1/orgs/([a-z0-9-]+)/payments/pay_1001$'

/** Path of the payment of a tenant: what is asked of the next hop, built anew of what was authorised. */
export function paymentPathOf(orgId: string): string {
  return `/v1/orgs/${orgId}/payments/pay_1001`
}

/** The payment of a tenant, in the bytes that every server answers. */
export function paymentOf(orgId: string): string {
  return JSON.stringify({ ...measured, org_id: orgId })
}

/** Scope that reading a payment needs. */
export const readScope = 'payments:read'

/**
 * Common names of the allowed clients, each with its tenant. Certificates of a lab say who they are twice,
 * as URI and as common name: for products that cannot read the URI, which is the better one.
 */
export function subjectsOf({ allowed }: ClientTrust): [commonName: string, orgId: string][] {
  return Object.entries(allowed).map(([uri, { orgId }]) => [
    uri.split('/').slice(-2).join('-'),
    orgId,
  ])
}

/** Every tenant that a client of the gateway may belong to. */
export function tenantsOf({ clients, tenants }: ServerConfig): string[] {
  const named = Object.values(clients?.allowed ?? {}).map(({ orgId }) => orgId)
  const numbered = Array.from({ length: tenants }, (_, index) => `tenant-${index + 1}`)
  return [...new Set([measured.org_id, ...named, ...numbered])]
}

/** Name of a product as its makers write it. */
export const productNames: Readonly<Record<GatewayProduct, string>> = {
  nginx: 'nginx',
  haproxy: 'HAProxy',
  apache: 'Apache',
  envoy: 'Envoy',
}

/** TLS 1.3 or 1.2, in the spelling of OpenSSL's names. */
export function tlsName({ tls }: ServerConfig): 'TLSv1.3' | 'TLSv1.2' {
  return tls?.version === '1.2' ? 'TLSv1.2' : 'TLSv1.3'
}

/** How long the next hop may take for anything: as the reference servers wait. */
export const upstreamTimeoutSeconds = 10
/** What a next hop that is gone is told as, and to whom it is told. */
export const badGateway = '{"error":"bad_gateway"}'
