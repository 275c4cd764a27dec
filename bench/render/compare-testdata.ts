import type { MetricName } from '../analysis/metrics.ts'
import { metrics } from '../analysis/metrics.ts'
import type { Change, RunComparison, Side } from '../analysis/sides.ts'
import type { Estimate } from '../analysis/stats.ts'
import { defaultThresholds, judge } from '../analysis/verdict.ts'
import type { Environment } from '../results.ts'

// Comparisons for tests of how they are shown; verdicts are judged, not written down.

/** A live comparison of `main` and the working tree with nothing in it yet. */
export const emptyComparison: RunComparison = {
  kind: 'live',
  before: sideNamed('main', 'b'),
  after: sideNamed('working tree', 'a'),
  changes: [],
  missing: [],
  forced: [],
  thresholds: defaultThresholds,
  warnings: [],
}

/** A side with this label and a commit of one digit. */
export function sideNamed(label: string, digit: string): Side {
  return {
    runId: '20250101T000000Z-aaaaaaaa-live',
    label,
    commit: digit.repeat(40),
    dirty: false,
    startedAt: '2025-01-01T00:00:00.000Z',
    complete: true,
  }
}

/** A change from 100 ± 1 µs by a ratio with ±. */
export function changeOf(
  id: string,
  ratio: number,
  half: number,
  metric: MetricName = 'cpuUsPerRequest',
): Change {
  const change = estimateOf(ratio, half)
  return {
    case: id,
    metric,
    before: estimateOf(100, 1),
    after: estimateOf(100 * ratio, 1),
    ratio: change,
    ...judge(change, metrics[metric], defaultThresholds),
    clientLimited: false,
  }
}

/** An estimate over 16 blocks with ±. */
export function estimateOf(estimate: number, half: number): Estimate {
  return { estimate, low: estimate - half, high: estimate + half, level: 0.992, blocks: 16 }
}

/** A machine. */
export const environment: Environment = {
  machineId: 'machine',
  cpuModel: 'CPU of a test',
  cores: 2,
  memoryBytes: 1,
  os: 'Linux 6.1',
  arch: 'x64',
  node: 'v26.10.0',
  openssl: '3.5.4',
  v8: '14',
  packages: {},
  commit: null,
  branch: null,
  dirty: null,
  pinned: true,
  serverCpus: [1],
  clientCpus: [0],
}
