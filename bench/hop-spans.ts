import type { SpanReport } from '../servers/spans.ts'
import { createHistogram, encodeHistogram, recordUs, type Histogram } from './load/histogram.ts'
import type { ServerProcess } from './processes.ts'
import type { Block } from './results.ts'

/** The spans of one hop in one slice. */
export interface HopSpans {
  readonly hop: string
  readonly report: SpanReport
}

/** Merges spans by arm, connections and hop, as latencies are. */
export interface SpanRecorder {
  add(
    place: { readonly arm: string; readonly connections: number },
    spans: readonly HopSpans[],
  ): void
  /** Nothing where there were none. */
  finish(): Pick<Block, 'spans'>
}

/** Asks the hops of a server for the spans since they were last asked; empty where none takes any. */
export async function takeSpans(server: ServerProcess): Promise<HopSpans[]> {
  const asked = (server.hops ?? []).filter(({ takesSpans: takes }) => takes)
  return Promise.all(
    asked.map(async ({ hop, process }) => ({ hop: hop.name, report: await process.spans() })),
  )
}

/** An empty recorder. */
export function createSpanRecorder(): SpanRecorder {
  const kept = new Map<string, Kept>()
  return {
    add({ arm, connections }, spans) {
      for (const { hop, report } of spans) {
        const key = JSON.stringify([arm, connections, hop])
        const entry = kept.get(key) ?? {
          ...{ arm, connections, hop },
          ...{ whole: createHistogram(), own: createHistogram() },
        }
        kept.set(key, entry)
        for (const [index, wholeNs] of report.wholeNs.entries()) {
          recordUs(entry.whole, wholeNs / nsPerUs)
          recordUs(entry.own, (wholeNs - (report.upstreamNs[index] ?? 0)) / nsPerUs)
        }
      }
    },
    finish: () =>
      kept.size === 0
        ? {}
        : {
            spans: [...kept.values()].map((entry) => ({
              ...entry,
              whole: encodeHistogram(entry.whole),
              own: encodeHistogram(entry.own),
            })),
          },
  }
}

interface Kept {
  readonly arm: string
  readonly connections: number
  readonly hop: string
  readonly whole: Histogram
  readonly own: Histogram
}

const nsPerUs = 1_000
