import type { ServerSnapshot } from '../servers/gateways/messages.ts'
import { BenchError } from './errors.ts'
import type { ChurnClient, ChurnReading } from './load/churn.ts'
import type { Connections } from './load/connection.ts'
import { recordAll } from './load/histogram.ts'
import { emptyHistograms, type ChurnRequest, type ChurnSliceReading } from './measure-churn.ts'
import type { ServerProcess } from './processes.ts'
import type { SliceSensors } from './slice-sensors.ts'

/** What a slice of new connections is measured with. */
export interface ChurnScene {
  readonly client: ChurnClient
  /** Connections that stay, for the use that opens none. */
  readonly pool: Connections
  /** New connections at a time. */
  readonly concurrency: number
  /** Whether connections are TLS: else the server counts no handshakes. */
  readonly tls: boolean
  readonly server: ServerProcess
  readonly sensors: SliceSensors
}

/**
 * One slice, with the CPU of the arm's processes and the server's own counts. Throws `measurement-failed`
 * where those do not say what the use of connections promised.
 */
export async function measureChurnSlice(
  scene: ChurnScene,
  request: ChurnRequest,
): Promise<ChurnSliceReading> {
  const { server, sensors } = scene
  const before = await server.snapshot()
  const started = await sensors.start()
  const reading = await load(scene, request)
  const ended = await sensors.end()
  const after = await settled(server, before, reading)
  crossCheck(request, scene, { reading, before, after })
  const { tcp, tls, firstByte, response, served } = reading
  return {
    slice: {
      connections: reading.connections,
      concurrency: request.clients ?? scene.concurrency,
      requests: reading.requests,
      wallUs: reading.wallUs,
      bytesReceived: reading.bytesReceived,
      connectionsRefused: total(reading.refused),
      handshakesFailed: after.handshakesFailed - before.handshakesFailed,
      ...sensors.between(started, ended, before, after),
    },
    histograms: { tcp, tls, firstByte, response, served },
  }
}

async function load(
  { client, pool, concurrency }: ChurnScene,
  { policy, requestsPerConnection, connections, requests, clients }: ChurnRequest,
): Promise<ChurnReading> {
  if (policy !== 'keep-alive' && requestsPerConnection !== null && connections !== null) {
    return client.run({
      policy,
      requestsPerConnection,
      connections,
      concurrency: clients ?? concurrency,
      stay: clients !== undefined,
    })
  }
  const { latenciesUs, ...kept } = await pool.run(requests)
  const histograms = emptyHistograms()
  recordAll(histograms.response, latenciesUs)
  return { ...kept, ...histograms, connections: 0, refused: {}, resumed: 0 }
}

/** The server counts a response a moment after the client has read it, and a refusal after its alert. */
async function settled(
  server: ServerProcess,
  before: ServerSnapshot,
  { requests, refused }: ChurnReading,
): Promise<ServerSnapshot> {
  for (let attempt = 1; ; attempt++) {
    const after = await server.snapshot()
    const answered = (after.responses['200'] ?? 0) - (before.responses['200'] ?? 0)
    const failed = after.handshakesFailed - before.handshakesFailed
    if ((answered >= requests && failed >= total(refused)) || attempt === settleAttempts)
      return after
  }
}

/** Both sides must have seen the same: requests, handshakes of the kind asked for, and no refusal. */
function crossCheck(
  { policy, requestsPerConnection }: ChurnRequest,
  { tls }: ChurnScene,
  {
    reading: { requests, connections, refused },
    before,
    after,
  }: {
    readonly reading: ChurnReading
    readonly before: ServerSnapshot
    readonly after: ServerSnapshot
  },
): void {
  const delta = (count: 'requests' | 'handlerCalls' | 'handshakesFailed' | HandshakeCount) =>
    after[count] - before[count]
  const [full, resumed] = [delta('handshakesFull'), delta('handshakesResumed')]
  const clientRefused = total(refused)
  const wanted = tls ? connections : 0
  const leastResumed = policy === 'resumed' ? Math.ceil(leastResumedShare * wanted) : 0
  const faults = [
    clientRefused > 0 || delta('handshakesFailed') > 0
      ? `handshakes were refused, ${delta('handshakesFailed')} by the server's count and ${clientRefused} by the client's (${Object.keys(refused).join(', ')})`
      : null,
    differs('requests', delta('requests'), requests),
    differs('handler calls', delta('handlerCalls'), requests),
    differs('handshakes', full + resumed, wanted),
    policy !== 'resumed' && resumed > 0
      ? `the server counted ${resumed} resumed handshakes where none was to be`
      : null,
    resumed < leastResumed
      ? `the server resumed ${resumed} of ${wanted} sessions, ${leastResumed} at least were to be`
      : null,
  ].filter((fault) => fault !== null)
  if (faults.length === 0) return
  const each = requestsPerConnection === null ? '' : `, ${requestsPerConnection} requests each`
  throw new BenchError(
    'measurement-failed',
    `a slice of new connections (${policy}${each}) is not what it was to be: ${faults.join('; ')}`,
  )
}

type HandshakeCount = 'handshakesFull' | 'handshakesResumed'

function differs(what: string, seen: number, expected: number): string | null {
  return seen === expected ? null : `the server counted ${seen} ${what} instead of ${expected}`
}

function total(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0)
}

const settleAttempts = 50
/** One in a hundred may find that its ticket key has just been replaced. */
const leastResumedShare = 0.99
