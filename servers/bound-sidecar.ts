import { parseServerConfig } from './config-schema.ts'
import { createBearerJwtGuard } from './guards/bearer-jwt.ts'
import { certificateBinding } from './guards/certificate-binding.ts'
import { createClientCertificateGuard } from './guards/client-certificate.ts'
import { createRevokedTokens } from './guards/revoked-tokens.ts'
import { scope } from './guards/scope.ts'
import { tenant } from './guards/tenant.ts'
import { required, runProgram } from './process.ts'
import { createProxy } from './proxy.ts'
import { withReload } from './reload.ts'
import { tlsOptions } from './trust.ts'

// A sidecar that other services call: by certificate, with a token that is bound to it (RFC 8705).
await runProgram({
  parse: parseServerConfig,
  create: async (config, telemetry) => {
    const tls = required('tls', config.tls)
    const clients = required('clients', config.clients)
    const issuer = required('issuer', config.issuer)
    const certificate = createClientCertificateGuard(clients)
    const revoked = createRevokedTokens()
    const bearer = await createBearerJwtGuard(issuer, telemetry, revoked)
    const service = await createProxy({
      telemetry,
      tls: tlsOptions(tls, clients),
      guards: [certificate.guard, bearer, certificateBinding, scope, tenant],
      upstream: required('upstream', config.upstream),
      brings: 'nothing',
      spans: config.spans,
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
