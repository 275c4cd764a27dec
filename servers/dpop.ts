import { parseServerConfig } from './config-schema.ts'
import { createDpopGuard } from './guards/dpop.ts'
import { createScopeGuard } from './guards/scope.ts'
import { tenant } from './guards/tenant.ts'
import { createPayments } from './payments.ts'
import { required, runProgram } from './process.ts'
import { tlsOptions } from './trust.ts'

// JWT access tokens bound to a key of the client, which proves it at every request (RFC 9449).
await runProgram({
  parse: parseServerConfig,
  create: async (config, telemetry) => {
    const tls = tlsOptions(required('tls', config.tls), null)
    const issuer = required('issuer', config.issuer)
    const dpop = await createDpopGuard(issuer, config.host, telemetry)
    const guards = [dpop, createScopeGuard('DPoP'), tenant]
    return createPayments({ telemetry, tls, guards, payments: config })
  },
})
