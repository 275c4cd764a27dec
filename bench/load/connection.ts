import { performance } from 'node:perf_hooks'
import { BenchError } from '../errors.ts'
import { openLane, seatsInTurn, type Lane, type Receiver } from './lane.ts'
import type { LoadReading, LoadTarget } from './target.ts'

/** Keep-alive connections that stay open over slices: no slice pays for a handshake. */
export interface Connections extends AsyncDisposable {
  /** Sends `requests` in a closed loop, one at a time on each connection; throws `measurement-failed`. */
  run(requests: number): Promise<LoadReading>
  close(): void
}

/**
 * Opens connections, of one client or of several in turn; rejects when the server or its certificate is
 * refused.
 */
export async function openConnections(
  targets: LoadTarget | readonly LoadTarget[],
  connections: number,
): Promise<Connections> {
  const next = seatsInTurn(targets)
  const seats = Array.from({ length: connections }, next)
  const lanes = seats.map(({ target, secureContext }) => openLane(target, secureContext))
  const { target } = seats[0] ?? next()
  const opened = await Promise.allSettled(lanes.map((lane) => lane.opened))
  const close = () => {
    for (const lane of lanes) lane.close()
  }
  const refused = opened.find((result) => result.status === 'rejected')
  if (refused !== undefined) {
    close()
    throw new BenchError(
      'measurement-failed',
      `no connection to port ${target.port}: ${String(refused.reason)}`,
    )
  }
  return {
    run: (requests) => runClosedLoop(lanes, requests, target),
    close,
    [Symbol.asyncDispose]: () => Promise.resolve().then(close),
  }
}

function runClosedLoop(
  lanes: readonly Lane[],
  requests: number,
  { port, expect }: LoadTarget,
): Promise<LoadReading> {
  const latenciesUs = new Float64Array(requests)
  let issued = 0
  let completed = 0
  let bytesReceived = 0
  const { promise, resolve, reject } = Promise.withResolvers<LoadReading>()
  const startMs = performance.now()
  const slice: Receiver = {
    answered(lane, latencyUs, bytes) {
      latenciesUs[completed] = latencyUs
      completed += 1
      bytesReceived += bytes
      if (issued < requests) {
        issued += 1
        lane.send(slice)
      } else if (completed === requests) {
        clearTimeout(timer)
        const wallUs = (performance.now() - startMs) * usPerMs
        // A lane reports only answers with the expected status.
        const statuses = { [expect.status]: requests }
        resolve({ requests, wallUs, latenciesUs, statuses, bytesReceived })
      }
    },
    failed(why) {
      clearTimeout(timer)
      // No lane asks again: the requests under way are answered into the void.
      issued = requests
      reject(
        new BenchError(
          'measurement-failed',
          `port ${port}, request ${completed + 1} of ${requests}: ${why}`,
        ),
      )
    },
  }
  const timer = setTimeout(() => {
    slice.failed(`no answer within ${sliceTimeoutMs} ms`)
  }, sliceTimeoutMs)
  for (const lane of lanes.slice(0, requests)) {
    issued += 1
    lane.send(slice)
  }
  return promise
}

const usPerMs = 1_000
// A slice takes about 50 ms; a server that needs 30 s for it hangs.
const sliceTimeoutMs = 30_000
