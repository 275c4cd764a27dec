import type { Ledger, PrimitiveFigures } from '../analysis/ledger.ts'
import type { Summary } from '../analysis/summary.ts'
import type { Run } from '../results.ts'
import { labelArms } from './labels.ts'
import { coverage, machineNote } from './notes.ts'
import { withMargin } from './numbers.ts'
import { isGrave, joinSections, warningLines } from './sections.ts'
import { plainTable, wrap, type TextOptions } from './table.ts'

/** Primitives, and the ledger of each case, for a terminal. Ends with a line feed. */
export function renderMicro(run: Run, summary: Summary, options: TextOptions): string {
  const { rows } = labelArms(summary.arms.map(({ record }) => record))
  const nameOf = (id: string) =>
    rows[summary.arms.findIndex(({ record }) => record.id === id)] ?? id
  return joinSections([
    warningLines(summary.warnings.filter(isGrave), options),
    ...groupsOf(summary.primitives).map((group) => primitiveTable(group, options)),
    ...summary.ledgers.map((ledger) => ledgerTable(ledger, nameOf, options)),
    summary.ledgers.flatMap((ledger) => sentence(ledger, nameOf)).flatMap((line) => wrap(line)),
    notes(run, summary).flatMap((note) => wrap(note, '  ')),
    warningLines(
      summary.warnings.filter((one) => !isGrave(one)),
      options,
    ),
  ])
}

/** What the ledger of a case comes to, in a sentence; names what is missing where much is. */
export function sentence(
  { arm, explainedShare, restCpuUs }: Ledger,
  nameOf: (id: string) => string,
): string[] {
  const { estimate } = explainedShare
  const told = `${nameOf(arm)}: the parts account for ${percent(estimate)} of a request`
  if (estimate > mostExplained) {
    return [
      `${told}. They come to more than the whole: alone they run with other caches and other company.`,
    ]
  }
  return estimate >= leastExplained
    ? [`${told}.`]
    : [
        `${told}, less than ${percent(leastExplained)}. Missing (${withMargin(restCpuUs)} µs): promises and turns of the event loop between the parts, thread hand-over, garbage collection, caches that the parts alone do not share, and a neighbouring core that is idle while they run, where the load client keeps it busy.`,
      ]
}

function primitiveTable(group: readonly PrimitiveFigures[], options: TextOptions): string[] {
  return plainTable(
    columns,
    group.map(({ id, cpuUsPerCall, wallP50UsPerCall }) => [
      id,
      withMargin(cpuUsPerCall),
      withMargin(wallP50UsPerCall),
    ]),
    options,
  )
}

function ledgerTable(
  { arm, totalCpuUs, entries, restCpuUs }: Ledger,
  nameOf: (id: string) => string,
  options: TextOptions,
): string[] {
  const share = (us: number) => percent(us / totalCpuUs.estimate)
  return plainTable(
    [
      { head: nameOf(arm), align: 'left' },
      { head: 'CPU µs/req', align: 'right' },
      { head: 'share', align: 'right' },
    ],
    [
      ...entries.map(({ label, cpuUs }) => [label, withMargin(cpuUs), share(cpuUs.estimate)]),
      ['unexplained', withMargin(restCpuUs), share(restCpuUs.estimate)],
      ['measured whole', withMargin(totalCpuUs), ''],
    ],
    options,
  )
}

/** Primitives by the first word of their names, each group with its columns. */
function groupsOf(primitives: readonly PrimitiveFigures[]): PrimitiveFigures[][] {
  return [...Map.groupBy(primitives, ({ id }) => id.split(/[ :]/, 1)[0] ?? '').values()]
}

function notes(run: Run, { primitives }: Summary): string[] {
  const told = coverage(primitives.map(({ cpuUsPerCall }) => cpuUsPerCall))
  return [
    'Each primitive runs alone in a process of its own on the servers’ cores, by tinybench; CPU is that of all its threads, wall the median of its calls. The ledger adds them up block by block against the same block’s CPU per request.',
    told === null ? 'One block has no interval.' : `± reaches to the farther end of the ${told}.`,
    machineNote(run),
  ]
}

function percent(share: number): string {
  // −0 is 0.
  return `${Math.round(share * 100) + 0} %`
}

/** Below this the report says what is missing. */
export const leastExplained = 0.85
const mostExplained = 1.05
const columns = [
  { head: 'primitive', align: 'left' },
  { head: 'CPU µs/call', align: 'right' },
  { head: 'wall µs', align: 'right' },
] as const
