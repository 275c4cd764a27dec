import { parseServerConfig } from './config-schema.ts'
import type { ClientTrust } from './config.ts'
import { createClientCertificateGuard } from './guards/client-certificate.ts'
import { tenant } from './guards/tenant.ts'
import { createPayments } from './payments.ts'
import { required, runProgram } from './process.ts'
import { reloadTrust, tlsOptions } from './trust.ts'

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
    const reload = (changed: ClientTrust): void => {
      certificate.reload(changed)
      reloadTrust(service.server, tlsOptions(tls, changed))
    }
    return { ...service, reload }
  },
})
