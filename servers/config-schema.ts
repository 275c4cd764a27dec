import { Ajv } from 'ajv'
import type { ValidateFunction } from 'ajv'
import type {
  AuthorizationConfig,
  ClientTrust,
  GatewayConfig,
  IssuerConfig,
  OcspConfig,
  OwnTokensConfig,
  PartnerConfig,
  PartnersConfig,
  RegisteredClient,
  SanPolicy,
  ServerConfig,
  TlsConfig,
  UpstreamConfig,
} from './config.ts'
import { StartError } from './process.ts'

/** Checks the configuration of a resource server; throws a StartError with every faulty setting. */
export function parseServerConfig(value: unknown): ServerConfig {
  return parse(ajv().compile<ServerConfig>(serverConfigSchema()), value)
}

/** Checks the configuration of the authorization server; throws a StartError with every faulty setting. */
export function parseAuthorizationConfig(value: unknown): AuthorizationConfig {
  return parse(ajv().compile<AuthorizationConfig>(authorizationConfigSchema()), value)
}

/** JSON Schema of `ServerConfig`. */
export function serverConfigSchema(): JsonSchema {
  const clients = record<ClientTrust>({
    caFile: text,
    crlFile: text,
    allowed: { type: 'object', additionalProperties: record<{ orgId: string }>({ orgId: text }) },
    bySan: byDefault(
      nullable(
        record<SanPolicy>({
          trustDomain: text,
          services: { type: 'object', additionalProperties: { type: 'array', items: text } },
        }),
      ),
      null,
    ),
  })
  const issuer = record<IssuerConfig>({
    issuer: httpsUrl,
    jwksUri: httpsUrl,
    introspectionEndpoint: httpsUrl,
    caFile: text,
    audience: text,
    algorithms: { type: 'array', items: algorithm, minItems: 1, uniqueItems: true },
    sharedSecretFile: byDefault(nullable(text), null),
    verifier: byDefault(oneOf('jose', 'node', 'fast-jwt'), 'jose'),
    tokenCacheMs: byDefault(integer(0), 0),
    keySetMaxAgeMs: byDefault(integer(1), defaultKeySetMaxAgeMs),
    keySetCooldownMs: byDefault(integer(0), defaultKeySetCooldownMs),
    staleIfErrorMs: byDefault(integer(0), 0),
    clockToleranceSeconds: byDefault(integer(0, 60), 0),
    cacheEntries: byDefault(integer(1), defaultCacheEntries),
    clientId: text,
    clientSecretFile: text,
    introspectionCacheMs: integer(0),
    introspectionTimeoutMs: integer(1),
  })
  return record<ServerConfig>({
    host: text,
    port: integer(0, 65_535),
    tls: nullable(tls()),
    clients: nullable(clients),
    issuer: nullable(issuer),
    token: oneOf('none', 'jwt', 'opaque'),
    bodyBytes: byDefault(integer(0), 0),
    workers: byDefault(integer(1, 64), 1),
    tenants: byDefault(integer(0), 0),
    drainMs: byDefault(nullable(integer(1)), null),
    upstream: byDefault(nullable(upstream()), null),
    spans: byDefault({ type: 'boolean' }, false),
    partners: byDefault(nullable(partners()), null),
    gateway: byDefault(nullable(gateway()), null),
  })
}

function upstream(): JsonSchema {
  const ownTokens = record<OwnTokensConfig>({
    issuer: httpsUrl,
    caFile: text,
    clientIds: { type: 'object', additionalProperties: text },
    resource: text,
    scope: text,
  })
  return record<UpstreamConfig>({
    // What is not encrypted does not leave this machine.
    url: { type: 'string', pattern: '^(https://|http://127\\.0\\.0\\.1:)' },
    caFile: nullable(text),
    identity: nullable(
      record<NonNullable<UpstreamConfig['identity']>>({ certificateFile: text, keyFile: text }),
    ),
    ownTokens: nullable(ownTokens),
  })
}

function partners(): JsonSchema {
  const partner = record<PartnerConfig>({
    scopes: { type: 'array', items: text },
    quotaPerMinute: integer(1),
  })
  return record<PartnersConfig>({
    partners: { type: 'object', additionalProperties: partner },
    auditFile: text,
  })
}

/** JSON Schema of `AuthorizationConfig`. */
export function authorizationConfigSchema(): JsonSchema {
  const client = record<RegisteredClient>({
    clientId: text,
    orgId: text,
    scope: text,
    authentication: oneOf('client_secret_basic', 'private_key_jwt', 'tls_client_auth'),
    secretFile: nullable(text),
    previousSecretFile: byDefault(nullable(text), null),
    jwksFile: nullable(text),
    sanUri: nullable(text),
    boundTokens: { type: 'boolean' },
    proofBoundTokens: byDefault({ type: 'boolean' }, false),
  })
  const introspector = record<AuthorizationConfig['introspectors'][number]>({
    clientId: text,
    secretFile: text,
  })
  return record<AuthorizationConfig>({
    host: text,
    port: integer(0, 65_535),
    tls: tls(),
    clientCaFile: text,
    clientCrlFile: text,
    signingJwksFile: text,
    algorithm,
    sharedSecretFile: byDefault(nullable(text), null),
    audience: text,
    clients: { type: 'array', items: client },
    introspectors: { type: 'array', items: introspector },
    store: byDefault(
      { type: 'string', pattern: '^(sqlite|memory|(redis|postgres)://.+)$' },
      'sqlite',
    ),
    storePasswordFile: byDefault(nullable(text), null),
    databaseFile: text,
    accessTokenTtlSeconds: integer(1),
    tokenBytes: byDefault(integer(0), 0),
    latencyMs: byDefault(integer(0), 0),
  })
}

