import { createHistogram, encodeHistogram, recordAll } from '../load/histogram.ts'
import { createRandom, type Random } from '../random.ts'
import type { ArmRecord, Block, Environment, Run, Slice } from '../results.ts'
import { caseId } from '../cases.ts'

// Synthetic runs for tests: what an arm truly costs is known, so what analysis makes of it can be checked.

/** True figures of a synthetic arm. */
export interface SyntheticArm {
  readonly scenario: string
  readonly parameters?: Readonly<Record<string, string>>
  readonly id?: string
  readonly role?: ArmRecord['role']
  readonly against?: string
  readonly parts?: readonly string[]
  readonly source?: ArmRecord['source']
  readonly outcome?: ArmRecord['outcome']
  readonly reason?: string
  readonly responseDigest?: string
  readonly cpuUs: number
  readonly issuerCpuUs?: number
  /** CPU of the client per request; above `cpuUs` it limits the arm. */
  readonly clientCpuUs?: number
}

/** How a synthetic run is made; noise is a share of the figure. */
export interface SyntheticRun {
  readonly arms: readonly SyntheticArm[]
  readonly blocks?: number
  readonly rounds?: number
  readonly requests?: number
  readonly seed?: number
  /** sd of an arm's cost from block to block. */
  readonly blockSd?: number
  /** sd from slice to slice. */
  readonly sliceSd?: number
  /** Growth of all costs from one slice to the next: what pairing must take out. */
  readonly drift?: number
  /** Requests in the saturation slice of each block; 0 leaves it out. */
  readonly saturationRequests?: number
  readonly environment?: Partial<Environment>
  readonly overrides?: Partial<Run>
}

/** A whole run, valid by the Run schema; the same arguments give the same run. */
export function syntheticRun(options: SyntheticRun): Run {
  const { blocks = 12, seed = 1 } = options
  const random = createRandom(seed)
  const run: Run = {
    schema: 1,
    measuringVersion: 1,
    runId: `run-${seed}`,
    command: ['bench', 'combined'],
    mode: 'default',
    startedAt: '2025-01-01T00:00:00.000Z',
    finishedAt: '2025-01-01T00:01:00.000Z',
    complete: true,
    incompleteReason: null,
    seed,
    referenceDigest: 'r'.repeat(64),
    environment: { ...environment, ...options.environment },
    arms: options.arms.map(recordOf),
    blocks: Array.from({ length: blocks }, (_, index) => blockOf(index, options, random)),
    warnings: [],
  }
  return { ...run, ...options.overrides }
}

/** The arms of `bench combined`, about as large as the pilot found them (DESIGN section 6). */
export function combinedArms(): SyntheticArm[] {
  const tls = idOf({ scenario: 'tls', parameters: tlsSettings })
  const mtls = idOf({ scenario: 'mtls', parameters: tlsSettings })
  const jwt = idOf({ scenario: 'jwt', parameters: { ...tlsSettings, alg: 'ES256' } })
  return [
    {
      scenario: 'combined',
      parameters: { ...tlsSettings, alg: 'ES256', token: 'jwt' },
      role: 'case',
      against: tls,
      parts: [mtls, jwt],
      cpuUs: 197,
    },
    { scenario: 'tls', parameters: tlsSettings, role: 'baseline', cpuUs: 35, clientCpuUs: 48 },
    {
      scenario: 'mtls',
      parameters: tlsSettings,
      role: 'part',
      against: tls,
      cpuUs: 37,
      clientCpuUs: 48,
    },
    {
      scenario: 'jwt',
      parameters: { ...tlsSettings, alg: 'ES256' },
      role: 'part',
      against: tls,
      cpuUs: 190,
    },
    { scenario: 'reference', role: 'reference', cpuUs: 30, clientCpuUs: 48 },
  ]
}

/** Parameters that `combinedArms` share. */
export const tlsSettings = { connections: '8', key: 'p256', tls: '1.3' } as const

/** Id that the arm gets, unless it names one. */
export function idOf({
  id,
  scenario,
  parameters = {},
}: Partial<SyntheticArm> & { scenario: string }): string {
  return id ?? caseId(scenario, { connections: '8', ...parameters })
}

/** A standard normal number (Box and Muller). */
export function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
}

function recordOf(arm: SyntheticArm): ArmRecord {
  const parameters = { connections: '8', ...arm.parameters }
  return {
    id: idOf(arm),
    caseId: caseId(arm.scenario, parameters),
    scenario: arm.scenario,
    parameters,
    role: arm.role ?? 'case',
    against: arm.against ?? null,
    parts: [...(arm.parts ?? [])],
    source: arm.source ?? { label: 'working tree', commit: environment.commit, dirty: false },
    requestDigest: `request of ${arm.scenario}`,
    responseDigest: arm.responseDigest ?? 'response',
    outcome: arm.outcome ?? 'measured',
    reason: arm.reason ?? null,
    preflight: {
      controlsPassed: 1,
      tried: 2,
      refused: 2,
      recorded: 0,
      handlerCalls: 0,
      refusals: [],
    },
    warnings: [],
  }
}

