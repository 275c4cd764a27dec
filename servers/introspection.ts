import { parseServerConfig } from './config-schema.ts'
import { bearerOnly } from './guards/certificate-binding.ts'
import { createIntrospectionGuard } from './guards/introspection.ts'
import { scope } from './guards/scope.ts'
import { tenant } from './guards/tenant.ts'
import { createPayments } from './payments.ts'
import { required, runProgram } from './process.ts'
import { tlsOptions } from './trust.ts'

// Opaque access tokens: the issuer is asked about each of them (RFC 7662).
await runProgram({
  parse: parseServerConfig,
  create: (config, telemetry) => {
    const tls = tlsOptions(required('tls', config.tls), null)
    const bearer = createIntrospectionGuard(required('issuer', config.issuer), telemetry)
    const guards = [bearer, bearerOnly, scope, tenant]
    return createPayments({ telemetry, tls, guards, payments: config })
  },
})
