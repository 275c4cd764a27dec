import type { ServerMessage, Snapshot } from '../telemetry.ts'

/** What any server tells of itself: of a product that is not ours, what only our own servers know is null. */
export interface ServerSnapshot extends Omit<Snapshot, OwnCount> {
  readonly connectionsOpen: number | null
  readonly cpuUs: number | null
  readonly eventLoopActiveUs: number | null
  readonly eventLoopIdleUs: number | null
  readonly gcUs: number | null
  readonly heapUsedBytes: number | null
}

type OwnCount =
  'connectionsOpen' | 'cpuUs' | 'eventLoopActiveUs' | 'eventLoopIdleUs' | 'gcUs' | 'heapUsedBytes'

/** The product that a supervisor has started. */
export interface ProductReady {
  /** Name and version. */
  readonly title: string
  /** Process whose tree is the product: what it uses is the product's, and nobody else's. */
  readonly pid: number
}

/** Messages of the programs in `servers/`, the supervisor of products included. */
export type ProgramMessage =
  | Extract<ServerMessage, { kind: 'reloaded' }>
  | { readonly kind: 'ready'; readonly port: number; readonly product?: ProductReady }
  | { readonly kind: 'snapshot'; readonly id: number; readonly snapshot: ServerSnapshot }
  /** A product cannot take over what was told; it goes on as it was. */
  | { readonly kind: 'unable'; readonly id: number; readonly reason: string }
