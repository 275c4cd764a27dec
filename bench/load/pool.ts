import { openLane, seatsInTurn, type Lane, type Receiver } from './lane.ts'
import { inParallel } from './parallel.ts'
import type { Endpoint } from './target.ts'

/** Who is told what becomes of requests; a request is its index in a schedule. */
export interface PoolListener {
  /** It is about to be written to a connection. */
  sending(request: number): void
  answered(request: number, serviceUs: number, bytes: number): void
  failed(request: number, why: string): void
  opened(): void
}

/** Keep-alive connections that carry one request each; requests for which none is free wait in order. */
export interface Pool {
  /** Opens so many; rejects with the first that is refused. */
  connect(connections: number): Promise<void>
  send(request: number): void
  /** Forgets a request: out of the queue, or with the connection that carries it. */
  giveUp(request: number): void
  close(): void
}

/** An empty pool of at most so many connections. */
export function createPool(
  targets: Endpoint | readonly Endpoint[],
  maxConnections: number,
  listener: PoolListener,
): Pool {
  // A connection that a server ended is opened anew for its own client, not for one that has another.
  const seated = new Set<Endpoint>()
  const nextSeat = seatsInTurn(targets, (target) => seated.has(target))
  const carriers = new Set<Carrier>()
  const free = createFree([targets].flat().length > 1)
  // A Set keeps the order in which requests came and lets any of them go.
  const queue = new Set<number>()
  let opening = 0
  let closed = false

  function carry(carrier: Carrier, request: number): void {
    carrier.request = request
    listener.sending(request)
    carrier.lane.send(carrier)
  }

  function release(carrier: Carrier): void {
    carrier.request = noRequest
    const request = takeFirst(queue)
    if (request === null) free.add(carrier)
    else carry(carrier, request)
  }

  function drop(carrier: Carrier): void {
    free.delete(carrier)
    if (carriers.delete(carrier)) vacate(carrier.target)
    carrier.request = noRequest
    carrier.lane.close()
  }

  function vacate(target: Endpoint): void {
    seated.delete(target)
    free.vacate()
  }

  /**
   * As many connections as requests wait, within the limit, and a few at a time: after a hiccup a
   * handshake for each of hundreds of waiting requests would keep both sides busy long after it.
   */
  function openMore(): void {
    const wanted = Math.min(queue.size, mostAtOnce, maxConnections - carriers.size)
    while (!closed && opening < wanted) {
      open().catch((error: unknown) => {
        // One request has the failure, and the next its own try: nobody hammers at a closed door.
        const request = takeFirst(queue)
        if (request !== null) listener.failed(request, reasonOf(error))
        openMore()
      })
    }
  }

  async function open(): Promise<void> {
    opening += 1
    const carrier = createCarrier()
    try {
      await carrier.lane.opened
    } catch (error) {
      vacate(carrier.target)
      throw error
    } finally {
      opening -= 1
    }
    if (closed) {
      carrier.lane.close()
      return
    }
    listener.opened()
    carriers.add(carrier)
    release(carrier)
    openMore()
  }

  function createCarrier(): Carrier {
    const { target, secureContext } = nextSeat()
    seated.add(target)
    const carrier: Carrier = {
      target,
      lane: openLane(target, secureContext),
      request: noRequest,
      answered(_, serviceUs, bytes, seen) {
        const { request } = carrier
        if (seen.closes === true) {
          drop(carrier)
          openMore()
        } else release(carrier)
        listener.answered(request, serviceUs, bytes)
      },
      failed(why) {
        const { request } = carrier
        drop(carrier)
        if (request !== noRequest) listener.failed(request, why)
        openMore()
      },
    }
    // A connection that the server closes while nobody uses it must not be handed out again.
    void carrier.lane.closed.then(() => {
      if (carrier.request === noRequest) drop(carrier)
    })
    return carrier
  }

  return {
    async connect(connections) {
      await inParallel(Math.min(connections, maxConnections), mostAtStart, open)
    },
    send(request) {
      const carrier = free.take()
      if (carrier === null) {
        queue.add(request)
        openMore()
      } else carry(carrier, request)
    },
    giveUp(request) {
      if (queue.delete(request)) return
      for (const carrier of carriers) {
        if (carrier.request === request) drop(carrier)
      }
      openMore()
    },
    close() {
      closed = true
      for (const carrier of carriers) carrier.lane.close()
    },
  }
}

/** A connection with the request that it carries. */
interface Carrier extends Receiver {
  readonly lane: Lane
  readonly target: Endpoint
  request: number
}

/** Connections that carry nothing. */
interface Free {
  add(carrier: Carrier): void
  delete(carrier: Carrier): void
  /** One of them is gone, whose client will come back when it has its turn. */
  vacate(): void
  /** Null: a new one is wanted. */
  take(): Carrier | null
}

/**
 * Of one client the one that was freed last is taken first: those beyond what the rate needs stay idle. Of many
 * the one that waited longest: else the first few would send everything, and the others be clients by name only.
 */
function createFree(ofMany: boolean): Free {
  const waiting = new Set<Carrier | Vacancy>()
  const stack: Carrier[] = []
  return ofMany
    ? {
        add: (carrier) => void waiting.add(carrier),
        delete: (carrier) => void waiting.delete(carrier),
        vacate: () => void waiting.add({ isVacant: true }),
        take() {
          const first = takeFirst(waiting)
          return first === null || 'isVacant' in first ? null : first
        },
      }
    : {
        add: (carrier) => void stack.push(carrier),
        delete(carrier) {
          const index = stack.indexOf(carrier)
          if (index >= 0) stack.splice(index, 1)
        },
        vacate: () => undefined,
        take: () => stack.pop() ?? null,
      }
}

/** The turn of a client that has no connection at the moment. */
interface Vacancy {
  readonly isVacant: true
}

function takeFirst<T>(queue: Set<T>): T | null {
  for (const first of queue) {
    queue.delete(first)
    return first
  }
  return null
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

const noRequest = -1
/** Handshakes under way beyond those of the start. */
const mostAtOnce = 4
/** And at the start: a thousand at once would each wait for all others, some beyond every patience. */
const mostAtStart = 64
