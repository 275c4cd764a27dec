import { parseServerConfig } from './config-schema.ts'
import { createBearerJwtGuard } from './guards/bearer-jwt.ts'
import { bearerOnly } from './guards/certificate-binding.ts'
import { createClientCertificateGuard } from './guards/client-certificate.ts'
import { createPeerGuard } from './guards/peer.ts'
import { createRevokedTokens } from './guards/revoked-tokens.ts'
import { scope } from './guards/scope.ts'
import { tenant } from './guards/tenant.ts'
import { required, runProgram } from './process.ts'
import { createProxy } from './proxy.ts'
import { withReload } from './reload.ts'
import { tlsOptions } from './trust.ts'

// A sidecar behind a gateway: it lets in that gateway alone, and checks the client's token once more.
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
      guards: [createPeerGuard(certificate.guard), bearer, bearerOnly, scope, tenant],
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
