import { parseServerConfig } from './config-schema.ts'
import type { ClientTrust, ServerConfig } from './config.ts'
import { certificateBinding } from './guards/certificate-binding.ts'
import { createClientCertificateGuard } from './guards/client-certificate.ts'
import type { Guard } from './guards/guard.ts'
import { scope } from './guards/scope.ts'
import { tenant } from './guards/tenant.ts'
import { createPayments } from './payments.ts'
import { required, runProgram, StartError } from './process.ts'
import type { Telemetry } from './telemetry.ts'
import { reloadTrust, tlsOptions } from './trust.ts'

// Mutual TLS and an access token bound to that very certificate (RFC 8705).
await runProgram({
  parse: parseServerConfig,
  create: async (config, telemetry) => {
    const tls = required('tls', config.tls)
    const clients = required('clients', config.clients)
    const certificate = createClientCertificateGuard(clients)
    const bearer = await createTokenGuard(config, telemetry)
    const service = await createPayments({
      telemetry,
      tls: tlsOptions(tls, clients),
      guards: [certificate.guard, bearer, certificateBinding, scope, tenant],
      payments: config,
    })
    const reload = (changed: ClientTrust): void => {
      certificate.reload(changed)
      reloadTrust(service.server, tlsOptions(tls, changed))
    }
    return { ...service, reload }
  },
})

/** Imports only the guard that is used: a process holds only what is measured. */
async function createTokenGuard(config: ServerConfig, telemetry: Telemetry): Promise<Guard> {
  const issuer = required('issuer', config.issuer)
  switch (config.token) {
    case 'jwt':
      return (await import('./guards/bearer-jwt.ts')).createBearerJwtGuard(issuer, telemetry)
    case 'opaque':
      return (await import('./guards/introspection.ts')).createIntrospectionGuard(issuer, telemetry)
    case 'none':
      throw new StartError('configuration refused: token is none, this server takes jwt or opaque')
  }
}
