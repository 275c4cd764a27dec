import { parseServerConfig } from './config-schema.ts'
import { createDpopGuard } from './guards/dpop.ts'
import { createRevokedTokens } from './guards/revoked-tokens.ts'
import { createScopeGuard } from './guards/scope.ts'
import { tenant } from './guards/tenant.ts'
import { createPayments } from './payments.ts'
import { required, runProgram } from './process.ts'
import { withReload } from './reload.ts'
import { tlsOptions } from './trust.ts'

// JWT access tokens bound to a key of the client, which proves it at every request (RFC 9449).
await runProgram({
  parse: parseServerConfig,
  create: async (config, telemetry) => {
    const tls = required('tls', config.tls)
    const issuer = required('issuer', config.issuer)
    const revoked = createRevokedTokens()
    const dpop = await createDpopGuard(issuer, config.host, telemetry, revoked)
    const service = await createPayments({
      telemetry,
      tls: tlsOptions(tls, null),
      guards: [dpop, createScopeGuard('DPoP'), tenant],
      payments: config,
    })
    return withReload(service, { tls, clients: null, takeRevokedTokens: revoked.replace })
  },
})
