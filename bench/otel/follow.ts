import { join } from 'node:path'
import { startCompanion, type Companion } from '../companion/companion.ts'
import { BenchError } from '../errors.ts'
import type { Run, Warning } from '../results.ts'
import type { RunEvent } from '../run.ts'
import { environmentOf } from './environment.ts'
import { createIdentity, type Identity } from './identity.ts'
import type { MetricsOrder, MetricsReady, MetricsSettings, MetricsState } from './messages.ts'
import {
  beginningReadings,
  blockReadings,
  runReadings,
  windowReadings,
  type Reading,
} from './readings.ts'
import {
  addressText,
  endpointLine,
  failureLine,
  goneLine,
  lastScrapeLine,
  metricsWarnings,
  stateLine,
} from './tell.ts'

/** A run as its metrics follow it. */
export interface MetricsFollower extends AsyncDisposable {
  /** Told of the run whenever it is saved: from the first time on it has a name and arms. */
  readonly saved: (run: Run) => void
  readonly event: (event: RunEvent) => void
  /** Exports; awaited before each block and each window, so that nothing of it is left when they begin. */
  readonly betweenMeasurements: () => Promise<void>
  /** Exports for the last time, tells what it took, and returns what a reader of the run must know. */
  readonly ended: () => Promise<readonly Warning[]>
  /** Where somebody reads the endpoint, waits until the last figures are read, too: for a while, or Ctrl-C. */
  readonly lastScrape: () => Promise<void>
}

/** What following a run needs. */
export interface MetricsFollowOptions {
  readonly settings: MetricsSettings
  readonly err: (line: string) => void
  readonly signal: AbortSignal
}

/**
 * Starts the process that exports; nothing of OpenTelemetry is loaded in this one. Throws a usage error
 * where nobody can listen at the address for Prometheus, before anything is measured.
 */
export async function followMetrics(options: MetricsFollowOptions): Promise<MetricsFollower> {
  const { settings, err, signal } = options
  const lost: string[] = []
  const companion = await start(settings, (why) => {
    lost.push(why)
    if (!signal.aborted) err(goneLine(why))
  })
  const port = companion?.ready.port ?? null
  if (port !== null && settings.prometheus !== null) err(endpointLine(settings.prometheus, port))
  const identity = createIdentity()
  let pending: Reading[] = []
  let state: MetricsState | null = null
  let hasFailed = false
  const aborted = new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => {
      resolve()
    })
  })
  const exportAll = async (isLast: boolean) => {
    const { exportMs, answerMs } = signal.aborted ? hurried : patient
    const order = { kind: 'export', readings: pending, timeoutMs: exportMs, isLast } as const
    pending = []
    state = (await companion?.ask(order, answerMs)) ?? state
    const failure = state?.otlp?.failure ?? null
    if (failure === null || hasFailed) return
    // Told at once: who waits for a graph to move should not wait for the end.
    hasFailed = true
    err(failureLine(settings, failure))
  }
  return {
    saved(run) {
      const attributes = identity.learn(run)
      if (attributes === null) return
      companion?.order({ kind: 'resource', attributes })
      pending.push(...runReadings(identity.run()))
    },
    event(event) {
      pending.push(...readingsOf(event, identity))
    },
    async betweenMeasurements() {
      await Promise.race([exportAll(false), aborted])
      companion?.order({ kind: 'measuring' })
    },
    async ended() {
      await exportAll(true)
      if (state !== null) err(stateLine(state))
      return metricsWarnings(settings, { state, lost })
    },
    async lastScrape() {
      if ((state?.scrapes ?? 0) === 0 || signal.aborted) return
      err(lastScrapeLine(lastScrapeMs))
      const order = { kind: 'last-scrape', timeoutMs: lastScrapeMs } as const
      await Promise.race([companion?.ask(order, lastScrapeMs + patient.answerMs), aborted])
    },
    async [Symbol.asyncDispose]() {
      await companion?.[Symbol.asyncDispose]()
    },
  }
}

type Exporter = Companion<MetricsOrder, MetricsState, MetricsReady>

/** Null where the process does not start, which is told as its loss; throws a usage error where it cannot listen. */
async function start(
  settings: MetricsSettings,
  onLost: (why: string) => void,
): Promise<Exporter | null> {
  const companion = await startOrSay(settings, onLost)
  const refused = companion?.ready.refused ?? null
  if (companion === null || refused === null || settings.prometheus === null) return companion
  await companion[Symbol.asyncDispose]()
  throw new BenchError(
    'usage',
    `--metrics-prometheus ${addressText(settings.prometheus)}: cannot listen there (${refused}); give another address, or port 0 for any free one`,
  )
}

async function startOrSay(
  settings: MetricsSettings,
  onLost: (why: string) => void,
): Promise<Exporter | null> {
  try {
    const script = join(import.meta.dirname, 'metrics-process.ts')
    return await startCompanion({ script, env: environmentOf(settings, process.env), onLost })
  } catch (error) {
    onLost(error instanceof Error ? error.message : String(error))
    return null
  }
}

function readingsOf(event: RunEvent, { run, who }: Identity): readonly Reading[] {
  switch (event.kind) {
    case 'window-started':
      return beginningReadings(event, who)
    case 'window-finished':
      return windowReadings(event.window, who)
    case 'block-finished':
      return blockReadings(event.block, run(), who)
    case 'preflight-started':
    case 'preflight-finished':
    case 'clients':
    case 'block-started':
    case 'warming':
    case 'slice':
    case 'primitives':
      return []
  }
}

/** The process itself answers in some ms; at the lowest priority it waits for whatever else wants the core. */
const patient = { exportMs: 1_800, answerMs: 10_000 } as const
// Ctrl-C promises that all is gone within 2 s.
const hurried = { exportMs: 300, answerMs: 1_000 } as const
/** The usual interval of a Prometheus. */
const lastScrapeMs = 15_000
