import type { Block, Slice } from '../results.ts'
import { clientUtilization, readClient, readMachine } from '../sensors.ts'
import type { CpuSource } from './cpu.ts'

/** CPU of a target over a whole block. */
export type Counted = NonNullable<Block['counted']>[number]

/** What is known of a slice on a target: everything about the client and the machine, of the target its CPU at most. */
export type TargetSensed = Pick<
  Slice,
  | 'cpuUs'
  | 'issuerCpuUs'
  | 'clientCpuUs'
  | 'runQueueUs'
  | 'stealUs'
  | 'foreignCpuUs'
  | 'clientRunQueueUs'
  | 'eventLoopUtilization'
  | 'clientEventLoopUtilization'
  | 'gcUs'
  | 'rssBytes'
>

/** Reads before a slice; what it returns reads after it. CPU that is known no finer than by blocks is null. */
export async function senseTarget(cpu: CpuSource | null): Promise<() => Promise<TargetSensed>> {
  const readCpuUs = () => (cpu?.perSlice === true ? cpu.readUs() : Promise.resolve(null))
  const startUs = await readCpuUs()
  const before = { client: readClient(), machine: readMachine() }
  return async () => {
    const after = { client: readClient(), machine: readMachine() }
    return {
      cpuUs: minus(await readCpuUs(), startUs),
      issuerCpuUs: null,
      clientCpuUs: after.client.cpuUs - before.client.cpuUs,
      runQueueUs: null,
      stealUs: minus(after.machine.stealUs, before.machine.stealUs),
      foreignCpuUs: null,
      clientRunQueueUs: minus(after.client.runQueueUs, before.client.runQueueUs),
      eventLoopUtilization: null,
      clientEventLoopUtilization: clientUtilization(before.client, after.client),
      gcUs: null,
      rssBytes: null,
    }
  }
}

/** CPU around a whole block, and the requests that it is for. */
export interface BlockCounter {
  /** Requests that were answered; the same promise. */
  counting<T extends { readonly requests: number }>(work: Promise<T>): Promise<T>
  /** Null where slices tell it, or nobody, or nothing was asked. */
  finish(): Promise<Counted | null>
}

/** Begins to count, where CPU is too coarse for slices. */
export async function startCounter(label: string, cpu: CpuSource | null): Promise<BlockCounter> {
  const startMs = performance.now()
  const coarse = cpu === null || cpu.perSlice ? null : cpu
  const startUs = (await coarse?.readUs()) ?? null
  let requests = 0
  return {
    async counting(work) {
      const reading = await work
      requests += reading.requests
      return reading
    },
    async finish() {
      if (coarse === null || startUs === null || requests === 0) return null
      const wallMs = performance.now() - startMs
      const cpuUs = isTooCoarse(coarse, wallMs) ? null : (await coarse.readUs()) - startUs
      const { resolutionMs } = coarse
      return { arm: label, cpuUs, requests, wallUs: wallMs * usPerMs, resolutionMs }
    },
  }
}

/** Whether a counter says nothing of so short a time: one that moves every 15 s says nothing of 5 s. */
export function isTooCoarse({ resolutionMs }: CpuSource, durationMs: number): boolean {
  return resolutionMs !== null && durationMs < leastScrapes * resolutionMs
}

function minus(a: number | null, b: number | null): number | null {
  return a === null || b === null ? null : a - b
}

const usPerMs = 1_000
/** Either end of a block is known to one scrape. */
const leastScrapes = 4
