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

/** A run of the user's own servers for a comment or a job summary on GitHub: its tables, and what is compared. */
export function renderTargetMarkdown(reported: ReportedRun): string {
  const { run, summary } = reported
  const tables = [factsTable(reported), ...figureTables(reported), preflightTable(reported)]
  return [
    '### What these servers take',
    markdownProse(`${machineWords(run.environment)}; run ${run.runId}`),
    ...(run.arms.some(isTimedOnly)
      ? ['No server CPU, wall-clock only: network and queues included.']
      : []),
    ...tables.filter(({ rows }) => rows.length > 0).map(tableLines),
    ...summary.comparisons.map((one) => markdownProse(comparisonSentence(one, namesOf(summary)))),
  ]
    .join('\n\n')
    .concat('\n')
}

function tableLines({ caption, heads, rows }: TargetTable): string {
  const columns = heads.map((head) => ({ head, align: 'left' as const }))
  const cells = rows.map((row) => heads.map((_, index) => markdownProse(row[index] ?? '')))
  return [markdownProse(caption), '', ...markdownTable(columns, cells)].join('\n')
}
