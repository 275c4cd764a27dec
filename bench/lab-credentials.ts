import { randomBytes } from 'node:crypto'
import { calculateJwkThumbprint, exportJWK, generateKeyPair } from 'jose'
import type { JWK } from 'jose'
import type {
  ClientTrust,
  RegisteredClient,
  SanPolicy,
  SigningAlgorithm,
} from '../servers/config.ts'
import { createAuthority } from '../servers/pki.ts'
import type { Authority, IssueRequest } from '../servers/pki.ts'
import type { LabSettings } from './lab-settings.ts'
import type { Credentials } from './scenario.ts'

/** URI subject alternative names of the clients. */
export const uris = {
  /** The client that is measured, of tenant acme. */
  billing: 'spiffe://trustbench.test/acme/billing',
  payouts: 'spiffe://trustbench.test/acme/payouts',
  gateway: 'spiffe://trustbench.test/acme/gateway',
  /** Has a good certificate but may not call this API. */
  reporting: 'spiffe://trustbench.test/acme/reporting',
  /** May call, for another tenant. */
  globex: 'spiffe://trustbench.test/globex/billing',
  /** The gateway in front of the mesh: no client of the API, but a hop on the way to it. */
  edge: 'spiffe://trustbench.test/edge/gateway',
} as const

/** Clients that may call the API, each with its tenant. */
export const allowedClients: ClientTrust['allowed'] = {
  [uris.billing]: { orgId: 'acme' },
  [uris.payouts]: { orgId: 'acme' },
  [uris.gateway]: { orgId: 'acme' },
  [uris.globex]: { orgId: 'globex' },
}

/** What workloads of the lab may do by their names, where there is no list of clients. */
export const sanPolicy: SanPolicy = {
  trustDomain: 'trustbench.test',
  services: {
    billing: ['payments:read', 'payments:write'],
    payouts: ['payments:read'],
    gateway: ['payments:read', 'payments:write'],
  },
}

/** What the certificates of resource servers and of the authorization server say. */
export const serverProfile = {
  kind: 'server',
  commonName: 'localhost',
  dnsNames: ['localhost'],
  ipAddresses: ['127.0.0.1', '::1'],
} as const satisfies Omit<IssueRequest, 'key'>

/** What the certificate of a client says. */
export function clientProfile(uri: string): Omit<IssueRequest, 'key'> {
  return { kind: 'client', commonName: uri.split('/').slice(-2).join('-'), uris: [uri] }
}

/**
 * Creates a root and the authorities below it, as many as make a chain of so many certificates, with their
 * CRLs; then the server's certificate and the good client's.
 */
export async function certify(
  settings: Pick<LabSettings, 'caKey' | 'serverKey' | 'clientKey' | 'chain' | 'crlEntries'>,
) {
  const { caKey, serverKey, clientKey, chain, crlEntries } = settings
  const pathLength = Math.max(1, chain - 1)
  const root = await createAuthority({ key: caKey, name: 'trustbench root', pathLength })
  const above: Authority[] = []
  let issuing = root
  for (let depth = 1; depth < chain; depth++) {
    above.push(issuing)
    const name = depth === 1 ? 'trustbench intermediate' : `trustbench intermediate ${depth}`
    issuing = await issuing.createIntermediate({ key: caKey, name })
  }
  const emptyCrl = (authority: Authority) => authority.issueCrl({ revokedSerialsHex: [] })
  const [server, good, issuingCrl, ...aboveCrls] = await Promise.all([
    issuing.issue({ ...serverProfile, key: serverKey }),
    issuing.issue({ ...clientProfile(uris.billing), key: clientKey }),
    issuing.issueCrl({ revokedSerialsHex: Array.from({ length: crlEntries }, strangerSerial) }),
    ...above.map(emptyCrl),
  ])
  const aboveCrlPem = aboveCrls.join('')
  return { root, issuing, server, good, aboveCrlPem, crlPem: issuingCrl + aboveCrlPem }
}

/** A serial number that no certificate of the lab has: those begin with 40 to 7F. */
function strangerSerial(): string {
  return `10${randomBytes(15).toString('hex')}`
}

