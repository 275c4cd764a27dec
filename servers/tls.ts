import { parseServerConfig } from './config-schema.ts'
import { createPayments } from './payments.ts'
import { required, runProgram } from './process.ts'
import { tlsOptions } from './trust.ts'

// The baseline: an authenticated server, an anonymous caller.
await runProgram({
  parse: parseServerConfig,
  create: (config, telemetry) => {
    const tls = tlsOptions(required('tls', config.tls), null)
    return createPayments({ telemetry, tls, guards: [], payments: config })
  },
})
