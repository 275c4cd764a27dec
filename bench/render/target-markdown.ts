import { machineWords } from './changes.ts'
import { markdownProse, markdownTable } from './markdown-text.ts'
import { namesOf, type ReportedRun } from './page-model.ts'
import {
  factsTable,
  figureTables,
  isTimedOnly,
  preflightTable,
  type TargetTable,
} from './target-tables.ts'
import { comparisonSentence } from './target-text.ts'

/** Runs of the user's own servers for a comment or a job summary on GitHub: their tables, and what is compared. */
export function renderTargetMarkdown(runs: readonly ReportedRun[]): string {
  return ['### What these servers take', ...runs.flatMap(partsOf)].join('\n\n').concat('\n')
}

function partsOf(reported: ReportedRun): string[] {
  const { run, summary } = reported
  const tables = [factsTable(reported), ...figureTables(reported), preflightTable(reported)]
  return [
    markdownProse(`${machineWords(run.environment)}; run ${run.runId}`),
    ...(run.arms.some(isTimedOnly)
      ? ['No server CPU, wall-clock only: network and queues included.']
      : []),
    ...tables.filter(({ rows }) => rows.length > 0).map(tableLines),
    ...summary.comparisons.map((one) => markdownProse(comparisonSentence(one, namesOf(summary)))),
  ]
}

function tableLines({ caption, heads, rows }: TargetTable): string {
  const columns = heads.map((head) => ({ head, align: 'left' as const }))
  const cells = rows.map((row) => heads.map((_, index) => markdownProse(row[index] ?? '')))
  return [markdownProse(caption), '', ...markdownTable(columns, cells)].join('\n')
}
