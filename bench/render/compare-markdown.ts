import { metrics } from '../analysis/metrics.ts'
import type { Change, RunComparison, Side } from '../analysis/sides.ts'
import type { Environment } from '../results.ts'
import {
  changeCoverage,
  changeWords,
  inTellingOrder,
  machineWords,
  percent,
  shortCases,
  thresholdWords,
  verdictCounts,
  verdictWords,
} from './changes.ts'
import {
  markdownCode,
  markdownCommands,
  markdownProse,
  markdownTable,
  shellCommand,
} from './markdown-text.ts'
import { coverage } from './notes.ts'
import { withMargin } from './numbers.ts'

/** What the Markdown of a comparison tells beside the comparison. */
export interface MarkdownContext {
  /** Words of the command that measures the same again. */
  readonly reproduce: readonly string[]
  /** Name of the forest plot's file; null where there is none. */
  readonly chartFile: string | null
  /** Where it was measured; of stored runs, the later one. */
  readonly environment: Environment
}

/** First line of every comment of ours, by which the next one finds it; GitHub does not show it. */
export const COMMENT_MARKER = '<!-- trustbench -->'

/**
 * A comparison as a comment on a pull request, in GitHub's Markdown: the verdict, a table like
 * benchstat's with what changed first, what is not compared by name, what was measured on what, and
 * how to measure it again. Nothing from data is markup, mention or link. What would not fit into
 * GitHub's 65,536 characters is cut and counted. Ends with a line feed.
 */
export function renderComparisonMarkdown(
  comparison: RunComparison,
  context: MarkdownContext,
): string {
  const { before, after, missing, forced, warnings } = comparison
  const sections = [
    [COMMENT_MARKER],
    [`### ${headline(comparison)}`],
    before.complete && after.complete ? [] : [INCOMPLETE],
    upTo(
      forced.map((reason) => `- **forced** although ${markdownProse(reason)}`),
      'reasons',
    ),
    [`${sideWords(before)} → ${sideWords(after)}`],
    ...changeTable(comparison),
    [
      ...upTo(
        missing.map(
          ({ case: id, reason }) =>
            `- not compared: ${markdownCode(id, NAME_CHARACTERS)}, ${markdownProse(reason)}`,
        ),
        'cases that are not compared',
      ),
      ...upTo(
        warnings.map(
          ({ message, advice }) =>
            `- warning: ${markdownProse(message)} (${markdownProse(advice)})`,
        ),
        'warnings',
      ),
    ],
    context.chartFile === null
      ? []
      : [`Forest plot: ${markdownCode(context.chartFile, NAME_CHARACTERS)}`],
    notesOf(comparison, context),
    reproduceSection(comparison, context),
  ]
  const told = sections.filter((lines) => lines.length > 0).map((lines) => lines.join('\n'))
  return `${told.join('\n\n')}\n`
}

/** The worst verdict first, then how many there are of each. */
function headline({ changes, missing, thresholds }: RunComparison): string {
  const [worst, ...others] = verdictCounts(changes)
  const notCompared = missing.length === 0 ? '' : `, ${missing.length} not compared`
  if (worst === undefined) return `trustbench: nothing to compare${notCompared}`
  const { verdict, count } = worst
  const all = plural(changes.length, 'figure')
  const share = count < changes.length ? `${count} of ${all}` : count > 1 ? `all ${all}` : all
  const within = verdict === 'same' ? ` (within ±${percent(thresholds.equivalence)})` : ''
  const rest = others.map((other) => `, ${other.count} ${other.verdict}`).join('')
  return `${signs[verdict]} ${verdict}${within}: ${share}${rest}${notCompared}`
}

function sideWords({ label, commit }: Side): string {
  const hash = commit?.slice(0, 8) ?? null
  const name = markdownCode(label, NAME_CHARACTERS)
  return hash === null || label.includes(hash) ? name : `${name} ${markdownCode(hash)}`
}

function changeTable(comparison: RunComparison): string[][] {
  const { changes, kind } = comparison
  const told = inTellingOrder(changes)
  const { shortOf, common } = shortCases(changes.map((change) => change.case))
  const rows = told.map((change) => {
    const { name, detail } = shortOf(change.case)
    const label = [name, detail].filter((part) => part !== '').join(' ')
    return [markdownCode(label, LONG_NAME_CHARACTERS), ...figureCells(change, kind)]
  })
  const fitting = countFitting(
    rows.map((cells) => cells.join(' | ')),
    TABLE_CHARACTERS,
  )
  const cut = told.slice(fitting)
  const over = kind === 'stored' ? ' ÷ ref' : ''
  const columns = [
    { head: 'case', align: 'left' },
    { head: 'figure', align: 'left' },
    { head: `before${over}`, align: 'right' },
    { head: `after${over}`, align: 'right' },
    { head: 'change', align: 'left' },
    { head: 'verdict', align: 'left' },
  ] as const
  return [
    rows.length === 0 ? [] : markdownTable(columns, rows.slice(0, fitting)),
    cut.length === 0
      ? []
      : [`${plural(cut.length, 'more row')} cut to fit into a comment: ${countWords(cut)}.`],
    common.length === 0
      ? []
      : [`All rows that have it: ${markdownCode(common.join(', '), LONG_NAME_CHARACTERS)}`],
  ]
}

