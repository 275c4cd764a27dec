import type { EventEmitter } from 'node:events'
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import type { errors, KoaContextWithOIDC, Provider } from 'oidc-provider'
import { logLine } from './telemetry.ts'
import type { Telemetry } from './telemetry.ts'

/** Paths of the endpoints, as the discovery document lists them. */
export const endpoints = {
  token: '/token',
  introspection: '/token/introspection',
  revocation: '/token/revocation',
  jwks: '/jwks',
  openidDiscovery: '/.well-known/openid-configuration',
  oauthDiscovery: '/.well-known/oauth-authorization-server',
} as const

/** The provider as a request listener: its endpoints only, counted, its refusals logged. */
export function createRequestListener(provider: Provider, telemetry: Telemetry): RequestListener {
  countTokens(provider, telemetry)
  logRefusals(provider, telemetry)
  const handle = provider.callback()
  const { host } = new URL(provider.issuer)
  return (request, response) => {
    const path = pathOf(request)
    if (!paths.has(path)) {
      refuse(response, 404, 'not_found')
    } else if (path === endpoints.introspection && !hasBasicCredentials(request)) {
      // RFC 7662 section 2.3 wants 401; oidc-provider answers 400 where no credentials are presented.
      telemetry.refused('invalid_client: introspection without client_secret_basic', 401)
      response.setHeader('WWW-Authenticate', `Basic realm="${provider.issuer}"`)
      refuse(response, 401, 'invalid_client')
    } else {
      if (path === endpoints.introspection) response.on('finish', countIntrospection)
      if (path === endpoints.jwks) response.on('finish', countJwksFetch)
      // oidc-provider builds endpoint URLs from the Host header, which is the client's to write.
      request.headers.host = host
      void handle(request, response)
    }
  }

  function countIntrospection(this: ServerResponse): void {
    if (this.statusCode === 200) telemetry.count('introspections')
  }

  function countJwksFetch(this: ServerResponse): void {
    if (this.statusCode === 200) telemetry.count('jwksFetches')
  }
}

function countTokens(provider: Provider, telemetry: Telemetry): void {
  const issued = (): void => {
    telemetry.handlerCalled()
    telemetry.count('tokensIssued')
  }
  // A JWT is `issued`, an opaque token is `saved` too.
  provider.on('client_credentials.issued', issued)
  provider.on('client_credentials.saved', issued)
  provider.on('client_credentials.destroyed', () => {
    telemetry.count('revocations')
  })
}

function logRefusals(provider: Provider, telemetry: Telemetry): void {
  const refused = (_ctx: KoaContextWithOIDC, error: errors.OIDCProviderError): void => {
    const { error: code, error_detail: detail, status } = error
    telemetry.refused(detail === undefined ? code : `${code}: ${detail}`, status)
  }
  provider.on('grant.error', refused)
  provider.on('introspection.error', refused)
  provider.on('revocation.error', refused)
  const failed = (error: Error): void => {
    logLine(JSON.stringify({ event: 'failed', error: error.name, message: error.message }))
  }
  provider.on('server_error', (_ctx: KoaContextWithOIDC, error: Error) => {
    failed(error)
  })
  // Koa prints a stack trace where nobody listens, of a client that went away for example.
  const emitter: EventEmitter = provider
  emitter.on('error', failed)
}

/** An absolute request target would go around the fixed Host header, so it is no path here. */
function pathOf({ url = '' }: IncomingMessage): string {
  const query = url.indexOf('?')
  return query === -1 ? url : url.slice(0, query)
}

function hasBasicCredentials({ headers }: IncomingMessage): boolean {
  return /^basic /i.test(headers.authorization ?? '')
}

function refuse(response: ServerResponse, status: number, error: string): void {
  response.writeHead(status, { 'Content-Type': 'application/json; charset=utf-8' })
  response.end(JSON.stringify({ error }))
}

const paths: ReadonlySet<string> = new Set(Object.values(endpoints))
