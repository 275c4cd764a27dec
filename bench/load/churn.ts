import { performance } from 'node:perf_hooks'
import { BenchError } from '../errors.ts'
import { createHistogram, recordUs, type Histogram } from './histogram.ts'
import { openLane, seatsInTurn, type Lane } from './lane.ts'
import type { Endpoint } from './target.ts'

/**
 * What a client does about TLS sessions: `full` offers none, `resumed` always one, `keep-alive` opens no
 * new connection at all. Most HTTP clients resume without saying so; here the policy is enforced, and the
 * server's own count proves it.
 */
export type ConnectionPolicy = 'full' | 'resumed' | 'keep-alive'

/** New connections, and what is done on each. */
export interface ChurnLoad {
  readonly policy: 'full' | 'resumed'
  readonly requestsPerConnection: number
  /** Connections in all. */
  readonly connections: number
  /** At a time: each is followed by the next when its last answer is there. */
  readonly concurrency: number
  /** All stay until the last of them has its answers, as clients do that come back after an outage. */
  readonly stay?: boolean
}

/** What became of new connections. All histograms are in whole µs. */
export interface ChurnReading {
  readonly connections: number
  readonly requests: number
  /** Connections that did not live to their first answer, by what the client saw. */
  readonly refused: Readonly<Record<string, number>>
  /** TLS handshakes with a session that was offered, as the client sees it. */
  readonly resumed: number
  /** From the first connect to the last answer. */
  readonly wallUs: number
  readonly bytesReceived: number
  /** From connect to the TCP handshake's end. */
  readonly tcp: Histogram
  /** From there to the end of the TLS handshake, as the client sees it (RFC 8446 section 2); empty for plain HTTP. */
  readonly tls: Histogram
  /** From the first request to the first byte of its answer. */
  readonly firstByte: Histogram
  /** From each request to the last byte of its answer. */
  readonly response: Histogram
  /** From connect to the last byte of the first answer: how long a client was without service. */
  readonly served: Histogram
}

/** A client that opens new connections, with the sessions that it was given for later. */
export interface ChurnClient {
  /** Opens connections as told and waits until all are gone; throws `measurement-failed` for a wrong answer. */
  run(load: ChurnLoad): Promise<ChurnReading>
}

/**
 * A client of one identity, or several in turn, without any session yet: the first connection of each is a
 * full handshake in any case. With a `turn`, that is awaited before each connection and request.
 */
export function createChurnClient(
  targets: Endpoint | readonly Endpoint[],
  turn: (() => Promise<void> | null) | null = null,
): ChurnClient {
  const nextSeat = seatsInTurn(targets)
  const list = [targets].flat()
  const { port } = list[0] as Endpoint
  // A session is good for the identity that it was made with.
  const most = Math.max(leastSessions, Math.floor(mostSessions / list.length))
  const sessionsOf = createMemo(() => createSessions(most))
  return {
    async run(load) {
      const record = createRecord()
      const { connections, concurrency, stay = false } = load
      let begun = 0
      const overdue = new AbortController()
      const work = async () => {
        while (begun < connections && !overdue.signal.aborted) {
          begun += 1
          await turn?.()
          await useOnce(load, record)
        }
      }
      const startMs = performance.now()
      const timer = setTimeout(() => {
        overdue.abort()
        for (const lane of record.lanes) lane.close()
      }, loadTimeoutMs)
      const workers = await Promise.allSettled(
        Array.from({ length: Math.min(concurrency, connections) }, work),
      )
      const wallUs = (performance.now() - startMs) * usPerMs
      if (stay) for (const lane of record.lanes) lane.end()
      // What the server does about the end of a connection belongs to it: nothing may be left over.
      await Promise.all(record.lanes.map((lane) => lane.closed))
      clearTimeout(timer)
      if (overdue.signal.aborted) {
        throw new BenchError(
          'measurement-failed',
          `port ${port}: ${connections} connections were not done within ${loadTimeoutMs} ms`,
        )
      }
      const failed = workers.find((worker) => worker.status === 'rejected')
      if (failed !== undefined) throw failed.reason
      return { ...record.read(), connections, wallUs }
    },
  }

  async function useOnce(
    { policy, requestsPerConnection, stay = false }: ChurnLoad,
    record: ChurnRecord,
  ): Promise<void> {
    const { target, secureContext } = nextSeat()
    const sessions = sessionsOf(target)
    const offered = policy === 'resumed' ? sessions.take() : null
    const startMs = performance.now()
    let tcpMs = startMs
    let sentMs = startMs
    const lane = openLane(target, secureContext, {
      session: offered,
      onTcpConnected: () => {
        tcpMs = performance.now()
        record.tcp(tcpMs - startMs)
      },
      onSession: sessions.keep,
      onSecured: record.secured,
      onFirstByte: () => {
        record.firstByte(performance.now() - sentMs)
      },
    })
    record.lanes.push(lane)
    try {
      await lane.opened
      if (secureContext !== null) record.tls(performance.now() - tcpMs)
      sentMs = performance.now()
      record.answered(await ask(lane))
      record.served(performance.now() - startMs)
    } catch (error) {
      lane.close()
      if (error instanceof BenchError) throw error
      record.refused(error instanceof Error ? error.message : String(error))
      return
    }
    for (let request = 1; request < requestsPerConnection; request++) {
      await turn?.()
      record.answered(
        await ask(lane).catch((error: unknown) => {
          lane.close()
          throw new BenchError(
            'measurement-failed',
            `port ${port}, request ${request + 1} of ${requestsPerConnection} on one connection: ${error instanceof Error ? error.message : String(error)}`,
          )
        }),
      )
    }
    if (!stay) lane.end()
  }
}

