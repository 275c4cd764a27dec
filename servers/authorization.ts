import { randomBytes } from 'node:crypto'
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { Server } from 'node:https'
import type { TlsOptions } from 'node:tls'
import type { Configuration } from 'oidc-provider'
import { Provider } from 'oidc-provider/lib/provider.js'
import { createClientCertificates } from './authorization-certificates.ts'
import { acceptPreviousSecrets } from './authorization-clients.ts'
import { createRequestListener } from './authorization-endpoints.ts'
import { readSigningKeys } from './authorization-keys.ts'
import { providerConfiguration } from './authorization-provider.ts'
import { openTokenStore } from './authorization-store.ts'
import { parseAuthorizationConfig } from './config-schema.ts'
import type { AuthorizationConfig, TlsConfig } from './config.ts'
import { httpLimits, runProgram, StartError } from './process.ts'
import type { Service } from './process.ts'
import type { Telemetry } from './telemetry.ts'
import { reloadTrust, tlsOptions } from './trust.ts'
import type { TrustedClients } from './trust.ts'

// The authorization server: oidc-provider over TLS, its tokens in SQLite.
await runProgram({ parse: parseAuthorizationConfig, create: createAuthorization })

async function createAuthorization(
  config: AuthorizationConfig,
  telemetry: Telemetry,
): Promise<Service> {
  let trusted: TrustedClients = { caFile: config.clientCaFile, crlFile: config.clientCrlFile }
  let { tls } = config
  const server = createServer({ ...httpLimits, ...optionalCertificates(tls, trusted) })
  const certificates = createClientCertificates(server)
  const configure = (changed: AuthorizationConfig): Promise<Configuration> => {
    const jwks = readSigningKeys(changed)
    return usable(providerConfiguration({ config: changed, jwks, store, certificates, telemetry }))
  }
  const listener = (changed: AuthorizationConfig, configuration: Configuration) => {
    const provider = new Provider(issuerOf(server, config.host), configuration)
    acceptPreviousSecrets(provider, changed.clients)
    return delayed(createRequestListener(provider, telemetry), config.latencyMs)
  }
  const store = await openTokenStore(config)
  const first = await configure(config)
  let handle: RequestListener
  // The port is part of the issuer identifier, and not known before where the configuration says 0.
  server.once('listening', () => {
    handle = listener(config, first)
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      handle(request, response)
    })
  })
  return {
    server,
    scheme: 'https',
    reload: async (changes) => {
      if (changes.revokedTokens !== undefined)
        throw new Error('reload: an authorization server is asked to revoke tokens by RFC 7009')
      if (changes.registry !== undefined) {
        // A second provider of the same issuer and store: oidc-provider keeps its keys and clients for
        // life. Requests under way end with the first.
        const changed = { ...config, ...changes.registry }
        handle = listener(changed, await configure(changed))
      }
      if (changes.tls === undefined && changes.clients === undefined) return
      const options = optionalCertificates(changes.tls ?? tls, changes.clients ?? trusted)
      certificates.forget()
      reloadTrust(server, options)
      tls = changes.tls ?? tls
      trusted = changes.clients ?? trusted
      // Who is waiting on a connection checked before makes a new one instead of being refused.
      server.closeIdleConnections()
    },
    close: store.close,
  }
}

/** A listener that is called so much later: time in which neither side works. */
function delayed(listener: RequestListener, latencyMs: number): RequestListener {
  if (latencyMs === 0) return listener
  return (request, response) => {
    setTimeout(() => {
      listener(request, response)
    }, latencyMs)
  }
}

/** Asks for a certificate but does without: clients with a secret or an assertion have none. */
function optionalCertificates(tls: TlsConfig, trusted: TrustedClients): TlsOptions {
  return {
    ...tlsOptions(tls, trusted),
    rejectUnauthorized: false,
    // Not the derived keys: this listener gives tickets to clients without a good certificate, and with the
    // keys of a mutual TLS listener of the same trust such a ticket would get them in there.
    ticketKeys: randomBytes(48),
    sessionIdContext: 'trustbench authorization',
  }
}

/** oidc-provider checks a client at its first use: use each once, so that a bad one stops the start. */
async function usable(configuration: Configuration): Promise<Configuration> {
  const provider = new Provider('https://127.0.0.1', configuration)
  for (const { client_id: id } of configuration.clients ?? []) {
    try {
      await provider.Client.find(id)
    } catch (error) {
      throw new StartError(`client ${id}: ${descriptionOf(error)}`, { cause: error })
    }
  }
  return configuration
}

function descriptionOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return 'error_description' in error ? String(error.error_description) : error.message
}

function issuerOf(server: Server, host: string): string {
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('not listening on TCP')
  return `https://${host.includes(':') ? `[${host}]` : host}:${address.port}`
}
