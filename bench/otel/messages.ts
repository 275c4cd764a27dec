import type { CompanionCpu } from '../companion/messages.ts'
import type { OtlpState } from './otlp.ts'
import type { Attributes, Reading } from './readings.ts'

/** Where a Prometheus looks. */
export interface ScrapeAddress {
  readonly host: string
  /** 0: any free one. */
  readonly port: number
}

/** Where metrics go; null: not there. */
export interface MetricsSettings {
  readonly otlpUrl: string | null
  readonly prometheus: ScrapeAddress | null
}

/** What the bench tells the process that exports. */
export type MetricsOrder =
  /** Who measures: before the first block. */
  | { readonly kind: 'resource'; readonly attributes: Attributes }
  /** Something is measured: nothing is made or sent of one's own accord until the next `export`. */
  | { readonly kind: 'measuring' }
  /** Nothing is measured: this is the moment to export, for so long at most. */
  | {
      readonly kind: 'export'
      readonly readings: readonly Reading[]
      readonly timeoutMs: number
      readonly isLast: boolean
    }
  /** All is exported: answered when the endpoint has been read once more, or after so long. */
  | { readonly kind: 'last-scrape'; readonly timeoutMs: number }

/** What the process says when it can begin: the port that it listens at, or why it listens at none. */
export interface MetricsReady {
  readonly port: number | null
  readonly refused: string | null
}

/** How exporting goes; null where nobody was to get OTLP. */
export interface MetricsState extends CompanionCpu {
  readonly otlp: OtlpState | null
  /** Times that somebody has read the endpoint. */
  readonly scrapes: number
}
