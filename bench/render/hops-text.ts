import type { HopFigures } from '../analysis/hops.ts'
import type { Estimate } from '../analysis/stats.ts'
import type { ArmSummary } from '../analysis/summary.ts'
import { withMargin } from './numbers.ts'
import { plainTable, wrap, type Column, type TextOptions } from './table.ts'

/** A table of the hops of each arm that has several, with what it says below; empty where none has. */
export function hopTables(
  arms: readonly ArmSummary[],
  nameOf: (id: string) => string,
  options: TextOptions,
): string[][] {
  const several = arms.filter(({ hops, figures }) => hops.length > 0 && figures !== null)
  const tables = several.map(({ record, hops }) => [
    ...wrap(`${nameOf(record.id)}, hop by hop`),
    ...plainTable(columns, hops.map(rowOf), options),
    ...untoldLine(record),
    ...hops.flatMap((hop) => holdingLine(hop)),
  ])
  return tables.length === 0 ? [] : [...tables, wrap(note, '  ')]
}

function rowOf({
  hop,
  cpuUsPerRequest,
  ownP50Us,
  singleOwnP50Us,
  wholeP50Us,
  bypassed,
}: HopFigures): string[] {
  return [
    hop,
    cell(cpuUsPerRequest),
    cell(ownP50Us),
    cell(singleOwnP50Us),
    cell(wholeP50Us),
    bypassed === null ? '' : `${bypassed.refused} of ${bypassed.tried}`,
  ]
}

function untoldLine({ preflight }: ArmSummary['record']): string[] {
  const product = preflight?.product
  return product === undefined ? [] : wrap(`–: ${product} does not tell how long it takes`, '  ')
}

function holdingLine({ hop, bypassed }: HopFigures): string[] {
  if (bypassed === null) return []
  return wrap(`${hop}: by an attacker who has ${bypassed.holds}`, '  ')
}

function cell(estimate: Estimate | null): string {
  return estimate === null ? '–' : withMargin(estimate)
}

const columns: readonly Column[] = [
  { head: '', align: 'left' },
  { head: 'CPU µs/req', align: 'right' },
  { head: 'own p50 µs', align: 'right' },
  { head: 'alone', align: 'right' },
  { head: 'with rest', align: 'right' },
  { head: 'still refuses', align: 'right' },
]
const note =
  'own: in the process of the hop, without waiting for the next one; alone: the same at one connection; with rest: to the answer, all hops behind it included. still refuses: bad requests refused where all hops before are in the hands of an attacker; npm run verify names them.'
