import { gatedMetrics, metrics } from '../analysis/metrics.ts'
import type { Change, RunComparison } from '../analysis/sides.ts'
import { plainText, shortenCaseIds } from './charts-text.ts'
import { wrapLabel } from './labels.ts'
import { coverage } from './notes.ts'
import { atMostPercent, signedPercent, withMargin } from './numbers.ts'
import { isGrave, joinSections, warningLines } from './sections.ts'
import { paint, plainTable, wrap, type TextOptions } from './table.ts'

/**
 * A comparison for a terminal, like benchstat's: what changed first, `~` where nothing is decided,
 * with what is ruled out; cases that are not compared by name. Ends with a line feed.
 */
export function renderComparison(comparison: RunComparison, options: TextOptions): string {
  const { before, after, forced, missing, warnings } = comparison
  const side = (name: string, { label, runId }: RunComparison['before']) =>
    wrap(
      `${name} ${plainText(label)}${comparison.kind === 'live' ? '' : `, run ${plainText(runId)}`}`,
      '  ',
    )
  return joinSections([
    warningLines(warnings.filter(isGrave), options),
    forced.flatMap((reason) =>
      wrap(`FORCED although ${plainText(reason)}`, '  ').map((line) =>
        paint(line, 'yellow', options),
      ),
    ),
    [...side('before:', before), ...side('after: ', after)],
    changeTable(comparison, options),
    missing.flatMap(({ case: id, reason }) =>
      wrap(`not compared: ${plainText(id)}, ${plainText(reason)}`, '  '),
    ),
    notesOf(comparison).flatMap((note) => wrap(note, '  ')),
    warningLines(
      warnings.filter((one) => !isGrave(one)),
      options,
    ),
  ])
}

function changeTable({ changes, kind }: RunComparison, options: TextOptions): string[] {
  if (changes.length === 0) return ['nothing to compare']
  const ids = changes.map((change) => change.case)
  const { rows } = shortenCaseIds([...new Set(ids)])
  const labels = new Map(
    [...new Set(ids)].map((id, index) => {
      if (kind === 'targets') return [id, targetLabel(id)]
      const { name = '', detail = '' } = rows[index] ?? {}
      return [id, [name, detail].filter((part) => part !== '').join(' ')]
    }),
  )
  const over = kind === 'stored' ? ' ÷ ref' : ''
  return plainTable(
    [
      { head: '', align: 'left' },
      { head: '', align: 'left' },
      { head: `before${over}`, align: 'right' },
      { head: `after${over}`, align: 'right' },
      { head: '', align: 'left' },
      { head: 'change', align: 'left' },
    ],
    changes
      .toSorted(bySignificance)
      .map((change) => [
        wrapLabel(labels.get(change.case) ?? change.case),
        metricCell(change, kind),
        change.before === null ? UNKNOWN : withMargin(change.before),
        change.after === null ? UNKNOWN : withMargin(change.after),
        verdictCell(change, options),
        changeCell(change),
      ]),
    options,
  )
}

/** A target has a name of its own, which is one of the parameters of its case. */
function targetLabel(id: string): string {
  const [, label = id] = /\/target=([^/]*)/.exec(id) ?? []
  return plainText(label.replaceAll('%2F', '/'))
}

function metricCell({ metric, clientLimited }: Change, kind: RunComparison['kind']): string {
  const { label, unit } = metrics[metric]
  return `${label}${kind === 'stored' ? '' : `, ${unit}`}${clientLimited ? ' *' : ''}`
}

/** `~` where nothing is decided, so that nobody reads a change into noise. */
function verdictCell({ verdict }: Change, options: TextOptions): string {
  switch (verdict) {
    case 'worse':
      return paint('worse', 'red', options)
    case 'better':
      return paint('better', 'green', options)
    case 'same':
      return 'same'
    case 'undecided':
      return '~'
  }
}

/** The change and its interval, or what is ruled out. */
function changeCell({ ratio, verdict, rulesOutMoreThan }: Change): string {
  if (verdict === 'undecided') {
    return rulesOutMoreThan === null
      ? 'too few blocks to tell'
      : `rules out more than ${atMostPercent(rulesOutMoreThan)}`
  }
  if (ratio?.low == null || ratio.high === null) return ''
  const told = [ratio.estimate, ratio.low, ratio.high].map((one) => signedPercent(one - 1))
  return `${told[0]} (${told[1]} to ${told[2]})`
}

/** Verdicts in their order, the largest change first, then by name: the same comparison reads the same. */
function bySignificance(a: Change, b: Change): number {
  const size = ({ ratio }: Change) => Math.abs(Math.log(ratio?.estimate ?? 1))
  return (
    order.indexOf(a.verdict) - order.indexOf(b.verdict) ||
    (a.verdict === 'worse' || a.verdict === 'better' ? size(b) - size(a) : 0) ||
    (a.case < b.case ? -1 : a.case > b.case ? 1 : 0) ||
    gatedMetrics.indexOf(a.metric) - gatedMetrics.indexOf(b.metric)
  )
}

function notesOf({ kind, changes, thresholds: { effect, equivalence } }: RunComparison): string[] {
  const ratios = changes.flatMap(({ ratio }) => ratio ?? [])
  const told = coverage(ratios)
  const own = coverage(
    changes.flatMap(({ before, after }) => [before, after]).filter((one) => one !== null),
  )
  const { common } = shortenCaseIds([...new Set(changes.map((change) => change.case))])
  const percent = (share: number) => `${Number((share * 100).toPrecision(3))} %`
  return [
    ...(told === null
      ? []
      : [
          `Changes: ${told}, all ${ratios.length} at once. worse and better: all of it is beyond ${percent(effect)}; same: all of it is within ${percent(equivalence)}; ~ neither.`,
        ]),
    ...(own === null ? [] : [`±: ${own}, of that figure alone.`]),
    ...(kind === 'stored'
      ? ['÷ ref: divided by the same figure of the reference server in the same blocks.']
      : []),
    ...(kind === 'targets'
      ? [
          'before and after are as they were measured, at different times, by the name of the target.',
        ]
      : []),
    ...(common.length === 0 || kind === 'targets'
      ? []
      : [`all rows that have it: ${common.join(', ')}`]),
    ...(changes.some(({ clientLimited }) => clientLimited)
      ? [
          `* the client was the limit${kind === 'stored' ? ' there or of the reference' : ''}: this latency is largely the client’s.`,
        ]
      : []),
  ]
}

const order = ['worse', 'better', 'undecided', 'same'] as const
const UNKNOWN = '–'