/**
 * Plain JSON Schema: here TypeBox would only build these same objects, for 55 ms of CPU at each of the
 * several starts of a block.
 */
type JsonSchema = Readonly<Record<string, unknown>>

function parse<Config>(check: ValidateFunction<Config>, value: unknown): Config {
  if (check(value)) return value
  const faults = (check.errors ?? []).map(
    ({ instancePath, message = 'is wrong', params }) =>
      `${instancePath.slice(1).replaceAll('/', '.') || 'it'} ${message}${detail(params)}`,
  )
  throw new StartError(`configuration refused: ${faults.join('; ')}`)
}

/** What Ajv keeps out of some of its messages: the values it speaks of. */
function detail(params: Readonly<Record<string, unknown>>): string {
  const { additionalProperty, allowedValues } = params
  if (typeof additionalProperty === 'string') return ` (${additionalProperty})`
  return Array.isArray(allowedValues) ? ` (${allowedValues.join(', ')})` : ''
}

/** Without the meta-schema, whose compilation takes longer than all the rest: a test checks against it. */
function ajv(): Ajv {
  return new Ajv({ allErrors: true, meta: false, validateSchema: false, useDefaults: true })
}

/** An object with all properties of a type, but for those with a default, and no others. */
function record<Type>(properties: Record<keyof Type, JsonSchema>): JsonSchema {
  const required = Object.entries<JsonSchema>(properties).filter(
    ([, schema]) => !hasDefault(schema),
  )
  return {
    type: 'object',
    properties,
    required: required.map(([name]) => name),
    additionalProperties: false,
  }
}

/**
 * A setting that came later than others: without it the server is as it was before. So a server of an
 * older commit, which would refuse the setting, can be measured beside one that knows it.
 */
function byDefault(schema: JsonSchema, value: string | number | boolean | null): JsonSchema {
  return { ...schema, default: value }
}

function hasDefault(schema: JsonSchema): boolean {
  return Object.hasOwn(schema, 'default')
}

/** A configuration without the settings that are at their defaults, for servers that do not know them. */
export function withoutDefaults(config: ServerConfig | AuthorizationConfig): unknown {
  const schema = 'signingJwksFile' in config ? authorizationConfigSchema() : serverConfigSchema()
  return strip(config, schema)
}

function strip(value: unknown, schema: JsonSchema): unknown {
  const { properties, items } = schema
  if (Array.isArray(value)) return value.map((one) => strip(one, (items ?? {}) as JsonSchema))
  if (typeof value !== 'object' || value === null || properties === undefined) return value
  const known = properties as Readonly<Record<string, JsonSchema>>
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name, one]) => {
        const own = known[name]
        return own === undefined || !hasDefault(own) || own['default'] !== one
      })
      .map(([name, one]) => [name, strip(one, known[name] ?? {})]),
  )
}

function tls(): JsonSchema {
  return record<TlsConfig>({
    version: oneOf('1.2', '1.3'),
    certificateFile: text,
    keyFile: text,
    ticketSecretFile: text,
    pinnedTicketKeys: byDefault({ type: 'boolean' }, false),
  })
}

function gateway(): JsonSchema {
  return record<GatewayConfig>({
    product: oneOf('nginx', 'haproxy', 'apache', 'envoy'),
    ocsp: nullable(
      record<OcspConfig>({
        issuerFile: text,
        signerFile: text,
        signerKeyFile: text,
        cached: { type: 'boolean' },
      }),
    ),
  })
}

function oneOf(...values: readonly string[]): JsonSchema {
  return { type: 'string', enum: values }
}

/** `nullable` is Ajv's own keyword: its message names the one real type instead of every branch. */
function nullable(schema: JsonSchema): JsonSchema {
  return { ...schema, nullable: true }
}

function integer(minimum: number, maximum?: number): JsonSchema {
  return { type: 'integer', minimum, ...(maximum === undefined ? {} : { maximum }) }
}

/** Some 5 MB at 500 bytes an entry: more clients than one gateway process sees within a TTL of seconds. */
export const defaultCacheEntries = 10_000
/** jose's defaults, spelled out: how long keys are trusted, how often unknown key ids may ask the issuer. */
export const defaultKeySetMaxAgeMs = 600_000
export const defaultKeySetCooldownMs = 30_000
const text: JsonSchema = { type: 'string', minLength: 1 }
const httpsUrl: JsonSchema = { type: 'string', pattern: '^https://' }
const algorithm = oneOf('ES256', 'ES384', 'RS256', 'PS256', 'EdDSA', 'HS256')
