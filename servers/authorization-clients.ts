import { createHash, timingSafeEqual } from 'node:crypto'
import type { ClientMetadata, Provider } from 'oidc-provider'
import { readJwks } from './authorization-keys.ts'
import type { AuthorizationConfig, RegisteredClient } from './config.ts'
import { readConfigured, StartError } from './process.ts'

/**
 * Registers clients and introspectors in the terms of RFC 7591: no client has any grant but client
 * credentials, an introspector has none. Throws a StartError when a credential is missing.
 */
export function registerClients(config: AuthorizationConfig): ClientMetadata[] {
  const clients = config.clients.map((client) => ({
    ...common(client.clientId, ['client_credentials']),
    ...credentialsOf(client),
    scope: client.scope,
    tls_client_certificate_bound_access_tokens: client.boundTokens,
    ...(client.proofBoundTokens ? { dpop_bound_access_tokens: true } : {}),
  }))
  const introspectors = config.introspectors.map(({ clientId, secretFile }) => ({
    ...common(clientId, []),
    ...secretOf(clientId, secretFile),
  }))
  return assertUnique([...clients, ...introspectors])
}

/**
 * Lets clients authenticate by the secret before theirs, too, where one is told: else every client that has
 * not yet heard of a new secret is refused from the moment it is set.
 */
export function acceptPreviousSecrets(
  { Client }: Provider,
  clients: readonly RegisteredClient[],
): void {
  const previous = new Map(
    clients.flatMap(({ clientId, previousSecretFile }) =>
      previousSecretFile === null
        ? []
        : [[clientId, digestOf(readSecret(clientId, previousSecretFile))] as const],
    ),
  )
  if (previous.size === 0) return
  // eslint-disable-next-line @typescript-eslint/unbound-method -- called on its own client below
  const { compareClientSecret } = Client.prototype
  Client.prototype.compareClientSecret = async function (actual) {
    if (await compareClientSecret.call(this, actual)) return true
    const digest = previous.get(this.clientId)
    return digest !== undefined && timingSafeEqual(digest, digestOf(actual))
  }
}

/** Of equal length whatever the secret's: comparing tells nothing about either. */
function digestOf(secret: string): Buffer {
  return createHash('sha256').update(secret).digest()
}

function common(clientId: string, grantTypes: string[]) {
  return { client_id: clientId, grant_types: grantTypes, redirect_uris: [], response_types: [] }
}

function credentialsOf(client: RegisteredClient) {
  const { clientId, secretFile, jwksFile, sanUri } = client
  switch (client.authentication) {
    case 'client_secret_basic':
      return secretOf(clientId, required(clientId, 'secretFile', secretFile))
    case 'private_key_jwt':
      return {
        token_endpoint_auth_method: 'private_key_jwt' as const,
        jwks: readJwks(`jwksFile of ${clientId}`, required(clientId, 'jwksFile', jwksFile)),
      }
    case 'tls_client_auth':
      return {
        token_endpoint_auth_method: 'tls_client_auth' as const,
        tls_client_auth_san_uri: required(clientId, 'sanUri', sanUri),
      }
  }
}

function secretOf(clientId: string, secretFile: string) {
  return {
    token_endpoint_auth_method: 'client_secret_basic' as const,
    client_secret: readSecret(clientId, secretFile),
  }
}

function readSecret(clientId: string, file: string): string {
  const secret = readConfigured(`secretFile of ${clientId}`, file).toString('utf8').trim()
  if (secret === '') throw new StartError(`secretFile ${file} of ${clientId} is empty`)
  return secret
}

function required(clientId: string, setting: string, value: string | null): string {
  if (value !== null) return value
  throw new StartError(`client ${clientId} has no ${setting}: its authentication needs one`)
}

function assertUnique(clients: ClientMetadata[]): ClientMetadata[] {
  const seen = new Set<string>()
  for (const { client_id: id } of clients) {
    if (seen.has(id)) throw new StartError(`client ${id} is registered twice: remove one`)
    seen.add(id)
  }
  return clients
}
