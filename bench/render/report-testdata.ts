import { churnBlocks } from '../analysis/churn-testdata.ts'
import { claims } from '../analysis/claims.ts'
import { decideClaim } from '../analysis/claim.ts'
import { historyOf } from '../analysis/history.ts'
import { answerQuestions } from '../analysis/questions.ts'
import { summarise } from '../analysis/summary.ts'
import { combinedArms, idOf, syntheticRun } from '../analysis/testdata.ts'
import type { EventRecord } from '../events.ts'
import { createHistogram, encodeHistogram, recordAll } from '../load/histogram.ts'
import type { Run, Window } from '../results.ts'
import type { PageAssets } from './html.ts'
import type { ReportedRun } from './page-model.ts'
import type { ReportInput } from './report-html.ts'

// A report with everything in it, of synthetic runs.

/** A report of a run beside runs of every other kind. */
export function reportInput(
  main: Run,
  {
    others = [],
    targets = [],
    assets = { kind: 'inline', style: 'body {}', scripts: ['start()'] },
  }: {
    readonly others?: readonly Run[]
    readonly targets?: readonly Run[]
    readonly assets?: PageAssets
  } = {},
): ReportInput {
  const churn = reported(churnRun())
  return {
    main: reported(main),
    micro: reported(microRun()),
    churn,
    storm: churn,
    curve: reported(curveRun()),
    targets: targets.map(reported),
    others: others.map((run) => ({ ...reported(run), comparison: 'not compared here' })),
    events: [event('revoke-jwt', null), event('revoke-opaque', 40)],
    history: historyOf([main, ...others], { defaults: () => ({}) }),
    claims: claims.map((claim) => ({
      claim,
      decision: decideClaim(claim, new Map([['combined', main]])),
      isProvisional: false,
      reproduce: [],
      runs: claim.experiments.includes('combined') ? [main.runId] : [],
    })),
    questions: answerQuestions([main], new Map()),
    attacked: main.arms,
    evidence: [main, ...others],
    assets,
  }
}

/** The run of `bench combined`, of so many blocks. */
export function combinedRun(overrides: Partial<Run> = {}, seed = 1): Run {
  return syntheticRun({ arms: combinedArms(), blocks: 9, rounds: 4, seed, overrides })
}

/** Probes each 20 ms for 4 s around an event, refused from so many ms after it on. */
export function event(name: string, refusedFromMs: number | null): EventRecord {
  return {
    name,
    scenario: 'jwt',
    what: `${name} happens`,
    ratePerSecond: 50,
    eventStartMs: 1_000,
    eventEndMs: 1_004,
    probes: Array.from({ length: 200 }, (_, index) => {
      const dueMs = index * 20
      const isRefused = refusedFromMs !== null && dueMs - 1_004 > refusedFromMs
      return {
        dueMs,
        latencyMs: 2 + (index % 7) / 3,
        outcome: isRefused ? ('refused' as const) : ('served' as const),
        status: isRefused ? 401 : 200,
      }
    }),
  }
}

/** A run and what it says. */
export function reported(run: Run): ReportedRun {
  return { run, summary: summarise(run) }
}

function microRun(): Run {
  const arms = ['http', 'jwt'].map((scenario) => ({
    scenario,
    cpuUs: scenario === 'jwt' ? 150 : 14,
  }))
  const run = syntheticRun({ arms, blocks: 9, rounds: 2 })
  const primitives = Object.entries(primitiveUs).map(([id, us]) => ({
    id,
    calls: 10,
    cpuUsPerCall: us,
    wallP50UsPerCall: us,
  }))
  return {
    ...run,
    runId: 'micro-1',
    command: ['micro'],
    blocks: run.blocks.map((block) => ({ ...block, primitives })),
  }
}

function churnRun(): Run {
  const run = syntheticRun({
    arms: [
      { scenario: 'mtls', cpuUs: 1 },
      { scenario: 'jwt', cpuUs: 1 },
    ],
    blocks: 0,
  })
  const costs = [
    { arm: idOf({ scenario: 'mtls' }), requestUs: 36, connectionUs: 1_580 },
    { arm: idOf({ scenario: 'jwt' }), requestUs: 207, connectionUs: 820 },
  ]
  const uses = [1, 10, null].map((requestsPerConnection) => ({
    policy: requestsPerConnection === null ? ('keep-alive' as const) : ('full' as const),
    requestsPerConnection,
  }))
  const storm = { policy: 'full' as const, requestsPerConnection: 1, clients: 10 }
  return {
    ...run,
    runId: 'churn-1',
    command: ['bench', 'mtls', 'jwt', '--load', 'churn'],
    blocks: churnBlocks(costs, [...uses, storm], { blocks: 9, sd: 0.01 }),
  }
}

function curveRun(): Run {
  const run = syntheticRun({ arms: [{ scenario: 'tls', cpuUs: 1 }], blocks: 1, rounds: 1 })
  const arm = idOf({ scenario: 'tls' })
  return {
    ...run,
    runId: 'curve-1',
    command: ['bench', 'tls', '--curve'],
    blocks: run.blocks.map((block) => ({
      ...block,
      slices: [],
      histograms: [],
      windows: [100, 400, 800, 900].map((rate) => windowAt(arm, rate)),
    })),
  }
}

/** A window of a curve: the mean response of an M/M/1 queue that serves 1,000/s. */
export function windowAt(arm: string, ratePerSecond: number): Window {
  const requests = 1_200
  const encoded = (us: number) => {
    const histogram = createHistogram()
    recordAll(histogram, new Float64Array(requests).fill(us))
    return encodeHistogram(histogram)
  }
  const response = encoded(1e6 / (1_000 - ratePerSecond))
  const scheduleUs = (requests / ratePerSecond) * 1e6
  return {
    arm,
    plan: {
      ratePerSecond,
      arrivals: 'poisson',
      durationMs: scheduleUs / 1_000,
      seed: 1,
      connections: 8,
      maxConnections: 64,
      timeoutMs: 10_000,
    },
    stage: 'grid',
    sloP99Us: 5_000,
    requests,
    answered: requests,
    errors: {},
    timeouts: 0,
    wallUs: scheduleUs,
    scheduleUs,
    sendingUs: scheduleUs,
    bytesReceived: 1,
    connectionsOpened: 8,
    maxOutstanding: 1,
    cpuUs: 1,
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
    histograms: { response, service: response, queueWait: encoded(1), lateness: encoded(1) },
  }
}

const primitiveUs = {
  'exchange: TLS': 9,
  'exchange: TCP': 6,
  'signature ES256: Web Crypto': 80,
  'JWT ES256: jose, key set': 110,
  'token: read the Authorization header': 1,
  'guard: scope': 0.5,
  'guard: tenant': 0.5,
}
