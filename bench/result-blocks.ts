import { Type } from '@sinclair/typebox'
import { Seats } from './result-seats.ts'
import { amount, count, counts, nullable, strict, text } from './result-values.ts'

// Blocks of a Run file, as `results.ts` puts them together.

/** What each hop of a case used of `cpuUs`, from the client's side. */
const HopShares = Type.Optional(Type.Array(Type.Object({ hop: text, cpuUs: amount }, strict)))

/** A short, fixed number of requests to one arm. */
export const Slice = Type.Object(
  {
    arm: text,
    /** Place in the block's order of slices, from 0. */
    position: count,
    /** `duet`: our own persistent connections, the paired slices; `saturation`: autocannon, with new connections in each slice. */
    load: Type.Union([Type.Literal('duet'), Type.Literal('saturation')]),
    connections: count,
    requests: count,
    /** From the first send to the last response. */
    wallUs: amount,
    /** All threads of all server processes of the arm; the authorization server apart. Null for servers that are not ours. */
    cpuUs: nullable(amount),
    hops: HopShares,
    issuerCpuUs: nullable(amount),
    clientCpuUs: amount,
    /** Time that runnable server threads waited for a core. */
    runQueueUs: nullable(amount),
    /** Time the hypervisor gave this machine's cores to others. */
    stealUs: nullable(amount),
    /** CPU that processes outside this run used; from 10 ms ticks, so in one slice it may fall below zero. */
    foreignCpuUs: nullable(Type.Number()),
    /** Time that the client's thread was runnable and had no core: its latencies hold that too. */
    clientRunQueueUs: nullable(amount),
    /** Null for products, which have no event loop or collector that tells. */
    eventLoopUtilization: nullable(amount),
    clientEventLoopUtilization: amount,
    gcUs: nullable(amount),
    rssBytes: nullable(count),
    /** By the server's count; by the client's for servers that are not ours. */
    handshakesFull: count,
    handshakesResumed: count,
    statuses: counts,
    latencyP50Us: amount,
    bytesReceived: count,
  },
  strict,
)

/** What one arm did with an offered load: one schedule of intended sends, whatever the server does. */
export const Window = Type.Object(
  {
    arm: text,
    plan: Type.Object(
      {
        ratePerSecond: amount,
        arrivals: Type.Union([Type.Literal('constant'), Type.Literal('poisson')]),
        durationMs: amount,
        /** Of the schedule: the same seed gives the same intended sends. */
        seed: count,
        connections: count,
        maxConnections: count,
        timeoutMs: amount,
        /** Processes that offer it together; absent: the one that measures. */
        generators: Type.Optional(count),
        /** The same on other machines. */
        seats: Type.Optional(count),
      },
      strict,
    ),
    /** Of a curve: the rates of all blocks, the search for the highest that meets p99 ≤ so much, its confirmation. */
    stage: Type.Optional(
      Type.Union([Type.Literal('grid'), Type.Literal('search'), Type.Literal('confirm')]),
    ),
    sloP99Us: Type.Optional(amount),
    requests: count,
    answered: count,
    /** By reason. */
    errors: counts,
    timeouts: count,
    wallUs: amount,
    /** From the start to the last intended send, and to the last send. */
    scheduleUs: amount,
    sendingUs: amount,
    bytesReceived: count,
    connectionsOpened: count,
    /** Requests under way or waiting, at most; of several generators the sum of what each had at most. */
    maxOutstanding: count,
    /** What each of several generators did and used; `clientCpuUs` and `spinUs` are their sums. */
    generators: Type.Optional(
      Type.Array(
        Type.Object({ requests: count, wallUs: amount, cpuUs: amount, spinUs: amount }, strict),
      ),
    ),
    /** Of seats, instead of generators: what each did and used, and those that are not in these figures. */
    seats: Type.Optional(Seats),
    /** Null for servers that are not ours. */
    cpuUs: nullable(amount),
    hops: HopShares,
    issuerCpuUs: nullable(amount),
    clientCpuUs: amount,
    /** Of the client's time, what it spent looking at the clock and nothing else. */
    spinUs: amount,
    runQueueUs: nullable(amount),
    stealUs: nullable(amount),
    foreignCpuUs: nullable(Type.Number()),
    clientRunQueueUs: nullable(amount),
    clientEventLoopUtilization: amount,
    handshakesFull: nullable(count),
    handshakesResumed: nullable(count),
    gcUs: nullable(amount),
    rssBytes: nullable(count),
    /** Compressed V2 HdrHistograms in base64, whole µs. All but `service` count from the intended send. */
    histograms: Type.Object(
      { response: text, service: text, queueWait: text, lateness: text },
      strict,
    ),
  },
  strict,
)