/**
 * Sessions to offer. Each once, as RFC 8446 appendix C.4 asks for; but the last stays until another comes,
 * since a client that has none cannot resume.
 */
function createSessions(most: number) {
  const kept: Buffer[] = []
  return {
    keep: (session: Buffer): void => {
      kept.push(session)
      if (kept.length > most) kept.shift()
    },
    take: (): Buffer | null => (kept.length > 1 ? kept.pop() : kept[0]) ?? null,
  }
}

/** One value for each object, made when first asked for. */
function createMemo<T>(create: () => T): (key: object) => T {
  const values = new WeakMap<object, T>()
  return (key) => {
    const known = values.get(key)
    if (known !== undefined) return known
    const value = create()
    values.set(key, value)
    return value
  }
}

interface Answer {
  readonly serviceUs: number
  readonly bytes: number
}

function ask(lane: Lane): Promise<Answer> {
  return new Promise((resolve, reject) => {
    lane.send({
      answered: (_, serviceUs, bytes) => {
        resolve({ serviceUs, bytes })
      },
      // A wrong answer is a fault of what is measured; a connection that ends is for the caller to judge.
      failed: (why) => {
        reject(
          why.startsWith('wrong ') ? new BenchError('measurement-failed', why) : new Error(why),
        )
      },
    })
  })
}

type ChurnRecord = ReturnType<typeof createRecord>

/** Times are in ms, as the clock gives them. */
function createRecord() {
  const [tcp, tls, firstByte, response, served] = [
    createHistogram(),
    createHistogram(),
    createHistogram(),
    createHistogram(),
    createHistogram(),
  ]
  const refused: Record<string, number> = {}
  const lanes: Lane[] = []
  let requests = 0
  let resumed = 0
  let bytesReceived = 0
  return {
    lanes,
    secured: (isResumed: boolean) => {
      if (isResumed) resumed += 1
    },
    tcp: (ms: number) => {
      recordUs(tcp, ms * usPerMs)
    },
    tls: (ms: number) => {
      recordUs(tls, ms * usPerMs)
    },
    firstByte: (ms: number) => {
      recordUs(firstByte, ms * usPerMs)
    },
    served: (ms: number) => {
      recordUs(served, ms * usPerMs)
    },
    answered({ serviceUs, bytes }: Answer) {
      requests += 1
      bytesReceived += bytes
      recordUs(response, serviceUs)
    },
    refused(why: string) {
      refused[why] = (refused[why] ?? 0) + 1
    },
    read: () => ({
      requests,
      bytesReceived,
      refused,
      resumed,
      tcp,
      tls,
      firstByte,
      response,
      served,
    }),
  }
}

const usPerMs = 1_000
// A slice takes about 100 ms; a server that needs 30 s for it hangs.
const loadTimeoutMs = 30_000
/** More than any concurrency here uses at a time; old ones go first, as they expire first. */
const mostSessions = 64
/** Of one of many clients: a session is 2 KiB, and each client has its turn when it has a new one. */
const leastSessions = 2
