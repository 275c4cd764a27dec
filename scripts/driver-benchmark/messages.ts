import type { LoadTarget } from '../../bench/load/target.ts'

/** The load generators that run as a process of ours; wrk is a program of its own. */
export type NodeClient = 'ours' | 'autocannon' | 'undici'

/** What a client process is told first: the target without its Buffer, which JSON would mangle. */
export interface Setup {
  readonly target: Omit<LoadTarget, 'expect'>
  readonly expectBody: string
  readonly connections: number
  /** Whose CPU the client reads at both ends of its window. */
  readonly serverPid: number
}

/** What a client process is told then: measure so many requests. */
export interface SliceOrder {
  readonly requests: number
}

/** One slice over connections that were warm before it began. */
export interface SliceReading {
  readonly requests: number
  /** User and system time of all threads of the client. */
  readonly clientCpuUs: number
  readonly serverCpuUs: number
  /** As the client saw it; null for wrk, which tells none for a part of its run. */
  readonly latencyP50Us: number | null
}

/** What a client process answers to its setup and to each order. */
export type ClientAnswer =
  | { readonly kind: 'ready' }
  | { readonly kind: 'slice'; readonly slice: SliceReading }
  | { readonly kind: 'failed'; readonly reason: string }
