import { parseServerConfig } from './config-schema.ts'
import { createClientCertificateGuard } from './guards/client-certificate.ts'
import { tenant } from './guards/tenant.ts'
import { createTokenFetch } from './own-token-fetch.ts'
import { createOwnTokens } from './own-tokens.ts'
import { required, runProgram } from './process.ts'
import { createProxy } from './proxy.ts'
import { withReload } from './reload.ts'
import { tlsOptions } from './trust.ts'

// A gateway that ends mutual TLS: it knows clients by certificate, and calls the service with a token of its own.
await runProgram({
  parse: parseServerConfig,
  create: async (config, telemetry) => {
    const tls = required('tls', config.tls)
    const clients = required('clients', config.clients)
    const upstream = required('upstream', config.upstream)
    const { clientIds } = required('upstream.ownTokens', upstream.ownTokens)
    const certificate = createClientCertificateGuard(clients)
    const fetch = createTokenFetch(upstream)
    const tokens = createOwnTokens({ orgIds: Object.keys(clientIds), fetch, telemetry })
    await tokens.load()
    const service = await createProxy({
      telemetry,
      tls: tlsOptions(tls, clients),
      guards: [certificate.guard, tenant],
      upstream,
      brings: tokens.of,
      spans: config.spans,
    })
    const { drainMs } = config
    return withReload(service, { tls, clients, drainMs, takeClients: certificate.reload })
  },
})