/**
 * Clients at the authorization server. `acme-billing` proves itself by `private_key_jwt`, as a service
 * should; `acme-billing-dpop` too, and its tokens are bound to a key (RFC 9449); `acme-terminal` is the
 * same with a secret, for curl; the `-bound` ones by their certificate, and all their tokens are bound to
 * it (RFC 8705).
 */
export function registeredClients(files: {
  secretFile: string
  jwksFile: string
}): readonly RegisteredClient[] {
  const none = {
    secretFile: null,
    previousSecretFile: null,
    jwksFile: null,
    sanUri: null,
    boundTokens: false,
    proofBoundTokens: false,
  }
  const assertion = {
    ...none,
    authentication: 'private_key_jwt',
    jwksFile: files.jwksFile,
  } as const
  const secret = {
    ...none,
    authentication: 'client_secret_basic',
    secretFile: files.secretFile,
  } as const
  const bound = (sanUri: string) =>
    ({ ...none, authentication: 'tls_client_auth', sanUri, boundTokens: true }) as const
  const scope = 'payments:read payments:write'
  return [
    { clientId: 'acme-billing', orgId: 'acme', scope, ...assertion },
    { clientId: 'acme-terminal', orgId: 'acme', scope, ...secret },
    { clientId: 'acme-terminal-dpop', orgId: 'acme', scope, ...secret, proofBoundTokens: true },
    { clientId: 'globex-billing', orgId: 'globex', scope, ...assertion },
    { clientId: proofClient, orgId: 'acme', scope, ...assertion, proofBoundTokens: true },
    { clientId: 'acme-billing-bound', orgId: 'acme', scope, ...bound(uris.billing) },
    { clientId: 'acme-payouts-bound', orgId: 'acme', scope, ...bound(uris.payouts) },
    { clientId: 'acme-gateway-bound', orgId: 'acme', scope, ...bound(uris.gateway) },
    { clientId: 'acme-reporting-bound', orgId: 'acme', scope, ...bound(uris.reporting) },
    { clientId: 'globex-billing-bound', orgId: 'globex', scope, ...bound(uris.globex) },
    ...Object.entries(edgeClients).map(([orgId, clientId]) => ({
      ...bound(uris.edge),
      ...{ clientId, orgId, scope, boundTokens: false },
    })),
  ]
}

/** The registered client whose tokens are such as a scenario wants, and that signs nothing itself: by secret or certificate. */
export function handClientOf({ bound, proof = false }: Credentials): string {
  if (bound) return 'acme-billing-bound'
  return proof ? 'acme-terminal-dpop' : 'acme-terminal'
}

/** Clients of the gateway, one for each tenant that it calls the service for; their tokens are bearer tokens. */
export const edgeClients = { acme: 'acme-edge', globex: 'globex-edge' } as const

/** Whom the hop behind the gateway lets in. */
export const allowedPeers: ClientTrust['allowed'] = { [uris.edge]: { orgId: 'edge' } }

/** The client whose tokens are bound to a key that it proves at each request. */
export const proofClient = 'acme-billing-dpop'

/** Keys of the authorization server: one of the wanted algorithm, and one of another that is published too. */
export function createSigningKeys(algorithm: SigningAlgorithm): Promise<JWK[]> {
  const other = algorithm === 'ES384' ? 'ES256' : 'ES384'
  const own =
    algorithm === 'HS256' ? Promise.resolve(createSecretJwk()) : createPrivateJwk(algorithm)
  return Promise.all([own, createPrivateJwk(other)])
}

/** A secret of as many bytes as the digest has (RFC 7518 section 3.2). */
function createSecretJwk(): JWK {
  return { kty: 'oct', alg: 'HS256', k: randomBytes(32).toString('base64url') }
}

/** Generates a private JWK for signatures of one algorithm, named by its thumbprint (RFC 7638). */
export async function createPrivateJwk(alg: string): Promise<JWK> {
  const { privateKey } = await generateKeyPair(alg, { extractable: true })
  const jwk = await exportJWK(privateKey)
  return { ...jwk, alg, use: 'sig', kid: await calculateJwkThumbprint(jwk) }
}

/** The public members of a private JWK. */
export function publicJwk(jwk: JWK): JWK {
  return Object.fromEntries(Object.entries(jwk).filter(([name]) => !privateMembers.has(name)))
}

/** RFC 7518 section 6, RFC 8037 section 2. */
const privateMembers = new Set(['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'])
