import { parseServerConfig } from './config-schema.ts'
import { bearerOnly } from './guards/certificate-binding.ts'
import { createIntrospectionGuard } from './guards/introspection.ts'
import { createRevokedTokens } from './guards/revoked-tokens.ts'
import { scope } from './guards/scope.ts'
import { tenant } from './guards/tenant.ts'
import { createPayments } from './payments.ts'
import { required, runProgram } from './process.ts'
import { withReload } from './reload.ts'
import { tlsOptions } from './trust.ts'

// Opaque access tokens: the issuer is asked about each of them (RFC 7662).
await runProgram({
  parse: parseServerConfig,
  create: async (config, telemetry) => {
    const tls = required('tls', config.tls)
    const revoked = createRevokedTokens()
    const issuer = required('issuer', config.issuer)
    const service = await createPayments({
      telemetry,
      tls: tlsOptions(tls, null),
      guards: [createIntrospectionGuard(issuer, telemetry, revoked), bearerOnly, scope, tenant],
      payments: config,
    })
    return withReload(service, { tls, clients: null, takeRevokedTokens: revoked.replace })
  },
})
