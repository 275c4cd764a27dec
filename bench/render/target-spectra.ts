import { cellsOf, usesOf } from '../analysis/churn.ts'
import { measuredBlocks } from '../analysis/reading.ts'
import { hasCurves } from '../analysis/summary.ts'
import { decodeHistogram } from '../load/histogram.ts'
import type { ChurnCell, Run } from '../results.ts'
import { useName } from './churn-text.ts'
import { namesOf, pageCurves, type ReportedRun } from './page-model.ts'
import { connectionCounts, spectraOf, spectrumOf, type Spectrum } from './spectra.ts'

/** Latencies of all targets under one load. */
export interface TargetLoad {
  readonly label: string
  readonly lines: readonly (Spectrum & { readonly name: string })[]
}

/** What the scripts of a page draw of targets: the spectra of every load, and the curves of the first run that has any. */
export function pageTargets(runs: readonly ReportedRun[]) {
  const curve = runs.find(({ summary }) => hasCurves(summary))
  return {
    loads: runs.flatMap(targetLoads),
    curves: curve === undefined ? { sloP99Us: null, series: [] } : pageCurves(curve),
  }
}

/** Every load of a run that latencies are known of. */
export function targetLoads({ run, summary }: ReportedRun): TargetLoad[] {
  const nameOf = namesOf(summary)
  const loads = [...closedLoads(run), ...windowLoads(run), ...churnLoads(run)]
  return loads
    .map(({ label, lines }) => ({
      label,
      lines: lines
        .filter(({ points }) => points.length > 0)
        .map((line) => ({ ...line, name: nameOf(line.name) })),
    }))
    .filter(({ lines }) => lines.length > 0)
}

function closedLoads(run: Run): TargetLoad[] {
  return connectionCounts(run).map((connections) => ({
    label: `closed loop, ${connections} connection${connections === 1 ? '' : 's'}`,
    lines: run.arms.flatMap((arm) =>
      spectraOf(run, arm)
        .filter((one) => one.connections === connections)
        .map(({ samples, points }) => ({ name: arm.id, samples, points })),
    ),
  }))
}

/** Of a curve the rates that all blocks have: those of the search are few. */
function windowLoads(run: Run): TargetLoad[] {
  const windows = measuredBlocks(run.blocks)
    .flatMap(({ windows: own = [] }) => own)
    .filter(({ stage = 'grid' }) => stage === 'grid')
  const rates = Map.groupBy(windows, ({ plan }) => plan.ratePerSecond)
  return [...rates]
    .sort(([a], [b]) => a - b)
    .map(([rate, own]) => ({
      label: `${rate.toLocaleString('en')}/s offered`,
      lines: run.arms.map(({ id }) => ({
        name: id,
        ...spectrumOf(
          own
            .filter(({ arm }) => arm === id)
            .map(({ histograms }) => decodeHistogram(histograms.response)),
        ),
      })),
    }))
}

function churnLoads(run: Run): TargetLoad[] {
  const cells = cellsOf(run.blocks)
  return usesOf(cells).map((use) => ({
    label: `${use.clients === undefined ? useName(use) : `${use.clients} clients at once, ${use.policy}`}: ${isNew(use) ? 'connect to first answer' : 'each answer'}`,
    lines: run.arms.map(({ id }) => ({
      name: id,
      ...spectrumOf(
        cells
          .filter((cell) => cell.arm === id && useName(cell) === useName(use))
          .filter(({ clients }) => clients === use.clients)
          .flatMap(({ histograms: { served, response } }) => {
            const encoded = isNew(use) ? served : response
            return encoded == null ? [] : [decodeHistogram(encoded)]
          }),
      ),
    })),
  }))
}

function isNew({ requestsPerConnection }: Pick<ChurnCell, 'requestsPerConnection'>): boolean {
  return requestsPerConnection !== null
}
