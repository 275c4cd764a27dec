import type { Claim, ClaimNumber, Decision } from '../analysis/claim.ts'
import { withMargin } from './numbers.ts'
import { joinSections } from './sections.ts'
import { plainTable, wrapWords, type TextOptions } from './table.ts'

/** A claim with its verdict, and where that comes from. */
export interface DecidedClaim {
  readonly claim: Claim
  readonly decision: Decision
  /** Of fewer blocks than a verdict should have. */
  readonly isProvisional: boolean
  /** Commands that measure it anew. */
  readonly reproduce: readonly string[]
  readonly runs: readonly string[]
}

/** The table of verdicts, and the figures that they rest on. Ends with a line feed. */
export function renderClaims(decided: readonly DecidedClaim[], options: TextOptions): string {
  const provisional = decided.some(({ isProvisional }) => isProvisional)
  return joinSections([
    plainTable(
      [
        { head: '', align: 'left' },
        { head: 'claim', align: 'left' },
        { head: 'verdict', align: 'left' },
        { head: 'seen', align: 'left' },
      ],
      decided.map(({ claim, decision }) => [
        claim.id,
        wrapWords(`${claim.sentence} (${claim.source})`, CLAIM_WIDTH).join('\n'),
        verdictText(decision),
        wrapWords(decision.seen, SEEN_WIDTH).join('\n'),
      ]),
      options,
    ),
    decided.flatMap(figureLines),
    decided.flatMap(({ claim, reproduce }) =>
      reproduce.map((command) => `  ${claim.id.padEnd(4)}${command}`),
    ),
    provisional
      ? [
          '  Provisional: fewer blocks than a verdict should have; without --quick they are decided.',
        ]
      : [],
  ])
}

/** A number of a decision, with its unit. */
export function numberText({ value, unit }: ClaimNumber): string {
  const told = typeof value === 'number' ? String(value) : withMargin(value)
  if (unit === '×') return `×${told}`
  return unit === '' || unit === 'of' ? told : `${told} ${unit}`
}

function figureLines({ claim, decision }: DecidedClaim): string[] {
  return decision.numbers.map(
    (number) => `  ${claim.id.padEnd(4)}${number.label}: ${numberText(number)}`,
  )
}

function verdictText({ verdict, turnsAt }: Decision): string {
  if (turnsAt === null) return verdict
  const at = turnsAt.value === null ? '' : ` ${withMargin(turnsAt.value)}`
  return [verdict, ...wrapWords(`(${turnsAt.variable}${at})`, VERDICT_WIDTH)].join('\n')
}

const CLAIM_WIDTH = 34
const VERDICT_WIDTH = 22
const SEEN_WIDTH = 34
