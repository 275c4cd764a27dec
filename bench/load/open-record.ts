import { createHistogram, recordUs, type Histogram } from './histogram.ts'

/** What became of the requests of an open loop. All histograms are in whole µs. */
export interface OpenRecord {
  readonly answered: number
  /** By reason: what a connection said, or what was wrong with an answer. */
  readonly errors: Readonly<Record<string, number>>
  readonly timeouts: number
  readonly bytesReceived: number
  readonly connectionsOpened: number
  /** Requests under way or waiting, at most. */
  readonly maxOutstanding: number
  /** Intended send to the moment the generator came to it: the generator's own fault. */
  readonly lateness: Histogram
  /** Intended send to the hand-over to a connection: lateness, and the wait for a free one. */
  readonly queueWait: Histogram
  /** Hand-over to last byte, of answered requests. */
  readonly service: Histogram
  /** Intended send to last byte, failure or timeout: what a user sees who waits for nobody else. */
  readonly response: Histogram
  /** Time in which the generator only looked at the clock: its CPU is no sign of load. */
  readonly spinUs: number
}

/** An empty record. Times are in ms, as the clock gives them. */
export function createOpenRecord() {
  const errors: Record<string, number> = {}
  const histograms = {
    lateness: createHistogram(),
    queueWait: createHistogram(),
    service: createHistogram(),
    response: createHistogram(),
  }
  const counts = {
    answered: 0,
    timeouts: 0,
    bytesReceived: 0,
    connectionsOpened: 0,
    maxOutstanding: 0,
  }
  let spinMs = 0
  return {
    late(ms: number) {
      recordMs(histograms.lateness, ms)
    },
    queued(ms: number) {
      recordMs(histograms.queueWait, ms)
    },
    answered(serviceUs: number, bytes: number) {
      counts.answered += 1
      counts.bytesReceived += bytes
      recordMs(histograms.service, serviceUs / usPerMs)
    },
    failed(why: string) {
      errors[why] = (errors[why] ?? 0) + 1
    },
    timedOut() {
      counts.timeouts += 1
    },
    responded(ms: number) {
      recordMs(histograms.response, ms)
    },
    opened() {
      counts.connectionsOpened += 1
    },
    outstanding(requests: number) {
      counts.maxOutstanding = Math.max(counts.maxOutstanding, requests)
    },
    spun(ms: number) {
      spinMs += ms
    },
    read: (): OpenRecord => ({ ...counts, errors, ...histograms, spinUs: spinMs * usPerMs }),
  }
}

function recordMs(histogram: Histogram, ms: number): void {
  recordUs(histogram, ms * usPerMs)
}

const usPerMs = 1_000