/** What was done on connections, under one arm: each cell of these is interleaved with the others. */
const ChurnUse = {
  /** `keep-alive`: connections that were open before and stay open. */
  policy: Type.Union([Type.Literal('full'), Type.Literal('resumed'), Type.Literal('keep-alive')]),
  /** Null where connections stay. */
  requestsPerConnection: nullable(count),
  /** Of a reconnect storm: clients that connect at once and stay until all are served. */
  clients: Type.Optional(count),
}

/** One slice of new connections. Handshakes are the server's count, or the client's for servers that are not ours. */
export const ChurnSlice = Type.Object(
  {
    /** Place in the block's order of slices, from 0. */
    position: count,
    /** New ones, of which so many at a time. */
    connections: count,
    concurrency: count,
    requests: count,
    wallUs: amount,
    cpuUs: nullable(amount),
    hops: HopShares,
    issuerCpuUs: nullable(amount),
    clientCpuUs: amount,
    runQueueUs: nullable(amount),
    stealUs: nullable(amount),
    foreignCpuUs: nullable(Type.Number()),
    clientRunQueueUs: nullable(amount),
    /** Null for products, which have no event loop or collector that tells. */
    eventLoopUtilization: nullable(amount),
    clientEventLoopUtilization: amount,
    gcUs: nullable(amount),
    rssBytes: nullable(count),
    handshakesFull: count,
    handshakesResumed: count,
    /** Refused handshakes: what the client saw, what the server counted. */
    connectionsRefused: count,
    handshakesFailed: nullable(count),
    bytesReceived: count,
  },
  strict,
)

/** All slices of one arm with one use of connections in one block. */
export const ChurnCell = Type.Object(
  {
    arm: text,
    ...ChurnUse,
    slices: Type.Array(ChurnSlice),
    /** Compressed V2 HdrHistograms in base64, whole µs; null without new connections, `tls` also without TLS. */
    histograms: Type.Object(
      {
        tcp: nullable(text),
        tls: nullable(text),
        firstByte: nullable(text),
        response: text,
        /** From connect to the end of the first answer. */
        served: Type.Optional(nullable(text)),
      },
      strict,
    ),
  },
  strict,
)

/** One thing that servers do, alone: CPU of all threads of its process. */
const PrimitiveReading = Type.Object(
  { id: text, calls: count, cpuUsPerCall: amount, wallP50UsPerCall: amount },
  strict,
)

/** Fresh processes for every arm, warm-up, then interleaved slices or windows: the only unit of inference. */
export const Block = Type.Object(
  {
    index: count,
    startedAt: text,
    /** Order in which the arms' processes were started. */
    startOrder: Type.Array(text),
    outcome: Type.Union([Type.Literal('measured'), Type.Literal('failed')]),
    reason: nullable(text),
    slices: Type.Array(Slice),
    /** Of a run under offered load, which has no slices. */
    windows: Type.Optional(Type.Array(Window)),
    /** Of a run with new connections, which has no slices either. */
    churn: Type.Optional(Type.Array(ChurnCell)),
    /** Of `micro`: measured after the slices, in a fresh process on the servers' cores. */
    primitives: Type.Optional(Type.Array(PrimitiveReading)),
    /** CPU of targets over the whole block, where it is known no finer; null in a block too short to tell. */
    counted: Type.Optional(
      Type.Array(
        Type.Object(
          {
            arm: text,
            cpuUs: nullable(amount),
            requests: count,
            wallUs: amount,
            resolutionMs: nullable(amount),
          },
          strict,
        ),
      ),
    ),
    /** Merged over the block's slices, per arm, load and number of connections: compressed V2 HdrHistogram in base64, µs. */
    histograms: Type.Array(
      Type.Object(
        {
          arm: text,
          load: Type.Union([Type.Literal('duet'), Type.Literal('saturation')]),
          connections: count,
          histogram: text,
        },
        strict,
      ),
    ),
    /** Times that the hops of an arm took themselves, in duet slices, merged like `histograms`. */
    spans: Type.Optional(
      Type.Array(
        Type.Object(
          {
            arm: text,
            connections: count,
            hop: text,
            /** From the head of a request to the end of its answer, and that without waiting for the next hop. */
            whole: text,
            own: text,
          },
          strict,
        ),
      ),
    ),
  },
  strict,
)