function blockOf(index: number, options: SyntheticRun, random: Random): Block {
  const { rounds = 10, blockSd = 0.01, saturationRequests = 1_000 } = options
  const arms = options.arms.filter(({ outcome }) => outcome !== 'failed' && outcome !== 'skipped')
  const factors = new Map(arms.map((arm) => [arm, Math.exp(blockSd * normal(random))]))
  const orders = Array.from({ length: rounds }, (_, round) =>
    round % 2 === 0 ? arms : arms.toReversed(),
  )
  const order = [
    ...orders.flat().map((arm) => ({ arm, load: 'duet', connections: 8 }) as const),
    ...arms.map((arm) => ({ arm, load: 'duet', connections: 1 }) as const),
    ...(saturationRequests === 0 ? [] : arms).map(
      (arm) => ({ arm, load: 'saturation', connections: 8 }) as const,
    ),
  ]
  const histograms = new Map<string, Block['histograms'][number] & { latencies: number[] }>()
  const slices = order.map(({ arm, load, connections }, position) => {
    const requests = load === 'saturation' ? saturationRequests : (options.requests ?? 200)
    const cost = arm.cpuUs * (factors.get(arm) ?? 1)
    const made = sliceOf(arm, { cost, load, connections, position, requests }, options, random)
    const key = `${made.slice.arm} ${load} ${connections}`
    const entry = histograms.get(key) ?? {
      arm: made.slice.arm,
      load,
      connections,
      histogram: '',
      latencies: [],
    }
    histograms.set(key, { ...entry, latencies: [...entry.latencies, ...made.latencies] })
    return made.slice
  })
  return {
    index,
    startedAt: '2025-01-01T00:00:01.000Z',
    startOrder: arms.map(idOf),
    outcome: 'measured',
    reason: null,
    slices,
    histograms: [...histograms.values()].map(({ latencies, ...entry }) => {
      const histogram = createHistogram()
      recordAll(histogram, Float64Array.from(latencies))
      return { ...entry, histogram: encodeHistogram(histogram) }
    }),
  }
}

function sliceOf(
  arm: SyntheticArm,
  place: Pick<Slice, 'load' | 'connections' | 'position' | 'requests'> & { readonly cost: number },
  { sliceSd = 0.02, drift = 0 }: SyntheticRun,
  random: Random,
): { readonly slice: Slice; readonly latencies: number[] } {
  const { cost, load, connections, position, requests } = place
  const factor = Math.exp(sliceSd * normal(random) + drift * position)
  const clientUs = (arm.clientCpuUs ?? 25) * factor
  const serverUs = cost * factor
  const busyUs = Math.max(serverUs + (arm.issuerCpuUs ?? 0), clientUs)
  const wallUs = requests * busyUs * 1.02
  const latencies = Array.from(
    { length: requests },
    () => connections * busyUs * Math.exp(0.2 * normal(random)),
  )
  return {
    slice: {
      arm: idOf(arm),
      position,
      load,
      connections,
      requests,
      wallUs,
      cpuUs: serverUs * requests,
      issuerCpuUs: arm.issuerCpuUs === undefined ? null : arm.issuerCpuUs * factor * requests,
      clientCpuUs: clientUs * requests,
      runQueueUs: 0,
      stealUs: 0,
      foreignCpuUs: 0,
      clientRunQueueUs: 0,
      eventLoopUtilization: Math.min(1, serverUs / busyUs),
      clientEventLoopUtilization: Math.min(1, clientUs / busyUs),
      gcUs: 0,
      rssBytes: 80_000_000 + position,
      handshakesFull: 0,
      handshakesResumed: 0,
      statuses: { 200: requests },
      latencyP50Us: connections * busyUs,
      bytesReceived: requests * 400,
    },
    latencies,
  }
}

const environment: Environment = {
  machineId: 'f'.repeat(16),
  cpuModel: 'Synthetic CPU',
  cores: 2,
  memoryBytes: 8_000_000_000,
  os: 'Linux 6.1',
  arch: 'x64',
  node: '26.10.0',
  openssl: '3.5.4',
  v8: '14.0',
  packages: {},
  commit: '0123456789abcdef0123456789abcdef01234567',
  branch: 'main',
  dirty: false,
  pinned: true,
  serverCpus: [0],
  clientCpus: [1],
}
