import { parseServerConfig } from './config-schema.ts'
import { createBearerJwtGuard } from './guards/bearer-jwt.ts'
import { bearerOnly } from './guards/certificate-binding.ts'
import { createRevokedTokens } from './guards/revoked-tokens.ts'
import { scope } from './guards/scope.ts'
import { tenant } from './guards/tenant.ts'
import { required, runProgram } from './process.ts'
import { createProxy } from './proxy.ts'
import { withReload } from './reload.ts'
import { tlsOptions } from './trust.ts'

// A gateway that knows clients by token, and enters the mesh by its own certificate with that token.
await runProgram({
  parse: parseServerConfig,
  create: async (config, telemetry) => {
    const tls = required('tls', config.tls)
    const issuer = required('issuer', config.issuer)
    const revoked = createRevokedTokens()
    const service = await createProxy({
      telemetry,
      tls: tlsOptions(tls, null),
      guards: [await createBearerJwtGuard(issuer, telemetry, revoked), bearerOnly, scope, tenant],
      upstream: required('upstream', config.upstream),
      brings: 'forwarded',
      spans: config.spans,
    })
    return withReload(service, { tls, clients: null, takeRevokedTokens: revoked.replace })
  },
})
