import { parseServerConfig } from './config-schema.ts'
import { createBearerJwtGuard } from './guards/bearer-jwt.ts'
import { bearerOnly } from './guards/certificate-binding.ts'
import { createClientCertificateGuard } from './guards/client-certificate.ts'
import { scope } from './guards/scope.ts'
import { tenant } from './guards/tenant.ts'
import { createPartnerApi } from './partner-api.ts'
import { required, runProgram } from './process.ts'
import { withReload } from './reload.ts'
import { tlsOptions } from './trust.ts'

// One API, many partners: each comes by its own token or by its own certificate.
await runProgram({
  parse: parseServerConfig,
  create: async (config, telemetry) => {
    const tls = required('tls', config.tls)
    const partners = required('partners', config.partners)
    const { clients, drainMs } = config
    const shared = { telemetry, tls: tlsOptions(tls, clients), payments: config }
    if (clients === null) {
      const bearer = await createBearerJwtGuard(required('issuer', config.issuer), telemetry)
      const guards = [bearer, bearerOnly, scope, tenant]
      return withReload(await createPartnerApi({ ...shared, guards }, partners), { tls, clients })
    }
    const certificate = createClientCertificateGuard(clients)
    const guards = [certificate.guard, tenant]
    return withReload(await createPartnerApi({ ...shared, guards }, partners), {
      tls,
      clients,
      drainMs,
      takeClients: certificate.reload,
    })
  },
})
