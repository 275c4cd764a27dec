import { createRandom, type Random } from '../random.ts'
import { warmthLost } from './capacity-load.ts'

/** One kind of work that comes to a process: requests of a mechanism, or new connections of its clients. */
export interface WorkClass {
  /** Of all arrivals; those of all classes sum to 1. */
  readonly share: number
  /** Mean time that it keeps the process, in µs: of work that finds it asleep, and of work that waits. */
  readonly asleepUs: number
  readonly awakeUs: number
  /** Times over their mean, as measured: the shape of the distribution. */
  readonly shape: Float64Array
  /** Part of the latency in which nobody is kept: client, network, authorization server. */
  readonly delayUs: number
  /** What is added to `asleepUs` where the process has long been idle. */
  readonly coldUs: number
  /** Whether its latency is one of a request; else it only makes others wait. */
  readonly isRequest: boolean
}

/** A queue to simulate. */
export interface Queue {
  readonly classes: readonly WorkClass[]
  /** Arrivals of all classes, in a Poisson process. */
  readonly arrivalsPerSecond: number
  /** That take from one queue, in the order of arrival; 1 is M/G/1, more M/G/c. */
  readonly processes: number
  /** So many are observed, after a tenth as many that are not. */
  readonly requests: number
  readonly seed: number
}

/** Latencies in µs, ascending. */
export type Latencies = Float64Array

/**
 * Latencies of requests in a queue whose processes serve in order of arrival (Kiefer and Wolfowitz 1955; with
 * one process Lindley 1952). Work that finds its process asleep takes another time than work that waits for it
 * (Welch 1964, "exceptional first service"): waking up costs an event loop more than the next turn, and the more
 * the longer it slept. The same seed gives the same arrivals, sizes and order, whatever the means, so that two queues differ by these alone.
 */
export function simulateQueue(queue: Queue): Latencies {
  const { classes, arrivalsPerSecond, processes, requests } = queue
  const random = createRandom(queue.seed)
  const freeAtUs = new Float64Array(processes)
  const latencies = new Float64Array(requests)
  const gapUs = usPerSecond / arrivalsPerSecond
  const choose = chooser(classes)
  const unobserved = Math.ceil(requests / 10)
  let nowUs = 0
  for (let arrival = 0, observed = 0; observed < requests; arrival++) {
    nowUs -= Math.log(1 - random()) * gapUs
    const work = choose(random)
    const size = work.shape[Math.floor(random() * work.shape.length)] ?? 1
    const freeUs = freeAtUs[0] ?? 0
    const lost = freeUs <= nowUs ? warmthLost(nowUs - freeUs) : null
    const endUs =
      lost === null
        ? freeUs + size * work.awakeUs
        : nowUs + size * (work.asleepUs + work.coldUs * lost)
    replaceFirst(freeAtUs, endUs)
    if (arrival >= unobserved && work.isRequest)
      latencies[observed++] = endUs - nowUs + work.delayUs
  }
  return latencies.sort()
}

/** The latency in µs at a percentile between 0 and 100. */
export function percentileOf(latencies: Latencies, percentile: number): number {
  const rank = Math.max(1, Math.ceil((percentile / 100) * latencies.length))
  return latencies[rank - 1] ?? Number.NaN
}

/** Share of requests that take longer. */
export function shareBeyond(latencies: Latencies, limitUs: number): number {
  const first = latencies.findIndex((latencyUs) => latencyUs > limitUs)
  return first < 0 ? 0 : (latencies.length - first) / latencies.length
}

/** One draw a class: so many numbers a request whatever the classes are. */
function chooser(classes: readonly WorkClass[]): (random: Random) => WorkClass {
  const [first] = classes
  if (first === undefined) throw new RangeError('a queue needs work')
  let sum = 0
  const upTo = classes.map(({ share }) => (sum += share))
  return (random) => {
    const place = random() * sum
    return classes[upTo.findIndex((end) => place < end)] ?? first
  }
}

/** Gives the process that is free first another end, and finds the next (a binary heap). */
function replaceFirst(heap: Float64Array, value: number): void {
  let place = 0
  for (;;) {
    const left = 2 * place + 1
    if (left >= heap.length) break
    const right = left + 1
    const least = right < heap.length && (heap[right] ?? 0) < (heap[left] ?? 0) ? right : left
    const child = heap[least] ?? 0
    if (child >= value) break
    heap[place] = child
    place = least
  }
  heap[place] = value
}

const usPerSecond = 1e6
