import { parseServerConfig } from './config-schema.ts'
import { createBearerJwtGuard } from './guards/bearer-jwt.ts'
import { bearerOnly } from './guards/certificate-binding.ts'
import { createRevokedTokens } from './guards/revoked-tokens.ts'
import { scope } from './guards/scope.ts'
import { tenant } from './guards/tenant.ts'
import { createPayments } from './payments.ts'
import { required, runProgram } from './process.ts'
import { withReload } from './reload.ts'
import { tlsOptions } from './trust.ts'

// JWT access tokens, validated locally (RFC 9068).
await runProgram({
  parse: parseServerConfig,
  create: async (config, telemetry) => {
    const tls = required('tls', config.tls)
    const revoked = createRevokedTokens()
    const issuer = required('issuer', config.issuer)
    const service = await createPayments({
      telemetry,
      tls: tlsOptions(tls, null),
      guards: [await createBearerJwtGuard(issuer, telemetry, revoked), bearerOnly, scope, tenant],
      payments: config,
    })
    return withReload(service, { tls, clients: null, takeRevokedTokens: revoked.replace })
  },
})
