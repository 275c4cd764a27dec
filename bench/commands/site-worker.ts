import { join } from 'node:path'
import { parentPort, workerData } from 'node:worker_threads'
import { summarise } from '../analysis/summary.ts'
import type { PageAssets } from '../render/html.ts'
import { figure, namesOf } from '../render/page-model.ts'
import { renderRunPage } from '../render/run-page.ts'
import { runAddress, type SiteRun } from '../render/site-pages.ts'
import type { Run } from '../results.ts'
import { readRun, savePage } from '../store.ts'

/** What a worker is told: the files whose pages it writes. */
export interface SiteWork {
  readonly files: readonly string[]
  readonly folder: string
  readonly assets: PageAssets
}

/** What it tells of each file. */
export type SitePage =
  | { readonly kind: 'unreadable'; readonly message: string }
  /** `slices` is the run with what a history is made of and nothing else. */
  | { readonly kind: 'written'; readonly file: string; readonly run: SiteRun; readonly slices: Run }

/** Reads a run and writes its page. */
export function writeRunPage(file: string, { folder, assets }: Omit<SiteWork, 'files'>): SitePage {
  let run: Run
  try {
    run = readRun(file).run
  } catch (error) {
    return { kind: 'unreadable', message: error instanceof Error ? error.message : String(error) }
  }
  const summary = summarise(run, undefined, { withSingleConnection: false })
  const page = renderRunPage({ run, summary }, { assets, home: '../index.html' })
  savePage(join(folder, runAddress(run.runId)), page)
  const nameOf = namesOf(summary)
  const { blocks, ...head } = run
  const arms = run.arms.map((arm) => ({
    ...arm,
    preflight: arm.preflight === null ? null : { ...arm.preflight, refusals: [] },
  }))
  return {
    kind: 'written',
    file,
    run: {
      run: { ...head, arms: [] },
      blocksMeasured: summary.blocksMeasured,
      cpuUs: summary.arms.flatMap(({ record, figures }) => {
        const known = figure(figures?.metrics.cpuUsPerRequest)
        return known === null ? [] : [[nameOf(record.id), known] as const]
      }),
    },
    slices: {
      ...run,
      arms,
      blocks: blocks.map(({ index, startedAt, startOrder, outcome, reason, slices }) => ({
        ...{ index, startedAt, startOrder, outcome, reason },
        // The others are half of it, and would all go from one thread to the other.
        slices: slices.filter(({ load }) => load === 'duet'),
        histograms: [],
      })),
    },
  }
}

function isWork(value: unknown): value is SiteWork {
  return typeof value === 'object' && value !== null && 'files' in value && 'assets' in value
}

if (parentPort !== null && isWork(workerData)) {
  for (const file of workerData.files) parentPort.postMessage(writeRunPage(file, workerData))
}
