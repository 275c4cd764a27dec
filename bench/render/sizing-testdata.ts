import { sizeOf, type SizingOptions } from '../analysis/capacity.ts'
import { closedRun, fitOf, withoutSessions } from '../analysis/capacity-testdata.ts'
import type { SizeEnvelope } from '../analysis/sizing-schema.ts'
import type { Demand } from '../demand.ts'
import type { Run } from '../results.ts'

// Sizes of synthetic runs without noise: every figure is known by hand.

/** The run that sizes are from, if not told otherwise. */
export const quietRun: Run = closedRun(
  [
    { scenario: 'combined', cpuUs: 200 },
    { scenario: 'jwt', cpuUs: 150 },
    { scenario: 'mtls', cpuUs: 50 },
  ],
  { blockSd: 0, sliceSd: 0 },
)

/** A size as `size` stores it. */
export function sizingOf(
  demand: Demand,
  options: Partial<SizingOptions> = {},
  runs: readonly Run[] = [quietRun],
): SizeEnvelope {
  const fit = withoutSessions(fitOf(demand, runs))
  return {
    schema: 1,
    command: 'size',
    kind: 'sizing',
    sizingId: 'size-1',
    startedAt: '2025-01-01T00:00:00.000Z',
    environment: quietRun.environment,
    log: null,
    sizing: sizeOf(demand, fit, {
      level: 0.9,
      seed: 1,
      samples: 20,
      sampleRequests: 2_000,
      requests: 20_000,
      ...options,
    }),
    charts: [],
    warnings: [],
  }
}
