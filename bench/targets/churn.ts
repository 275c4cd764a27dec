import { BenchError } from '../errors.ts'
import { createChurnClient, type ChurnClient, type ChurnReading } from '../load/churn.ts'
import { recordAll } from '../load/histogram.ts'
import type { Endpoint } from '../load/target.ts'
import { emptyHistograms, type ChurnRequest, type ChurnSliceReading } from '../measure-churn.ts'
import type { CpuSource } from './cpu.ts'
import { describeFault } from './faults.ts'
import type { Pace } from './pace.ts'
import type { TargetPools } from './pools.ts'
import { senseTarget } from './target-sensors.ts'

/** What slices of new connections to a target are measured with. */
export interface TargetChurnScene {
  readonly label: string
  readonly isTls: boolean
  readonly client: ChurnClient
  /** Connections that stay, for the use that opens none. */
  readonly pools: TargetPools
  /** New connections at a time. */
  readonly connections: number
  readonly cpu: CpuSource | null
}

/** Clients that open new connections to a target, one or many in turn. */
export interface TargetChurn {
  /** With sessions to offer where one is resumed: the full handshakes for that are in no slice. */
  readyFor(policy: ChurnRequest['policy']): Promise<ChurnClient>
}

/** Has opened no connection yet. */
export function createTargetChurn(endpoints: readonly Endpoint[], pace: Pace | null): TargetChurn {
  const client = createChurnClient(endpoints, pace === null ? null : () => pace.turn())
  let seeded = 0
  return {
    async readyFor(policy) {
      const wanted =
        policy === 'resumed' ? Math.max(seedConnections, endpoints.length) : seedConnections
      while (seeded < wanted) {
        const connections = Math.min(wanted - seeded, mostSeedsAtOnce)
        const concurrency = endpoints.length === 1 ? 1 : Math.min(connections, seedConcurrency)
        seeded += connections
        await client.run({ policy: 'full', requestsPerConnection: 1, connections, concurrency })
      }
      return client
    },
  }
}

/** One slice, handshakes by the client's count. Throws `measurement-failed` where its use is not what was promised. */
export async function measureTargetChurn(
  scene: TargetChurnScene,
  request: ChurnRequest,
): Promise<ChurnSliceReading> {
  const { label, cpu } = scene
  const sense = await senseTarget(cpu)
  const { tcp, tls, firstByte, response, served, refused, resumed, ...counts } = await load(
    scene,
    request,
  )
  const sensed = await sense()
  const handshakes = scene.isTls ? counts.connections : 0
  assertNoneRefused(label, refused, counts.connections)
  if (request.policy === 'resumed') assertResumed(label, resumed, handshakes)
  return {
    slice: {
      ...counts,
      concurrency: request.clients ?? scene.connections,
      ...sensed,
      handshakesFull: handshakes - resumed,
      handshakesResumed: resumed,
      connectionsRefused: 0,
      // Nobody asks the server.
      handshakesFailed: null,
    },
    histograms: { tcp, tls, firstByte, response, served },
  }
}

async function load(scene: TargetChurnScene, request: ChurnRequest): Promise<ChurnReading> {
  const { policy, requestsPerConnection, connections: anew, requests, clients } = request
  if (policy !== 'keep-alive' && requestsPerConnection !== null && anew !== null) {
    return openAnew(scene, {
      policy,
      requestsPerConnection,
      connections: anew,
      concurrency: clients ?? scene.connections,
      stay: clients !== undefined,
    })
  }
  const pool = await scene.pools.of(scene.connections)
  const { latenciesUs, wallUs, bytesReceived } = await pool.run(requests)
  const histograms = emptyHistograms()
  recordAll(histograms.response, latenciesUs)
  const none = { connections: 0, refused: {}, resumed: 0 }
  return { ...histograms, requests, wallUs, bytesReceived, ...none }
}

async function openAnew(
  { label, client }: TargetChurnScene,
  wanted: Parameters<ChurnClient['run']>[0],
): Promise<ChurnReading> {
  try {
    return await client.run(wanted)
  } catch (error) {
    const why = error instanceof BenchError ? error.message : describeFault(error)
    throw new BenchError('measurement-failed', `${label}: ${why}`, { cause: error })
  }
}

function assertNoneRefused(
  label: string,
  refused: ChurnReading['refused'],
  connections: number,
): void {
  const [first] = Object.keys(refused)
  if (first === undefined) return
  const total = Object.values(refused).reduce((sum, count) => sum + count, 0)
  throw new BenchError(
    'measurement-failed',
    `${label}: ${total} of ${connections} new connections had no answer: ${describeFault(new Error(first))}`,
  )
}

/** What is called resumed must be: a server may give no session, or several machines each their own. */
function assertResumed(label: string, resumed: number, handshakes: number): void {
  if (resumed >= leastResumedShare * handshakes) return
  throw new BenchError(
    'measurement-failed',
    `${label}: resumed ${resumed} of ${handshakes} TLS sessions that were offered; leave out --policy resumed, or let its machines share ticket keys`,
  )
}

/** TLS 1.3 gives sessions after the handshake, the first perhaps too late. */
const seedConnections = 4
/** One after the other where each is of another client would take a minute for ten thousand. */
const seedConcurrency = 8
/** Well within the time that a client gives one load. */
const mostSeedsAtOnce = 1_000
const leastResumedShare = 0.99