function figureCells(change: Change, kind: RunComparison['kind']): string[] {
  const { label, unit } = metrics[change.metric]
  const isDecided = change.verdict === 'worse' || change.verdict === 'better'
  const verdict = `${signs[change.verdict]} ${verdictWords(change)}`
  return [
    `${label}${kind === 'live' ? `, ${unit}` : ''}${change.clientLimited ? ' †' : ''}`,
    change.before === null ? UNKNOWN : withMargin(change.before),
    change.after === null ? UNKNOWN : withMargin(change.after),
    changeWords(change),
    isDecided ? `**${verdict}**` : verdict,
  ]
}

function notesOf(comparison: RunComparison, { environment }: MarkdownContext): string[] {
  const { kind, before, after, changes, thresholds } = comparison
  const told = changeCoverage(comparison)
  const own = coverage(
    changes.flatMap((change) => [change.before ?? [], change.after ?? []].flat()),
  )
  const runs = [...new Set([before.runId, after.runId])].map((id) =>
    markdownCode(id, NAME_CHARACTERS),
  )
  return [
    ...(told === null ? [] : [`Changes: ${told}. ${thresholdWords(thresholds)}`]),
    ...(own === null ? [] : [`±: ${own}, of that figure alone.`]),
    ...(kind === 'stored'
      ? ['÷ ref: divided by the same figure of the reference server in the same blocks.']
      : []),
    ...(changes.some(({ clientLimited }) => clientLimited)
      ? ['†: the client was the limit: this latency is largely the client’s.']
      : []),
    `Measured on ${markdownProse(machineWords(environment), LONG_NAME_CHARACTERS)}; run ${runs.join(' and ')}.`,
  ]
}

/** Collapsed: a checkout of what was judged, where that has a commit, and the command. */
function reproduceSection({ after }: RunComparison, { reproduce }: MarkdownContext): string[] {
  const command = shellCommand(reproduce)
  const isCommit = after.commit !== null && /^[\da-f]{7,64}$/.test(after.commit)
  const checkout = isCommit ? [`git checkout ${after.commit}`, 'npm ci'] : []
  return [
    '<details>',
    '<summary>Reproduce</summary>',
    '',
    ...(after.dirty === true
      ? ['There were uncommitted changes: this measures without them.', '']
      : []),
    ...(command.length > COMMAND_CHARACTERS
      ? ['The command is too long for a comment; the run’s JSON has it.']
      : markdownCommands([...checkout, command])),
    '',
    '</details>',
  ]
}

/** As many lines as have room, and how many were cut. */
function upTo(lines: readonly string[], what: string): string[] {
  const fitting = countFitting(lines, LIST_CHARACTERS)
  const cut = lines.length - fitting
  return cut === 0
    ? [...lines]
    : [...lines.slice(0, fitting), `- ${cut} more ${what} cut to fit into a comment`]
}

function countFitting(lines: readonly string[], limit: number): number {
  let used = 0
  const first = lines.findIndex((line) => {
    used += line.length + LINE_EXTRA
    return used > limit
  })
  return first < 0 ? lines.length : first
}

function countWords(changes: readonly Change[]): string {
  return verdictCounts(changes)
    .map(({ verdict, count }) => `${count} ${verdict}`)
    .join(', ')
}

function plural(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`
}

/** The shapes that the forest plot draws. */
const signs = { worse: '▲', better: '◆', undecided: '○', same: '■' } as const
const UNKNOWN = '–'
const INCOMPLETE =
  '**Incomplete**: the run was cut short; the figures are of the blocks that it finished.'
const NAME_CHARACTERS = 100
const LONG_NAME_CHARACTERS = 200
// Table, three lists and all else at its longest, each character a reference of up to 13, are 60,000:
// a workflow that appends a link stays below 65,536.
const TABLE_CHARACTERS = 24_000
const LIST_CHARACTERS = 6_000
const COMMAND_CHARACTERS = 4_000
/** `| `, ` |` and the line feed. */
const LINE_EXTRA = 5
