import type { Run } from '../results.ts'
import type { Summary } from '../analysis/summary.ts'
import type { DecidedClaim } from './claims-text.ts'
import { machineWords } from './changes.ts'
import { labelArms } from './labels.ts'
import { markdownProse, markdownTable } from './markdown-text.ts'
import { signedWithMargin, withMargin } from './numbers.ts'
import { scoreOf } from './refusals.ts'
import { sentences } from './sentence.ts'

/** The report for a comment or a job summary on GitHub: sentences, the table of cases, the verdicts. */
export function renderReportMarkdown(
  { run, summary }: { readonly run: Run; readonly summary: Summary },
  claims: readonly DecidedClaim[],
): string {
  const { rows } = labelArms(summary.arms.map(({ record }) => record))
  const nameOf = (id: string) =>
    rows[summary.arms.findIndex(({ record }) => record.id === id)] ?? id
  const cost = markdownTable(
    [
      { head: 'case', align: 'left' },
      { head: 'CPU µs/request', align: 'right' },
      { head: 'over its baseline', align: 'right' },
      { head: 'p50 µs', align: 'right' },
      { head: 'refused of tried', align: 'right' },
    ],
    summary.arms.map(({ record, figures }, index) => {
      const { cpuUsPerRequest = null, latencyP50Us = null } = figures?.metrics ?? {}
      const difference = summary.comparisons.find(
        ({ case: id, metric }) => id === record.id && metric === 'cpuUsPerRequest',
      )?.difference
      return [
        rows[index] ?? record.id,
        cpuUsPerRequest === null ? '–' : withMargin(cpuUsPerRequest),
        difference == null ? '' : signedWithMargin(difference),
        latencyP50Us === null ? '–' : withMargin(latencyP50Us),
        record.preflight === null ? 'not tried' : scoreOf(record.preflight),
      ].map((cell) => markdownProse(cell))
    }),
  )
  const verdicts = markdownTable(
    ['id', 'claim', 'verdict', 'seen'].map((head) => ({ head, align: 'left' as const })),
    claims.map(({ claim, decision }) =>
      [claim.id, claim.sentence, decision.verdict, decision.seen].map((cell) =>
        markdownProse(cell),
      ),
    ),
  )
  return [
    '### What trust between machines costs',
    markdownProse(`${machineWords(run.environment)}; run ${run.runId}`),
    ...sentences(summary, nameOf).map((cell) => markdownProse(cell)),
    cost.join('\n'),
    ...(claims.length === 0 ? [] : [verdicts.join('\n')]),
  ]
    .join('\n\n')
    .concat('\n')
}
