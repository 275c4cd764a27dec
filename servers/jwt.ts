import { parseServerConfig } from './config-schema.ts'
import { createBearerJwtGuard } from './guards/bearer-jwt.ts'
import { bearerOnly } from './guards/certificate-binding.ts'
import { scope } from './guards/scope.ts'
import { tenant } from './guards/tenant.ts'
import { createPayments } from './payments.ts'
import { required, runProgram } from './process.ts'
import { tlsOptions } from './trust.ts'

// JWT access tokens, validated locally (RFC 9068).
await runProgram({
  parse: parseServerConfig,
  create: async (config, telemetry) => {
    const tls = tlsOptions(required('tls', config.tls), null)
    const bearer = await createBearerJwtGuard(required('issuer', config.issuer), telemetry)
    const guards = [bearer, bearerOnly, scope, tenant]
    return createPayments({ telemetry, tls, guards, payments: config })
  },
})
