import { resolveDemand } from '../demand/resolve.ts'
import type { Demand, DemandInput } from '../demand.ts'
import { createHistogram, encodeHistogram, recordAll } from '../load/histogram.ts'
import type { Run, Window } from '../results.ts'
import type { ValidationCell } from '../validations.ts'
import { gatherFit, type Fit } from './capacity-gather.ts'
import type { FactsOf } from './capacity-needs.ts'
import type { Use } from './churn.ts'
import { churnBlocks } from './churn-testdata.ts'
import { idOf, syntheticRun, type SyntheticArm, type SyntheticRun } from './testdata.ts'

// Demands and runs of which the size is known by hand.

/** Facts of the scenarios of synthetic runs. */
export const facts: FactsOf = (scenario, { token: form }) => ({
  defaults: {
    connections: '8',
    ...(scenario === 'introspection' ? { introspectionCache: 'off', hitRatio: '' } : {}),
  },
  token:
    scenario === 'introspection' || form === 'opaque'
      ? 'opaque'
      : scenario === 'jwt' || scenario === 'combined'
        ? 'jwt'
        : 'none',
  tls: scenario !== 'http',
})

/** A demand of one mechanism, 20,000 requests/s at peak; changes say more. */
export function demandOf(changes: DemandInput = {}): Demand {
  return resolveDemand({ mechanisms: [{ scenario: 'combined' }], rate: 20_000, ...changes })
}

/** A closed run of arms with these costs, small enough to make hundreds of. */
export function closedRun(arms: readonly SyntheticArm[], options: Partial<SyntheticRun> = {}): Run {
  return syntheticRun({ arms, rounds: 2, requests: 60, saturationRequests: 0, ...options })
}

/** A run with new connections of the same arms: what a connection costs is told by policy. */
export function connectionRun(
  costs: readonly {
    readonly scenario: string
    readonly requestUs: number
    readonly fullUs: number
  }[],
): Run {
  const arms = costs.map(({ scenario }) => ({ scenario, cpuUs: 1 }))
  const uses: Use[] = [
    { policy: 'full', requestsPerConnection: 1 },
    { policy: 'resumed', requestsPerConnection: 1 },
    { policy: 'keep-alive', requestsPerConnection: null },
  ]
  const blocks = churnBlocks(
    costs.map(({ scenario, requestUs, fullUs }) => ({
      arm: idOf({ scenario }),
      requestUs,
      connectionUs: fullUs,
    })),
    uses,
    { blocks: 8 },
  )
  return { ...syntheticRun({ arms, blocks: 0 }), runId: 'churn-1', blocks }
}

/** What a demand needs out of runs; throws where something is missing. */
export function fitOf(demand: Demand, runs: readonly Run[]): Fit {
  const { fit, missing } = gatherFit(demand, runs, facts)
  if (fit === null) throw new Error(`missing: ${JSON.stringify(missing)}`)
  return fit
}

/** The same as if sessions did not differ: what is left is the blocks. */
export function withoutSessions(fit: Fit): Fit {
  return { ...fit, sessionSd: { sd: 0, basis: 'left out' } }
}

/** A window of offered load in which a request took so much server CPU, in µs, and 300 µs from its intended send. */
export function windowOf(
  load: ValidationCell['loads'][number],
  cpuUs: number,
  changes: Partial<Window> = {},
): Window {
  const requests = 2_000
  const histogram = (us: number) => {
    const made = createHistogram()
    recordAll(made, new Float64Array(requests).fill(us))
    return encodeHistogram(made)
  }
  const wallUs = (requests / load.ratePerSecond) * 1e6
  return {
    arm: load.case,
    plan: {
      ratePerSecond: load.ratePerSecond,
      arrivals: 'poisson',
      durationMs: wallUs / 1_000,
      seed: 1,
      connections: 8,
      maxConnections: 64,
      timeoutMs: 10_000,
    },
    requests,
    answered: requests,
    errors: {},
    timeouts: 0,
    wallUs,
    scheduleUs: wallUs,
    sendingUs: wallUs,
    bytesReceived: 1,
    connectionsOpened: 8,
    maxOutstanding: 1,
    cpuUs: cpuUs * requests,
    issuerCpuUs: null,
    clientCpuUs: 1,
    spinUs: 0,
    runQueueUs: 0,
    stealUs: 0,
    foreignCpuUs: 0,
    clientRunQueueUs: 0,
    clientEventLoopUtilization: 0,
    handshakesFull: 0,
    handshakesResumed: 0,
    gcUs: 0,
    rssBytes: 1,
    histograms: {
      response: histogram(300),
      service: histogram(300),
      queueWait: histogram(1),
      lateness: histogram(1),
    },
    ...changes,
  }
}
