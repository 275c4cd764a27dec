import { parseServerConfig } from './config-schema.ts'
import type { ServerSnapshot } from './gateways/messages.ts'
import { residentBytes } from './gateways/process-tree.ts'
import { runSupervisor } from './gateways/run-supervisor.ts'
import { supervise } from './gateways/supervise.ts'
import type { Supervised } from './gateways/supervise.ts'
import { required } from './process.ts'

// A product in the place of a reference server. This process only starts it, asks it for its counts and stops
// it: it does nothing while requests are answered, and its own CPU is in no figure.
await runSupervisor({
  parse: parseServerConfig,
  start: async (config, configFile) => {
    const product = await supervise(config, required('gateway', config.gateway), configFile)
    return { ...product, snapshot: () => snapshotOf(product) }
  },
})

/** What a product tells, in the words of the reference servers; what only those know is null. */
async function snapshotOf({ counts, pid, counters }: Supervised): Promise<ServerSnapshot> {
  const told = await counts()
  return {
    ...told,
    // The payment is the one thing that is answered with success, here or by the next hop.
    handlerCalls: told.responses['200'] ?? 0,
    rssBytes: residentBytes(pid) ?? 0,
    cpuUs: null,
    eventLoopActiveUs: null,
    eventLoopIdleUs: null,
    gcUs: null,
    heapUsedBytes: null,
    counters: counters(),
  }
}
