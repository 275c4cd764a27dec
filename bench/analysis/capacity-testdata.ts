import { resolveDemand } from '../demand/resolve.ts'
import type { Demand, DemandInput } from '../demand.ts'
import type { Run } from '../results.ts'
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
