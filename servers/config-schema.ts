import { Ajv } from 'ajv'
import type { ValidateFunction } from 'ajv'
import type {
  AuthorizationConfig,
  ClientTrust,
  IssuerConfig,
  RegisteredClient,
  ServerConfig,
  TlsConfig,
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
  })
  const issuer = record<IssuerConfig>({
    issuer: httpsUrl,
    jwksUri: httpsUrl,
    introspectionEndpoint: httpsUrl,
    caFile: text,
    audience: text,
    algorithms: { type: 'array', items: algorithm, minItems: 1, uniqueItems: true },
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
    jwksFile: nullable(text),
    sanUri: nullable(text),
    boundTokens: { type: 'boolean' },
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
    audience: text,
    clients: { type: 'array', items: client },
    introspectors: { type: 'array', items: introspector },
    databaseFile: text,
    accessTokenTtlSeconds: integer(1),
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
  return new Ajv({ allErrors: true, meta: false, validateSchema: false })
}

/** An object with all properties of a type and no others. */
function record<Type>(properties: Record<keyof Type, JsonSchema>): JsonSchema {
  return {
    type: 'object',
    properties,
    required: Object.keys(properties),
    additionalProperties: false,
  }
}

function tls(): JsonSchema {
  return record<TlsConfig>({
    version: oneOf('1.2', '1.3'),
    certificateFile: text,
    keyFile: text,
    ticketSecretFile: text,
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

const text: JsonSchema = { type: 'string', minLength: 1 }
const httpsUrl: JsonSchema = { type: 'string', pattern: '^https://' }
const algorithm = oneOf('ES256', 'ES384', 'RS256', 'PS256', 'EdDSA')
