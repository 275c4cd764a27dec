import { parseServerConfig } from './config-schema.ts'
import { createPayments } from './payments.ts'
import { required, runProgram } from './process.ts'
import { withReload } from './reload.ts'
import { tlsOptions } from './trust.ts'

// The baseline: an authenticated server, an anonymous caller.
await runProgram({
  parse: parseServerConfig,
  create: async (config, telemetry) => {
    const tls = required('tls', config.tls)
    const service = await createPayments({
      telemetry,
      tls: tlsOptions(tls, null),
      guards: [],
      payments: config,
    })
    return withReload(service, { tls, clients: null })
  },
})
