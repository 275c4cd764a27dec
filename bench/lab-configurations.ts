import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type {
  AuthorizationConfig,
  ClientTrust,
  GatewayConfig,
  IssuerConfig,
  OcspConfig,
  PartnersConfig,
  RegisteredClient,
  ServerConfig,
  TlsConfig,
} from '../servers/config.ts'
import {
  defaultCacheEntries,
  defaultKeySetCooldownMs,
  defaultKeySetMaxAgeMs,
  withoutDefaults,
} from '../servers/config-schema.ts'
import { writeSecretFile } from '../servers/pki.ts'
import { crowdOf } from './crowd.ts'
import { hitRatioCacheEntries } from './token-pool-sizes.ts'
import { sanPolicy, uris } from './lab-credentials.ts'
import type { LabSettings } from './lab-settings.ts'
import { gatewayOf } from './gateways.ts'
import type { Case, Parameters } from './scenario.ts'

/** What the configurations of one lab have in common: its files and its registered clients. */
export interface LabFiles {
  readonly folder: string
  readonly settings: LabSettings
  readonly trust: ClientTrust
  readonly clients: readonly RegisteredClient[]
  readonly tls: TlsConfig
  /** Null where no gateway asks a responder. */
  readonly ocsp: OcspConfig | null
  readonly secretFile: string
  readonly signingJwksFile: string
  /** Null unless tokens are signed by a secret. */
  readonly sharedSecretFile: string | null
  /** Null where the store of tokens needs no password. */
  readonly storePasswordFile: string | null
}

/** Which clients an authorization server is for, beside the usual ones. */
export interface IssuerNeeds {
  readonly proofs?: boolean
  readonly gateway?: boolean
}

/** Makes the configurations of a lab's server processes, and writes them. */
export interface Configurations {
  readonly trust: ClientTrust
  readonly serverTls: () => TlsConfig
  /** Clients that bring proofs, and those of a gateway, are registered only where they are needed. */
  readonly authorizationConfig: (needs?: IssuerNeeds) => AuthorizationConfig
  readonly issuerConfig: (issuerUrl: string) => IssuerConfig
  /** Configuration of the case's resource server; `issuerUrl` is null where no token is checked. */
  readonly serverConfig: (testCase: Case, issuerUrl: string | null) => ServerConfig
  /** Writes a configuration (mode 0600) and returns its path; the name may come again. */
  readonly writeConfig: (
    name: string,
    config: ServerConfig | AuthorizationConfig,
  ) => Promise<string>
}

/** Creates the folder of a lab's configurations, and what fills it. */
export async function createConfigurations(files: LabFiles): Promise<Configurations> {
  const { settings, trust, clients, tls, secretFile } = files
  const folder = join(files.folder, 'config')
  await mkdir(folder, { mode: 0o700 })
  let made = 0
  let trails = 0
  const issuerConfig = (issuerUrl: string): IssuerConfig => ({
    issuer: issuerUrl,
    jwksUri: `${issuerUrl}/jwks`,
    introspectionEndpoint: `${issuerUrl}/token/introspection`,
    caFile: trust.caFile,
    audience,
    algorithms: [settings.algorithm],
    sharedSecretFile: files.sharedSecretFile,
    verifier: settings.verifier,
    tokenCacheMs: settings.tokenCacheMs,
    keySetMaxAgeMs: defaultKeySetMaxAgeMs,
    keySetCooldownMs: defaultKeySetCooldownMs,
    staleIfErrorMs: 0,
    clockToleranceSeconds: 0,
    cacheEntries: settings.hitRatio === null ? defaultCacheEntries : hitRatioCacheEntries,
    clientId: resourceServerId,
    clientSecretFile: secretFile,
    introspectionCacheMs: settings.introspectionCacheMs,
    introspectionTimeoutMs,
  })
  return {
    trust,
    serverTls: () => tls,
    issuerConfig,
    authorizationConfig: ({ proofs = false, gateway = false } = {}) => ({
      host: loopback,
      port: 0,
      tls,
      clientCaFile: trust.caFile,
      clientCrlFile: trust.crlFile,
      signingJwksFile: files.signingJwksFile,
      algorithm: settings.algorithm,
      sharedSecretFile: files.sharedSecretFile,
      audience,
      clients: clients
        .filter(({ proofBoundTokens }) => proofs || !proofBoundTokens)
        .filter(({ sanUri }) => gateway || sanUri !== uris.edge),
      introspectors: [{ clientId: resourceServerId, secretFile }],
      store: settings.store,
      storePasswordFile: files.storePasswordFile,
      databaseFile: join(files.folder, `tokens-${++made}.db`),
      accessTokenTtlSeconds,
      tokenBytes: settings.tokenBytes,
      latencyMs: settings.issuerLatencyMs,
    }),
    serverConfig({ scenario, parameters }, issuerUrl) {
      const {
        certificate,
        token,
        named = false,
        partners = false,
      } = scenario.credentials(parameters)
      return {
        host: loopback,
        port: 0,
        tls: scenario.tls ? tls : null,
        clients: certificate ? { ...trust, bySan: named ? sanPolicy : null } : null,
        issuer: token === 'none' || issuerUrl === null ? null : issuerConfig(issuerUrl),
        token,
        bodyBytes: settings.bodyBytes,
        workers: settings.workers,
        tenants: settings.clients === 1 ? 0 : settings.clients,
        drainMs: null,
        upstream: null,
        spans: false,
        partners: partners
          ? partnersConfig(settings, join(folder, `audit-${++trails}.jsonl`))
          : null,
        gateway: gatewayConfig(parameters, files.ocsp),
      }
    },
    writeConfig: (name, config) =>
      writeSecretFile(folder, `${name}-${++made}.json`, JSON.stringify(withoutDefaults(config))),
  }
}

function gatewayConfig(parameters: Parameters, ocsp: OcspConfig | null): GatewayConfig | null {
  const product = gatewayOf(parameters)
  return product === null ? null : { product, ocsp }
}

/** What is agreed with each partner: every second one may only read. */
export function agreedScopes(orgId: string): string[] {
  const isReader = /[02468]$/.test(orgId)
  return isReader ? ['payments:read'] : ['payments:read', 'payments:write']
}

function partnersConfig({ clients }: LabSettings, auditFile: string): PartnersConfig {
  const orgIds = ['acme', 'globex', ...crowdOf(clients).map(({ orgId }) => orgId)]
  const agreements = orgIds.map(
    (orgId) => [orgId, { scopes: agreedScopes(orgId), quotaPerMinute }] as const,
  )
  return { partners: Object.fromEntries(agreements), auditFile }
}

/** Ten times what one partner can ask of a server on its own: what is measured is never throttled. */
const quotaPerMinute = 10_000_000

const loopback = '127.0.0.1'
const audience = 'https://payments.trustbench.test'
const resourceServerId = 'payments-api'
/** Longer than any run: a token that ends while it is measured would fail the block. */
const accessTokenTtlSeconds = 21_600
/** A thousand introspections on an idle machine: an issuer that needs this long does not answer. */
const introspectionTimeoutMs = 5_000
