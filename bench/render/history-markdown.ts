import type { History, HistorySeries } from '../analysis/history.ts'
import type { Warning } from '../results.ts'
import { plainText } from './charts-text.ts'
import { exclusionLines, notesOf } from './history-text.ts'
import { changeText, headline, machineLabel, sourceLabel } from './history-words.ts'
import { withMargin } from './numbers.ts'

/** The history as Markdown: the chart, one row for each case and machine, and how to read it. */
export function renderHistoryMarkdown(
  history: History,
  {
    charts,
    warnings,
  }: { readonly charts: readonly string[]; readonly warnings: readonly Warning[] },
): string {
  const sections = [
    headline(history).map(escape),
    charts.map((chart) => `![History of server CPU per request ÷ reference](<${chart}>)`),
    table(history),
    notesOf(history, []).map((note) => `- ${escape(note)}`),
    exclusionLines(history).map((line) => `- ${escape(line)}`),
    warnings.map(({ message, advice }) => `- warning: ${escape(message)}; ${escape(advice)}`),
  ]
  return `${sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n')}\n`
}

function table({ series }: History): string[] {
  if (series.length === 0) return []
  return [
    '| case | machine | runs | first ÷ ref | newest ÷ ref | change points |',
    '| --- | --- | ---: | ---: | ---: | --- |',
    ...series.flatMap(rowsOf),
  ]
}

function rowsOf({ case: id, machines }: HistorySeries): string[] {
  return machines.map((machine) => {
    const cells = [machine.points[0], machine.points.at(-1)].map((point) =>
      point === undefined ? '–' : `${withMargin(point.ratio)} (${sourceLabel(point)})`,
    )
    const changes = machine.changes.map((change) =>
      changeText(machine, change, { namesMachine: false }),
    )
    return `| ${[id, machineLabel(machine), String(machine.points.length), ...cells].map(escape).join(' | ')} | ${changes.length === 0 ? 'none' : changes.map(escape).join('<br>')} |`
  })
}

/** Text that stays text in a cell: names come out of files. */
function escape(text: string): string {
  return plainText(text.replaceAll(' → ', ' to ')).replaceAll(/[\\`*_{}[\]<>|#]/g, '\\$&')
}
