import { parseServerConfig } from './config-schema.ts'
import { createClientCertificateGuard } from './guards/client-certificate.ts'
import { createSanAuthorization } from './guards/san-authorization.ts'
import { tenant } from './guards/tenant.ts'
import { createPayments } from './payments.ts'
import { required, runProgram } from './process.ts'
import { withReload } from './reload.ts'
import { tlsOptions } from './trust.ts'

// Mutual TLS without a list of callers: what a workload may do follows from its name (SPIFFE X.509-SVID).
await runProgram({
  parse: parseServerConfig,
  create: async (config, telemetry) => {
    const tls = required('tls', config.tls)
    const clients = required('clients', config.clients)
    const certificate = createClientCertificateGuard(clients)
    const rights = createSanAuthorization(required('clients.bySan', clients.bySan))
    const service = await createPayments({
      telemetry,
      tls: tlsOptions(tls, clients),
      guards: [certificate.guard, rights, tenant],
      payments: config,
    })
    return withReload(service, {
      tls,
      clients,
      drainMs: config.drainMs,
      // The names that count are fixed at the start; trust in who may give them is not.
      takeClients: (changed, recheck) => {
        certificate.reload({ ...changed, bySan: clients.bySan }, recheck)
      },
    })
  },
})
