import { parseServerConfig } from './config-schema.ts'
import { createPayments } from './payments.ts'
import { runProgram } from './process.ts'

// The floor: the payments API without TLS and without a caller.
await runProgram({
  parse: parseServerConfig,
  create: (config, telemetry) =>
    createPayments({ telemetry, tls: null, guards: [], payments: config }),
})
