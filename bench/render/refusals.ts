import type { HopRefusals, Preflight, Refusal } from '../results.ts'
import { plainTable, wrap, wrapWords, type Column } from './table.ts'

/** The bad credentials tried against one case as text of 100 columns; what was not refused is named below. */
export function refusalTable(caseId: string, preflight: Preflight): string {
  const rows = preflight.refusals.map(rowOf)
  const { hops = [] } = preflight
  const failures = [preflight, ...hops]
    .flatMap(({ refusals }) => refusals)
    .filter(({ passed }) => !passed)
  return [
    ...wrap(caseId),
    '',
    ...plainTable(columns, rows, { color: false }),
    '',
    ...wrap(summaryOf(preflight)),
    ...hops.flatMap(hopLines),
    ...failures.flatMap((refusal) => wrap(failureOf(refusal), '  ')),
    '',
  ].join('\n')
}

/** What one hop refuses an attacker who has all before it. */
function hopLines({ hop, holds, tried, refused, refusals }: HopRefusals): string[] {
  return [
    '',
    ...wrap(`${hop}, called by an attacker who has ${holds}:`),
    '',
    ...plainTable(columns, refusals.map(rowOf), { color: false }),
    '',
    ...wrap(`${refused} of ${tried} refused by the ${hop} alone`),
  ]
}

/** How many bad credentials were refused as they must be; of a product also how many got in. */
export function scoreOf({ refused, tried, refusals }: Preflight): string {
  const accepted = refusals.filter(({ gap }) => gap === 'accepted').length
  return `${refused} of ${tried}${accepted === 0 ? '' : `, ${accepted} let in`}`
}

function rowOf(refusal: Refusal): string[] {
  const { id, sameAs, describe, expected, handlerCalls, reasons } = refusal
  return [
    fit([id, ...sameAs].join(' '), widths.id),
    fit(describe, widths.describe),
    fit(expected, widths.expected),
    fit(verdictOf(refusal), widths.outcome),
    String(handlerCalls),
    reasons.map((reason) => fit(reason, widths.reasons)).join('\n'),
  ]
}

function verdictOf({ kind, passed, outcome, gap }: Refusal): string {
  if (gap !== undefined) return gapWords[gap]
  if (!passed) return 'FAILED'
  return kind === 'refuse' ? 'refused' : outcome
}

function summaryOf(preflight: Preflight): string {
  const { controlsPassed, tried, refused, recorded, handlerCalls, pairs, product } = preflight
  return [
    `${product === undefined ? '' : `${product}: `}${refused} of ${tried} refused as they must be`,
    `${handlerCalls} handler calls`,
    `${recorded} accepted by design and recorded`,
    `${controlsPassed} good credentials accepted beside them`,
    ...(pairs === undefined
      ? []
      : [`${pairs.refused} of ${pairs.tried} pairs of ${pairs.partners} partners refused`]),
  ].join(', ')
}

function failureOf({ id, expected, outcome, gap }: Refusal): string {
  return `${gap === undefined ? 'FAILED' : gapWords[gap]} ${id}: expected ${expected}; ${outcome}`
}

/** Breaks text at spaces, and names like `tls:ERR_SSL_BAD_SIGNATURE` at underscores, to a column's width. */
function fit(text: string, width: number): string {
  return wrapWords(text, width)
    .flatMap((line) => (line.length <= width ? [line] : breakName(line, width)))
    .join('\n')
}

function breakName(name: string, width: number): string[] {
  const lines = ['']
  for (const part of name.split(/(?<=_)/)) {
    const last = lines.at(-1) ?? ''
    if (last.length + part.length <= width) lines[lines.length - 1] = last + part
    else lines.push(part)
  }
  return lines.filter((line) => line !== '')
}

/** Of a product: what it is that is not as it must be. */
const gapWords = {
  accepted: 'ACCEPTED',
  'refused otherwise': 'otherwise',
  'not tried': 'not tried',
} as const satisfies Record<NonNullable<Refusal['gap']>, string>
/** With two columns between them, 100 in all. */
const widths = { id: 7, describe: 27, expected: 18, outcome: 9, reasons: 24 } as const
const columns: readonly Column[] = [
  { head: 'case', align: 'left' },
  { head: 'presented', align: 'left' },
  { head: 'expected', align: 'left' },
  { head: 'outcome', align: 'left' },
  { head: 'calls', align: 'right' },
  { head: 'reason logged', align: 'left' },
]
