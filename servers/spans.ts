import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { performance } from 'node:perf_hooks'

/** How long requests were in this process since it was last asked, in ns, in the order of their ends. */
export interface SpanReport {
  /** From the head of the request to the end of the answer. */
  readonly wholeNs: readonly number[]
  /** Of that, from the request handed to the next hop to the head of its answer; 0 in the last hop. */
  readonly upstreamNs: readonly number[]
  /** Requests before those, of which there was no room to remember any. */
  readonly forgotten: number
}

/** The answer to the question `{ kind: 'spans', id }` over the IPC channel. */
export interface SpanMessage {
  readonly kind: 'spans'
  readonly id: number
  readonly report: SpanReport
}

/** What a hop tells of its calls to the next one. */
export interface Spans {
  /** The request is handed over. */
  readonly sent: (request: IncomingMessage) => void
  /** The head of the answer is here. */
  readonly answered: (request: IncomingMessage) => void
  /** All since the last call, which it then forgets. */
  readonly take: () => SpanReport
}

/**
 * Takes the time of every request of a server from now on, and tells it over IPC when asked. Costs two
 * readings of the clock a request, four with a next hop: `--set spans=off` beside `on` shows what that is.
 */
export function attachSpans(server: Server, nowMs: () => number = () => performance.now()): Spans {
  const open = new WeakMap<IncomingMessage, OpenSpan>()
  const kept = createRing()
  function finish(this: ServerResponse): void {
    const span = open.get(this.req)
    if (span !== undefined) kept.add(nowMs() - span.startMs, span.upstreamMs)
  }
  // Before the handler: what parses and routes is part of the span.
  server.prependListener('request', (request: IncomingMessage, response: ServerResponse) => {
    open.set(request, { startMs: nowMs(), sentMs: 0, upstreamMs: 0 })
    response.once('finish', finish)
  })
  const spans: Spans = {
    sent(request) {
      const span = open.get(request)
      if (span !== undefined) span.sentMs = nowMs()
    },
    answered(request) {
      const span = open.get(request)
      if (span !== undefined) span.upstreamMs += nowMs() - span.sentMs
    },
    take: () => kept.take(),
  }
  answerParent(spans)
  return spans
}

interface OpenSpan {
  readonly startMs: number
  sentMs: number
  upstreamMs: number
}

/** The newest spans, as many as there is room for. */
function createRing() {
  const whole = new Float64Array(capacity)
  const upstream = new Float64Array(capacity)
  let count = 0
  return {
    add(wholeMs: number, upstreamMs: number): void {
      const place = count % capacity
      whole[place] = wholeMs
      upstream[place] = upstreamMs
      count += 1
    },
    take(): SpanReport {
      const size = Math.min(count, capacity)
      const first = count - size
      const inOrder = (values: Float64Array) =>
        Array.from({ length: size }, (_, index) =>
          Math.round((values[(first + index) % capacity] ?? 0) * nsPerMs),
        )
      const report = { wholeNs: inOrder(whole), upstreamNs: inOrder(upstream), forgotten: first }
      count = 0
      return report
    },
  }
}

function answerParent(spans: Spans): void {
  process.on('message', (message: { readonly kind: string; readonly id: number }) => {
    if (message.kind !== 'spans') return
    const answer: SpanMessage = { kind: 'spans', id: message.id, report: spans.take() }
    process.send?.(answer, undefined, undefined, () => undefined)
  })
}

/** Slices are of some hundred requests, and are asked for one by one. */
const capacity = 16_384
const nsPerMs = 1e6
