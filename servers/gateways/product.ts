import type { ClientTrust, GatewayProduct, ServerConfig } from '../config.ts'
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

/** What a product is to check, as its configuration sees it. */
export interface Duties {
  readonly mutual: ClientTrust | null
  readonly token: ServerConfig['token']
}

/** What a configuration asks for. */
export function dutiesOf({ clients, token }: ServerConfig): Duties {
  return { mutual: clients, token }
}

/** Path of the payment; the first group is the tenant. */
export const paymentPattern = '^/v1/orgs/([a-z0-9-]+)/payments/pay_1001$'

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
