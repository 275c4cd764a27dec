import { churnBlocks } from '../analysis/churn-testdata.ts'
import { targetRun } from '../analysis/target-testdata.ts'
import type { ArmRecord, Block, Run } from '../results.ts'
import { windowAt } from './report-testdata.ts'

// Runs of two servers that are somebody's own, one of each kind of load. The first checks its token and lets
// whoever has no certificate in; of the second nothing is known.

/** All four, the newest first. */
export function targetRuns(): readonly [closed: Run, open: Run, curve: Run, churn: Run] {
  const closed = named('target-closed', [], targetRun(costs, { blocks: 9 }).blocks)
  const open = named('target-open', ['--load', 'open', '--rate', '400'], windowBlocks([400], false))
  const curve = named('target-curve', ['--curve'], windowBlocks([100, 400, 800, 900], true))
  const churn = named('target-churn', ['--load', 'churn'], newConnections())
  return [closed, open, curve, churn]
}

function named(runId: string, words: readonly string[], blocks: readonly Block[]): Run {
  const run = targetRun(costs, { blocks: 9 })
  return {
    ...run,
    runId,
    command: ['bench', '--target', 'https://gateway.example/pay?…', ...words],
    arms: run.arms.map((arm, index) => (index === 0 ? withCredentials(arm) : arm)),
    blocks: [...blocks],
    warnings: [
      {
        code: 'unchecked-credential',
        message: 'gateway answers 200 without the client certificate: is it checked at all?',
        advice: 'if it is meant to be, mend that first',
      },
    ],
  }
}

function withCredentials(arm: ArmRecord): ArmRecord {
  const refusal = (what: string, outcome: string) => ({
    id: `no-${what}`,
    kind: 'record' as const,
    sameAs: [],
    describe: `the same request without the ${what}`,
    expected: 'to be refused',
    outcome,
    passed: true,
    handlerCalls: 0,
    reasons: outcome === '200' ? [] : [outcome],
  })
  const refusals = [refusal('token', '401'), refusal('client certificate', '200')]
  const counts = { controlsPassed: 1, tried: 2, refused: 1, recorded: 1, handlerCalls: 0 }
  const { target } = arm
  return {
    ...arm,
    preflight: { ...counts, refusals },
    ...(target === undefined
      ? {}
      : {
          target: {
            ...target,
            cap: { ratePerSecond: 1_000, durationMs: 60_000, connections: 64 },
            tokens: { fetched: 7, lifetimeMs: 9_000, failures: { 'answers 503': 1 } },
          },
        }),
  }
}

function windowBlocks(rates: readonly number[], isCurve: boolean): Block[] {
  return targetRun(costs, { blocks: 3 }).blocks.map((block) => ({
    ...block,
    slices: [],
    histograms: [],
    windows: Object.keys(costs).flatMap((arm) =>
      rates.map((rate) => {
        // The second is as slow as the first at a higher rate.
        const { histograms } = windowAt(arm, arm === 'gateway' ? rate : rate * 1.05)
        const { stage: _, sloP99Us: __, ...window } = windowAt(arm, rate)
        const stage = isCurve ? { stage: 'grid' as const } : {}
        return { ...window, cpuUs: null, histograms, ...stage }
      }),
    ),
  }))
}

function newConnections(): Block[] {
  const uses = [1, 10, null].map((requestsPerConnection) => ({
    policy: requestsPerConnection === null ? ('keep-alive' as const) : ('full' as const),
    requestsPerConnection,
  }))
  const storm = { policy: 'full' as const, requestsPerConnection: 1, clients: 10 }
  const arms = Object.keys(costs).map((arm) => ({ arm, requestUs: 40, connectionUs: 900 }))
  return churnBlocks(arms, [...uses, storm], { blocks: 9, sd: 0.01 }).map((block) => ({
    ...block,
    churn: (block.churn ?? []).map((cell) => ({
      ...cell,
      slices: cell.slices.map((slice) => ({ ...slice, cpuUs: null, eventLoopUtilization: null })),
    })),
  }))
}

const costs = { gateway: 60, 'api.example/v1': 80 }
