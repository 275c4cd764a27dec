import { parseServerConfig } from './config-schema.ts'
import type { ServerConfig } from './config.ts'
import { certificateBinding } from './guards/certificate-binding.ts'
import { createClientCertificateGuard } from './guards/client-certificate.ts'
import type { Guard } from './guards/guard.ts'
import { createRevokedTokens, type RevokedTokens } from './guards/revoked-tokens.ts'
import { scope } from './guards/scope.ts'
import { tenant } from './guards/tenant.ts'
import { createPayments } from './payments.ts'
import { required, runProgram, StartError } from './process.ts'
import type { Telemetry } from './telemetry.ts'
import { withReload } from './reload.ts'
import { tlsOptions } from './trust.ts'

// Mutual TLS and an access token bound to that very certificate (RFC 8705).
await runProgram({
  parse: parseServerConfig,
  create: async (config, telemetry) => {
    const tls = required('tls', config.tls)
    const clients = required('clients', config.clients)
    const certificate = createClientCertificateGuard(clients)
    const revoked = createRevokedTokens()
    const bearer = await createTokenGuard(config, telemetry, revoked)
    const service = await createPayments({
      telemetry,
      tls: tlsOptions(tls, clients),
      guards: [certificate.guard, bearer, certificateBinding, scope, tenant],
      payments: config,
    })
    return withReload(service, {
      tls,
      clients,
      drainMs: config.drainMs,
      takeClients: certificate.reload,
      takeRevokedTokens: revoked.replace,
    })
  },
})

/** Imports only the guard that is used: a process holds only what is measured. */
async function createTokenGuard(
  config: ServerConfig,
  telemetry: Telemetry,
  revoked: RevokedTokens,
): Promise<Guard> {
  const issuer = required('issuer', config.issuer)
  switch (config.token) {
    case 'jwt':
      return (await import('./guards/bearer-jwt.ts')).createBearerJwtGuard(
        issuer,
        telemetry,
        revoked,
      )
    case 'opaque':
      return (await import('./guards/introspection.ts')).createIntrospectionGuard(
        issuer,
        telemetry,
        revoked,
      )
    case 'none':
      throw new StartError('configuration refused: token is none, this server takes jwt or opaque')
  }
}
