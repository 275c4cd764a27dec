import { parseServerConfig } from './config-schema.ts'
import { createClientCertificateGuard } from './guards/client-certificate.ts'
import { tenant } from './guards/tenant.ts'
import { createPayments } from './payments.ts'
import { required, runProgram } from './process.ts'
import { withReload } from './reload.ts'
import { tlsOptions } from './trust.ts'

// Mutual TLS: the caller is who its certificate names (RFC 8446 section 4.3.2).
await runProgram({
  parse: parseServerConfig,
  create: async (config, telemetry) => {
    const tls = required('tls', config.tls)
    const clients = required('clients', config.clients)
    const certificate = createClientCertificateGuard(clients)
    const service = await createPayments({
      telemetry,
      tls: tlsOptions(tls, clients),
      guards: [certificate.guard, tenant],
      payments: config,
    })
    return withReload(service, {
      tls,
      clients,
      drainMs: config.drainMs,
      takeClients: certificate.reload,
    })
  },
})
